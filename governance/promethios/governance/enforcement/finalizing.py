"""Work that is left to do when an object is collected, done by a thread of its own.

The collector runs wherever memory is asked for, perhaps in code that holds a lock which the work needs. So a
finalizer only hands the work over: `SimpleQueue.put` may be called from a destructor.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

_log = logging.getLogger(__name__)

Work = Callable[[], None]


class _Worker:
    """The thread, started with the first object that it may have work for; anew in a forked child."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._started = False
        self.queue: SimpleQueue[Work] = SimpleQueue()

    renew = _renew

    def start(self) -> None:
        if not self._started:
            with self._lock:
                if not self._started:
                    threading.Thread(target=self._run, name="promethios-streams", daemon=True).start()
                    self._started = True

    def _run(self) -> None:
        queue = self.queue
        while True:
            work = queue.get()
            try:
                work()
            except Exception:
                _log.exception("cannot tell a stream that was abandoned")
            del work


_worker = _Worker()


class Told(Protocol):
    """What is told once."""

    told: bool

    def close(self) -> None:
        """Tell it as far as it went."""


def close_when_collected(owner: Any, what: Told) -> None:
    """Close `what`, which must not hold `owner`, soon after `owner` is collected; not at exit."""
    try:
        _worker.start()
        weakref.finalize(owner, _hand_over, what).atexit = False
    except Exception:
        _log.exception("cannot watch a stream; if it is abandoned it will not be told")


def _hand_over(what: Told) -> None:
    if not what.told:
        _worker.queue.put(what.close)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_worker.renew)
