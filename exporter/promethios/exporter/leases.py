"""What is under way: taken from where it waits, and still there until it is settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from promethios.exporter.batch import Batch, Lane, join

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
    """

    source: Source
    parts: list[Batch]
    recorded: int
    start: int
    end: int
    _batch: Batch | None = field(default=None, repr=False)

    @property
    def lane(self) -> Lane:
        """Of all of them."""
        return self.parts[0].lane

    @property
    def items(self) -> int:
        """How many spans, points and log records they are together."""
        return sum(part.items for part in self.parts)

    def batch(self) -> Batch:
        """The request, the same bytes each time."""
        if self._batch is None:
            self._batch = join(self.parts)
        return self._batch

    def settle(self) -> None:
        """They are dealt with."""
        self.source.settle(self)


class Nowhere:
    """Keeps nothing: what is leased from it asks a question, and needs no keeping."""

    gone = True

    def settle(self, lease: Lease) -> None:
        """There is nothing to settle."""
