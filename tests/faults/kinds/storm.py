"""An agent that forks under load: ``python -m tests.faults.kinds.storm 20``.

Threads record and flush all the time, so that every lock of ours is held at one fork or another. What they
record is delivered before the end, however slow the machine is: how much it is depends on that.
"""

from __future__ import annotations

import os
import sys
import threading
from itertools import count

from tests.faults.kinds.recording import decide, start, work

from promethios.exporter import Promethios


def main(forks: int) -> None:
    agent = start()
    stop = threading.Event()

    def load() -> None:
        for turn in count():
            if stop.wait(0.0005):
                return
            if turn % 10 == 0:
                decide(agent, f"{os.getpid()}-load", "delete_user")
            agent.totals()

    def flush() -> None:
        while not stop.is_set():
            agent.flush(0.01)

    loads = [threading.Thread(target=each) for each in (load, load, flush)]
    for each in loads:
        each.start()
    for _ in range(forks):
        fork(agent)
    stop.set()
    for each in loads:
        each.join()
    agent.flush(60)


def fork(agent: Promethios) -> None:
    """A child that works and ends, and that is waited for."""
    child = os.fork()
    if child == 0:
        work(agent)
        work(agent, "delete_user")
        agent.shutdown()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
