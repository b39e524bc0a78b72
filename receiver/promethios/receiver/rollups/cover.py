"""Which buckets a range consists of, and which parts of it only rows can tell.

start                                                                    end
  |· minutes |· hours |·········· whole days ··········| hours | minutes ·|
  rows                                                                 rows
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from promethios.receiver.rollups.facts import MINUTE, SECOND, WIDTHS


@dataclass(frozen=True, slots=True)
class Cover:
    """A range, cut at the edges of buckets.

    Args:
        start, end: The range, nanoseconds; the end is not in it.
        buckets: Starts of the buckets to take, seconds, in stretches that follow one another; the step of
            each is the width of its buckets. None is empty.
    """

    start: int
    end: int
    buckets: tuple[range, ...] = ()

    @property
    def whole(self) -> tuple[int, int]:
        """From when until when buckets tell everything, nanoseconds; twice the same where there are none."""
        if not self.buckets:
            return self.end, self.end
        last = self.buckets[-1]
        return self.buckets[0][0] * SECOND, (last[-1] + last.step) * SECOND


def cover(start: int, end: int, step: int | None = None) -> Cover:
    """Cut a range.

    Args:
        start, end: The range, nanoseconds; the end is not in it.
        step: How long the steps of a series are, milliseconds: a bucket must not reach into two of them.
    """
    seconds = step // 1000 if step else WIDTHS[-1]
    widths = tuple(width for width in WIDTHS if not seconds % width)
    first, last = up(start, MINUTE * SECOND) // SECOND, end // SECOND // MINUTE * MINUTE
    return Cover(start, end, tuple(_cut(first, last, widths)))


def up(number: int, width: int) -> int:
    """The next multiple of a width, or the number itself where it is one."""
    return -(-number // width) * width


def _cut(first: int, last: int, widths: tuple[int, ...]) -> Iterator[range]:
    """Stretches of the widest buckets that there is room for, and of narrower ones before and after."""
    if not widths or first >= last:
        return
    *narrower, widest = widths
    inner = range(up(first, widest), last // widest * widest, widest)
    if not inner:
        yield from _cut(first, last, tuple(narrower))
        return
    yield from _cut(first, inner.start, tuple(narrower))
    yield inner
    yield from _cut(inner.stop, last, tuple(narrower))
