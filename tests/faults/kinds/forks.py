"""An agent that forks by itself, and once more in the child: ``python -m tests.faults.kinds.forks``."""

from __future__ import annotations

import os
import sys

from tests.faults.kinds.recording import start, work


def main() -> None:
    agent = start()
    work(agent)
    child = os.fork()
    work(agent)
    if child == 0:
        grandchild = os.fork()
        work(agent)
        work(agent, "delete_user")
        if grandchild:
            os.waitpid(grandchild, 0)
        sys.exit()
    work(agent)
    assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main()
