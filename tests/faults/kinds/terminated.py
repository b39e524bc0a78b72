"""An agent whose pool ends as a ``with`` block ends it: by SIGTERM to its processes."""

from __future__ import annotations

import multiprocessing

from tests.faults.kinds.recording import start, work


def task(number: int) -> str:
    return work(agent)


agent = start()

if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(task, range(8))
