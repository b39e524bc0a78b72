"""SIGTERM, where it is asked for: deliver or keep what was recorded, then end by the signal as before.

Python runs a handler in the main thread, between any two of its instructions: perhaps while that thread holds
a lock that delivering needs. So a thread of its own does the work, and the main thread is held only where it
is in code of the application; until then it is asked again every few milliseconds.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Final

from promethios.exporter.ends import end

#: Seconds beyond the budget after which the main thread is let go, whatever hangs.
_GRACE: Final = 1.0
#: Seconds between two looks at where the main thread is, and how often to look.
_AGAIN: Final = 0.002
_LOOKS: Final = 500
#: Whose locks a delivery needs. One may be held where the innermost frame that is not Python's own is theirs.
_OURS: Final = ("promethios", "opentelemetry")
_SHARED: Final = "logging"

_logger = logging.getLogger("promethios.exporter")


class _Termination:
    """What one process does on SIGTERM; made anew in a forked child, which inherits the handler."""

    def __init__(self) -> None:
        self.budget = 0.0
        self.renew()

    def renew(self) -> None:
        self._begun = False
        self._held, self._done = threading.Event(), threading.Event()

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self._done.is_set():
            _end_by(number)
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._end, args=(number,), name="promethios-end", daemon=True).start()
        if _may_wait() and not _in_our_hands(frame):
            self._held.set()
            self._done.wait(self.budget + _GRACE)
            _end_by(number)

    def _end(self, number: int) -> None:
        for _ in range(_LOOKS):
            if not _may_wait() or self._held.wait(_AGAIN):
                break
            os.kill(os.getpid(), number)
        try:
            end()
        finally:
            self._done.set()
            os.kill(os.getpid(), number)


_termination: Final = _Termination()


def flush_on_sigterm(budget: float) -> None:
    """Handle SIGTERM in this process and in its forked children; only where nothing else does.

    The process' status tells of the signal, as without it. Where the main thread is in C code that does not
    return, it ends when that does.

    Args:
        budget: Seconds that the end may take; of several calls, the longest.
    """
    _termination.budget = max(_termination.budget, budget)
    if threading.current_thread() is not threading.main_thread():
        _logger.warning("SIGTERM is not handled: only the main thread can, and set-up is in another")
    elif signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _termination.handle)
    elif signal.getsignal(signal.SIGTERM) != _termination.handle:
        _logger.warning("SIGTERM is not handled: there is a handler already, which should end the process")


def _end_by(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _may_wait() -> bool:
    """Under gevent the thread that delivers is the main one: it must not be held."""
    monkey = sys.modules.get("gevent.monkey")
    return not (monkey and monkey.is_module_patched("threading"))


def _in_our_hands(frame: FrameType | None) -> bool:
    """Whether the main thread may hold a lock that delivering needs."""
    while frame:
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module == _SHARED or module in _OURS:
            return True
        if module not in sys.stdlib_module_names:
            return False
        frame = frame.f_back
    return False


os.register_at_fork(after_in_child=_termination.renew)
