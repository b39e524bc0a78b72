"""Why the writer takes nothing now; there may be several reasons at once."""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Holds:
    """Reasons to hold the writer; it is let go when none is left.

    Args:
        hold: Holds the writer for a reason, and lets it go with None.
    """

    def __init__(self, hold: Callable[[str | None], None]) -> None:
        self._hold = hold
        self._reasons: dict[str, str] = {}
        self._told: str | None = None

    def set(self, name: str, reason: str | None) -> None:
        """Hold the writer for a reason of this name, or no longer; both are logged once.

        Args:
            name: Whose reason it is.
            reason: What clients hear, or None for no reason any more.
        """
        before = name in self._reasons
        if reason is None:
            self._reasons.pop(name, None)
        else:
            self._reasons[name] = reason
        if before != (reason is not None):
            _log.warning("nothing is taken: %s" if reason else "%s: data is taken again", reason or name)
        told = next(iter(self._reasons.values()), None)
        if told != self._told:
            self._told = told
            self._hold(told)
