"""What waits to be sent: on disk where there is a spool, in memory where there is none, or where it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from promethios.exporter.batch import Batch, Lane
from promethios.exporter.counts import Counts, DropReason
from promethios.exporter.leases import JOINED_BYTES, Lease
from promethios.exporter.memory import Memory
from promethios.exporter.settings import Settings
from promethios.exporter.spool import Segment
from promethios.exporter.spools import SpoolFolder

_logger = logging.getLogger("promethios.exporter")


class Backlog:
    """Two lanes of batches, in order, bounded in bytes and age. Used under its owner's lock.

    With a spool every batch is on disk before it is sent, so that nothing that was handed over depends on
    this process' life. What exceeds the limits is dropped and counted: the oldest of bulk, decisions last.
    """

    def __init__(self, settings: Settings, counts: Counts) -> None:
        self._counts = counts
        self._limit = min(JOINED_BYTES, settings.max_request_bytes)
        self._max_age = int(settings.max_spool_age * 1e9)
        self._memory = Memory(settings.max_memory_bytes, self._count(DropReason.MEMORY_FULL))
        self._disk = self._open_disk(settings)
        self._failing = False
        # The wall clock as it was at the start, so that one that jumps makes nothing old at once.
        self._epoch = time.time_ns() - time.monotonic_ns()

    def __bool__(self) -> bool:
        return bool(self._memory) or self.spooled > 0

    @property
    def disk(self) -> SpoolFolder | None:
        """The spool, where there is one."""
        return self._disk

    @property
    def queued(self) -> int:
        """How many items wait in memory."""
        return self._memory.items

    @property
    def spooled(self) -> int:
        """How many items wait on disk."""
        return self._disk.items if self._disk else 0

    def put(self, batch: Batch) -> Segment | None:
        """Add a batch; returns where on disk it is, or None where it is not."""
        recorded = self._now()
        if self._disk and (not self._memory or self._move(self._disk)):
            try:
                if segment := self._disk.append(batch, recorded):
                    self._failing = False
                    return segment
                self._counts.drop(batch.items, DropReason.SPOOL_FULL)
                return None
            except OSError as error:
                self._complain(error)
        if not self._memory.append(batch, recorded):
            self._counts.drop(batch.items, DropReason.SPOOL_FULL if self._disk else DropReason.MEMORY_FULL)
        return None

    def take(self) -> Lease | None:
        """Lease what is to be sent next: decisions first, of each lane the oldest."""
        for lane in Lane:
            lease = self._disk.take(lane, self._limit) if self._disk else None
            if lease := lease or self._memory.take(lane, self._limit):
                return lease
        return None

    def settle(self, lease: Lease) -> None:
        """What was leased is dealt with."""
        if self._disk:
            self._disk.settle(lease)
        else:
            lease.settle()

    def expired(self, lease: Lease) -> bool:
        """Whether what is leased has waited for longer than it may."""
        return lease.recorded < self._now() - self._max_age

    def expire(self) -> None:
        """Drop what waited in the spool for longer than it may."""
        if self._disk:
            self._counts.drop(self._disk.expire(self._now() - self._max_age), DropReason.EXPIRED)

    def close(self, under_way: Iterable[Lease]) -> int:
        """Release the files, and count what no file holds, of what is `under_way` too.

        Returns:
            How many items wait on disk.
        """
        for lease in under_way:
            if lease.source is self._memory:
                for part in reversed(lease.parts):
                    self._memory.put_back(part, lease.recorded)
                lease.settle()
            elif lease.source.gone:
                self._counts.drop(lease.items, DropReason.SHUTDOWN)
        left = 0
        if self._disk:
            self._move(self._disk)
            left = self.spooled
            lost = self._disk.close()
            self._counts.drop(lost, DropReason.SHUTDOWN)
            left -= lost
        self._counts.drop(self._memory.items, DropReason.SHUTDOWN)
        self._memory = Memory(0, self._count(DropReason.SHUTDOWN))
        return left

    def _open_disk(self, settings: Settings) -> SpoolFolder | None:
        if settings.spool_dir is None:
            return None
        damaged, crowded = self._count(DropReason.SPOOL_DAMAGED), self._count(DropReason.SPOOL_FULL)
        sync = settings.spool_fsync != "never"
        return SpoolFolder(settings.spool_dir, settings.max_spool_bytes, damaged, crowded, sync)

    def _count(self, reason: DropReason) -> Callable[[int], None]:
        return lambda items: self._counts.drop(items, reason)

    def _now(self) -> int:
        return self._epoch + time.monotonic_ns()

    def _move(self, disk: SpoolFolder) -> bool:
        """Bring what memory took while the disk failed to where it is safe; whether that went well."""
        while waiting := self._memory.oldest():
            try:
                if not disk.append(*waiting):
                    self._counts.drop(waiting[0].items, DropReason.SPOOL_FULL)
            except OSError as error:
                self._complain(error)
                self._memory.put_back(*waiting)
                return False
        return True

    def _complain(self, error: OSError) -> None:
        """A full or failing disk must not reach the application: memory takes over, then the counter."""
        if not self._failing:
            _logger.error("cannot write to the spool, memory takes over: %s", error)
        self._failing = True
