"""What is under way: taken from where it waits, and still there until it is settled."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

from promethios.exporter.batch import Batch, Lane, join
from promethios.exporter.counts import DropReason
from promethios.exporter.splitting import halves

#: The most records that are joined into one request, and the most bytes of them where less is not asked for.
JOINED_ITEMS: Final = 512
JOINED_BYTES: Final = 256 * 1024


class Source(Protocol):
    """Where a lease was taken from."""

    def settle(self, lease: Lease) -> None:
        """What was leased is dealt with, and need not be kept any longer."""

    @property
    def gone(self) -> bool:
        """Whether nothing is kept there any more: what is leased from it is in memory only."""


@dataclass(slots=True, eq=False)
class Lease:
    """Batches that one request carries, and where they are kept meanwhile.

    Args:
        source: Who keeps them.
        parts: One packed batch, or several that are not.
        recorded: When the first was recorded, Unix nanoseconds.
        start: Where they are with `source`.
        end: Where what follows them is.
        delivered: How many of its items a receiver has acknowledged.
        lost: How many it has refused. Both are the whole's to count, when it is settled.
    """

    source: Source
    parts: list[Batch]
    recorded: int
    start: int
    end: int
    delivered: int = 0
    lost: Counter[DropReason] = field(default_factory=Counter)
    _requests: list[Batch] = field(default_factory=list, repr=False)

    @property
    def lane(self) -> Lane:
        """Of all of them."""
        return self.parts[0].lane

    @property
    def items(self) -> int:
        """How many spans, points and log records they are together."""
        return sum(part.items for part in self.parts)

    def batch(self) -> Batch:
        """The request, the same bytes each time; where it had to be split, the part whose turn it is."""
        if not self._requests:
            self._requests = [join(self.parts)]
        return self._requests[0]

    def halve(self) -> bool:
        """Split the request whose turn it is; False where it cannot be smaller."""
        if two := halves(self.batch()):
            self._requests[:1] = two
        return two is not None

    def answered(self) -> bool:
        """Turn to the next part of a request that had to be split; False where that was the last."""
        del self._requests[:1]
        return bool(self._requests)

    def settle(self) -> None:
        """They are dealt with."""
        self.source.settle(self)


class Nowhere:
    """Keeps nothing: what is leased from it asks a question, and needs no keeping."""

    gone = True

    def settle(self, lease: Lease) -> None:
        """There is nothing to settle."""
