"""An agent with many tasks at once: ``python -m tests.faults.kinds.tasks asyncio|threads``.

Each has a conversation and a span of its own, and lets others run between its decisions; every third is a
stream whose guard is open while its caller works.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import trace
from tests.faults.kinds.recording import decide, start

agent = start()
tracer = trace.get_tracer("kinds")


@agent.governor.guard("model", name="m")
async def stream() -> AsyncIterator[str]:
    for word in ("one", "two", "three"):
        await asyncio.sleep(0)
        yield word


async def task(number: int) -> None:
    mark = f"{os.getpid()}-{number}"
    with agent.governor.conversation(mark), tracer.start_as_current_span(f"work {mark}") as span:
        for _ in range(3):
            await asyncio.sleep(0)
            decide(agent, mark)
        if number % 3 == 0:
            async for _ in stream():
                assert trace.get_current_span() is span, "the guard holds its context across a yield"
                decide(agent, mark)


async def run() -> None:
    await asyncio.gather(*map(task, range(60)))


def thread(number: int) -> None:
    mark = f"{os.getpid()}-{number}"
    with agent.governor.conversation(mark), tracer.start_as_current_span(f"work {mark}"):
        for _ in range(5):
            decide(agent, mark)


if __name__ == "__main__":
    if sys.argv[1] == "asyncio":
        asyncio.run(run())
    else:
        with ThreadPoolExecutor(16) as executor:
            list(executor.map(thread, range(60)))
