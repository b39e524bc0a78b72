"""`observed`, with greenlets for threads."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

from tests.faults.kinds.observed import main

if __name__ == "__main__":
    main()
