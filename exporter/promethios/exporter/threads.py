"""Threads that stay in the process that started them.

A fork leaves the child only the thread that forked; but gevent's threads are greenlets, and those are all
copied. There each would go on with what is its parent's, beside the one that the child has started anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


class Home:
    """True in the process in which it was made."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    def __bool__(self) -> bool:
        return os.getpid() == self._pid


def start(run: Callable[[Home], None], name: str) -> None:
    """Run `run` in a daemon thread. It is to return soon where the `Home` that it is given is false.

    Args:
        run: Called with the process that it belongs to.
        name: The thread's name.
    """
    threading.Thread(target=_run, args=(run, Home()), name=name, daemon=True).start()


def _run(run: Callable[[Home], None], home: Home) -> None:
    run(home)
    if not home:
        # `threading` knows no such thread in this process, and would complain about its end.
        threading.Event().wait()
