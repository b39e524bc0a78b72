"""An agent that forks in the middle of a request, with a spool in use, and says what the child holds.

``python -m tests.faults.kinds.shared``: prints two lines of JSON, the child's and the parent's.
"""

from __future__ import annotations

import json
import os
import sys

from tests.faults.kinds.recording import descriptors, start, threads, work


def main() -> None:
    agent = start()
    work(agent, "delete_user")
    sys.stdin.readline()  # by now a request is under way
    before = descriptors()
    child = os.fork()
    if child == 0:
        print(json.dumps({"shared": sorted(set(before.values()) & set(descriptors().values()))}), flush=True)
        work(agent, "delete_user")
        os._exit(0)
    os.waitpid(child, 0)
    print(json.dumps({"held": sorted(before.values()), "threads": threads()}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
