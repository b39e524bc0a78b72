"""What became of everything that was recorded, in plain integers."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class DropReason(StrEnum):
    """Why an item was lost: the values of ``reason`` of `semconv.METRIC_DROPPED`. The set is closed."""

    QUEUE_FULL = "queue_full"
    NOT_ENCODED = "not_encoded"
    TOO_LARGE = "too_large"
    MEMORY_FULL = "memory_full"
    SPOOL_FULL = "spool_full"
    SPOOL_DAMAGED = "spool_damaged"
    EXPIRED = "expired"
    REFUSED = "refused"
    REJECTED = "rejected"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Totals:
    """The state of a delivery, in items, since the process began.

    Args:
        queued: Waiting in memory now.
        spooled: Waiting in the spool now.
        delivered: Acknowledged by the receiver.
        dropped: Lost, by reason.
    """

    queued: int
    spooled: int
    delivered: int
    dropped: Mapping[DropReason, int]


@dataclass(frozen=True, slots=True)
class FlushResult:
    """What became of the items (spans, data points, log records) of a process.

    Args:
        delivered: Acknowledged by the receiver since the last flush.
        parked: Not delivered and not lost: waiting in memory or in the spool at this moment.
        dropped: Lost since the last flush.
    """

    delivered: int = 0
    parked: int = 0
    dropped: int = 0

    def __bool__(self) -> bool:
        """True where everything is delivered."""
        return not self.parked and not self.dropped


class Counts:
    """Totals of a process. They have a lock of their own, which nobody holds for long: an application that
    drops must not wait for a disk. A signal's handler may count in the middle of it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._delivered = 0
        # Not a `Counter`: adding to one runs Python code, in which a handler may be called.
        self._dropped: defaultdict[DropReason, int] = defaultdict(int)
        self._told = FlushResult()

    @property
    def delivered(self) -> int:
        """Items that the receiver acknowledged."""
        return self._delivered

    @property
    def dropped(self) -> Mapping[DropReason, int]:
        """Items that were lost, by reason."""
        with self._lock:
            return dict(self._dropped)

    def deliver(self, items: int) -> None:
        """Count items that the receiver acknowledged."""
        with self._lock:
            self._delivered += items

    def drop(self, items: int, reason: DropReason) -> None:
        """Count items that are lost."""
        if items:
            with self._lock:
                self._dropped[reason] += items

    def since_last_flush(self, parked: int) -> FlushResult:
        """The difference to the last call, for `FlushResult`."""
        with self._lock:
            now = FlushResult(self._delivered, parked, sum(self._dropped.values()))
            then, self._told = self._told, now
        return FlushResult(now.delivered - then.delivered, parked, now.dropped - then.dropped)
