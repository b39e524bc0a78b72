"""What waits in memory: where there is no spool, and where its disk fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from promethios.exporter.batch import Batch, Lane
from promethios.exporter.leases import JOINED_BYTES, JOINED_ITEMS, Lease


class Memory:
    """Two queues of batches, bounded in bytes, of which the oldest of bulk makes room first.

    Used under its owner's lock.

    Args:
        max_bytes: The most that they hold together.
        crowded: Called with the number of items that had to make room for others.
    """

    gone = False

    def __init__(self, max_bytes: int, crowded: Callable[[int], None]) -> None:
        self._max_bytes = max_bytes
        self._crowded = crowded
        self._waiting: dict[Lane, deque[tuple[Batch, int]]] = {lane: deque() for lane in Lane}
        self._bytes = 0
        self.items = 0

    def __bool__(self) -> bool:
        """Whether anything is in it, or under way from it."""
        return self.items > 0

    def append(self, batch: Batch, recorded: int) -> bool:
        """Add a batch recorded at a time (Unix nanoseconds); False where there is no room for it."""
        if len(batch.body) > self._max_bytes:
            # Nothing makes room for it.
            return False
        while self._bytes + len(batch.body) > self._max_bytes:
            if not (least := self._least(batch.lane)):
                return False
            dropped, _ = self._waiting[least].popleft()
            self._remove(dropped)
            self._crowded(dropped.items)
        self._waiting[batch.lane].append((batch, recorded))
        self._bytes += len(batch.body)
        self.items += batch.items
        return True

    def take(self, lane: Lane, limit: int = JOINED_BYTES) -> Lease | None:
        """Lease the oldest of a lane: one packed batch, or as many others as `limit` bytes hold."""
        waiting = self._waiting[lane]
        if not waiting:
            return None
        first, recorded = waiting.popleft()
        parts, size = [first], len(first.body)
        while waiting and not first.packed and len(parts) < JOINED_ITEMS:
            following = waiting[0][0]
            size += len(following.body)
            if following.packed or following.signal != first.signal or size > limit:
                break
            parts.append(waiting.popleft()[0])
        return Lease(self, parts, recorded, 0, 0)

    def settle(self, lease: Lease) -> None:
        """What was leased is dealt with."""
        for part in lease.parts:
            self._remove(part)

    def oldest(self) -> tuple[Batch, int] | None:
        """Take out the oldest of the most important that is not under way, for a better place."""
        for waiting in self._waiting.values():
            if waiting:
                batch, recorded = waiting.popleft()
                self._remove(batch)
                return batch, recorded
        return None

    def put_back(self, batch: Batch, recorded: int) -> None:
        """There was no better place for what `oldest` gave."""
        self._waiting[batch.lane].appendleft((batch, recorded))
        self._bytes += len(batch.body)
        self.items += batch.items

    def _least(self, lane: Lane) -> Lane | None:
        """The lane that makes room for one of `lane`: bulk does not displace decisions."""
        if self._waiting[Lane.BULK]:
            return Lane.BULK
        return Lane.DECISIONS if lane is Lane.DECISIONS and self._waiting[lane] else None

    def _remove(self, batch: Batch) -> None:
        self._bytes -= len(batch.body)
        self.items -= batch.items
