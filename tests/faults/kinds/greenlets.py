"""An agent whose tasks are greenlets: Python is patched before anything else is imported."""

# ruff: noqa: E402, I001
from gevent import monkey

monkey.patch_all()

import os
import random

import gevent
from gevent.pool import Pool
from opentelemetry import trace

from tests.faults.kinds.recording import decide, start, work


def task(agent, number):  # type: ignore[no-untyped-def]
    mark = f"{os.getpid()}-task-{number}"
    with agent.governor.conversation(mark), trace.get_tracer("kinds").start_as_current_span(f"work {mark}"):
        for _ in range(3):
            gevent.sleep(random.random() / 50)
            decide(agent, mark)


def main() -> None:
    agent = start()
    Pool(20).map(lambda number: task(agent, number), range(60))
    child = os.fork()
    for number in range(5):
        task(agent, f"later-{number}")
    work(agent)
    if child:
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main()
