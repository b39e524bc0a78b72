"""An agent that ends in the way that it is told to: ``python -m tests.faults.kinds.ending WAY``.

It works first, says ``ready``, and then ends at once or waits for a signal.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from typing import Any

from tests.faults.kinds.recording import start, work

from promethios.exporter import Promethios


def main(way: str) -> None:
    agent = start()
    # A shell has what it starts in the background ignore Ctrl-C, and Python leaves that so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if way == "handler":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    for _ in range(5):
        work(agent)
        work(agent, "delete_user")
    print("ready", flush=True)
    _WAYS.get(way, wait)(agent)


def wait(agent: Promethios) -> None:
    """Until a signal comes."""
    threading.Event().wait()


def busy(agent: Promethios) -> None:
    """Until a signal comes, in the middle of our own code most of the time."""
    while True:
        work(agent, "delete_user")


def leave(agent: Promethios) -> None:
    os._exit(4)


def fail(agent: Promethios) -> None:
    raise ValueError("an agent's bug")


def exit_in_a_thread(agent: Promethios) -> None:
    thread = threading.Thread(target=sys.exit, args=(5,))
    thread.start()
    thread.join()
    work(agent)


def flush(agent: Promethios) -> None:
    """End while another thread is in the middle of a flush that takes for ever."""
    started = threading.Event()

    def run() -> None:
        started.set()
        agent.flush(600)

    threading.Thread(target=run, daemon=True).start()
    started.wait()
    work(agent, "delete_user")


def exit_twice(agent: Promethios) -> None:
    """A handler of the end that ends again."""
    atexit.register(sys.exit, 6)
    agent.shutdown()
    agent.shutdown()
    sys.exit(0)


def shut_down_at_once(agent: Promethios) -> None:
    """Two threads that both end the agent."""
    threads = [threading.Thread(target=agent.shutdown) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


_WAYS: dict[str, Any] = {
    "busy": busy,
    "exit-in-a-thread": exit_in_a_thread,
    "exit-twice": exit_twice,
    "fail": fail,
    "flush": flush,
    "leave": leave,
    "normal": lambda agent: None,
    "shut-down-at-once": shut_down_at_once,
}

if __name__ == "__main__":
    main(sys.argv[1])
