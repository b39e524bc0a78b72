"""Which buckets a range consists of, and which parts of it only rows can tell.

start                                                      end
  |· minutes |·········· whole hours ··········| minutes ·|
  rows                                                  rows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promethios.receiver.rollups.facts import HOUR, MINUTE, SECOND

_NONE: Final = range(0)


@dataclass(frozen=True, slots=True)
class Cover:
    """A range, cut at the edges of buckets.

    Args:
        start, end: The range, nanoseconds; the end is not in it.
        minutes, hours: Starts of the buckets to take, seconds: stretches of minutes, one of hours.
    """

    start: int
    end: int
    minutes: tuple[range, ...] = ()
    hours: range = _NONE

    @property
    def buckets(self) -> list[range]:
        """All stretches that are not empty; the step of each is the width of its buckets."""
        return [stretch for stretch in (self.hours, *self.minutes) if stretch]

    @property
    def whole(self) -> tuple[int, int]:
        """From when until when buckets tell everything, nanoseconds; twice the same where there are none."""
        if not self.buckets:
            return self.end, self.end
        first = min(stretch[0] for stretch in self.buckets)
        last = max(stretch[-1] + stretch.step for stretch in self.buckets)
        return first * SECOND, last * SECOND


def cover(start: int, end: int, step: int | None = None) -> Cover:
    """Cut a range.

    Args:
        start, end: The range, nanoseconds; the end is not in it.
        step: How long the steps of a series are, milliseconds: a bucket must not reach into two of them.
    """
    seconds = (step or HOUR * 1000) // 1000
    if seconds % MINUTE:
        return Cover(start, end)
    first, last = _up(start, MINUTE * SECOND) // SECOND, end // SECOND // MINUTE * MINUTE
    if first >= last:
        return Cover(start, end)
    hours = range(_up(first, HOUR), last // HOUR * HOUR, HOUR)
    if seconds % HOUR or not hours:
        return Cover(start, end, (range(first, last, MINUTE),))
    edges = (range(first, hours.start, MINUTE), range(hours.stop, last, MINUTE))
    return Cover(start, end, edges, hours)


def _up(number: int, width: int) -> int:
    return -(-number // width) * width
