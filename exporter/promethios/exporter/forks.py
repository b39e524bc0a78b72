"""What belongs to one process is made anew in each child that is forked from it, before any of its code runs.

One callback for all: those of `os.register_at_fork` can never be taken back, and would pile up in a process
that opens and closes deliveries.
"""

from __future__ import annotations

import logging
import os
from typing import Protocol
from weakref import WeakSet

_logger = logging.getLogger("promethios.exporter")


class Forked(Protocol):
    """An object with locks, threads, sockets or files of one process."""

    def renew(self) -> None:
        """Start anew in a forked child, where only the thread that forked goes on."""


_alive: WeakSet[Forked] = WeakSet()


def renew_in_child(target: Forked) -> None:
    """Call `target.renew()` in every child that is forked while `target` is alive."""
    _alive.add(target)


def _renew_all() -> None:
    for target in list(_alive):
        try:
            target.renew()
        except Exception:
            # Such as no room for a thread: the others have locks to renew, too.
            _logger.exception("%s does not work in process %d", type(target).__name__, os.getpid())


os.register_at_fork(after_in_child=_renew_all)
