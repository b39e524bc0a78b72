"""One count that only grows: its total, and how much of it was added in the last while."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

#: The longest window, in seconds (7 days).
MAX_WINDOW: Final = 7 * 86400

_MINUTE: Final = 60
_HOUR: Final = 3600
# Up to which age a window's start is known to the second, and to the minute.
_BY_SECONDS: Final = 2 * _MINUTE
_BY_MINUTES: Final = 2 * _HOUR
# Thinning leaves at most 122 seconds, 121 minutes and 170 hours; it runs when a third more has come.
_CROWDED: Final = 560


class Meter:
    """A total, and what it was when each of the latest steps of time began.

    A window is counted in steps of a second up to 2 minutes, of a minute up to 2 hours, of an hour above; the
    step that the window's start cuts is counted whole, so that a limit may hold up to one step longer, never
    shorter. Memory is bounded: older steps are thinned out to what coarser windows ask for.
    """

    __slots__ = ("_begun", "_latest", "total")

    def __init__(self) -> None:
        self.total = 0
        self._latest = -1
        # (second, the total before it), ascending in both.
        self._begun: list[tuple[int, int]] = []

    def add(self, amount: int, second: int) -> None:
        """Count `amount` now, in this second of a monotonic clock; one that stepped back counts as now."""
        if second > self._latest:
            self._latest = second
            self._begun.append((second, self.total))
            if len(self._begun) >= _CROWDED:
                self._thin(second)
        self.total += amount

    def within(self, window: float, now: float) -> int:
        """The amount added in the last `window` seconds (up to `MAX_WINDOW`), rounded up to whole steps."""
        width = _width(window)
        oldest = int((now - window) // width) * width
        begun = self._begun  # another thread may put a thinner list in its place
        position = bisect_left(begun, (oldest, -1))
        return self.total - begun[position][1] if position < len(begun) else 0

    def _thin(self, now: int) -> None:
        """Keep of older steps the first of each minute, then of each hour, then none."""
        kept: list[tuple[int, int]] = []
        step = None
        for second, before in self._begun:
            age = now - second
            width = _width(age)
            if age <= MAX_WINDOW + _HOUR and (width == 1 or step != (width, second // width)):
                kept.append((second, before))
            step = width, second // width
        self._begun = kept


def _width(age: float) -> int:
    """How coarse the steps are at this age, in seconds."""
    if age <= _BY_SECONDS:
        return 1
    return _MINUTE if age <= _BY_MINUTES else _HOUR
