"""What a forked child must not share with its parent is made anew in it, before any of its code runs."""

from __future__ import annotations

import logging
import os
from typing import Protocol
from weakref import WeakSet

_logger = logging.getLogger(__name__)


class Renewed(Protocol):
    """An object with locks, numbers or counts of one process."""

    def renew(self) -> None:
        """Start anew in a forked child, where only the thread that forked goes on."""


_alive: WeakSet[Renewed] = WeakSet()


def renew_in_child(target: Renewed) -> None:
    """Call `target.renew()` in every child that is forked while `target` is alive."""
    _alive.add(target)


def _renew_all() -> None:
    for target in list(_alive):
        try:
            target.renew()
        except Exception:
            # Such as no room for another thread: the others have locks to renew, too.
            _logger.exception("%s does not work in process %d", type(target).__name__, os.getpid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
