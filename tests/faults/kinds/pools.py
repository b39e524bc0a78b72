"""An agent with processes of `multiprocessing`: ``python -m tests.faults.kinds.pools fork|spawn|forkserver``.

The children end right after their last decision, by whatever way their method has.
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.faults.kinds.recording import start, work

# At import, as an agent's module does it: a spawned child sets itself up when it imports this.
agent = start()


def task(number: int) -> str:
    return work(agent, "delete_user" if number % 3 == 0 else "look_up")


def main(method: str) -> None:
    context = multiprocessing.get_context(method)
    work(agent)
    workers = 2 if method == "fork" else 1  # others take their time to start
    processes = [context.Process(target=task, args=(number,)) for number in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * workers
    pool = context.Pool(workers)
    pool.map(task, range(8))
    pool.close()
    pool.join()
    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        list(executor.map(task, range(8)))
    work(agent)


if __name__ == "__main__":
    main(sys.argv[1])
