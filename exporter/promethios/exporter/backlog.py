"""What waits to be sent: in memory as long as sending works, on disk when it does not."""

from __future__ import annotations

import logging
from collections import deque

from promethios.exporter.batch import Batch
from promethios.exporter.counts import Counts, DropReason
from promethios.exporter.settings import Settings
from promethios.exporter.spools import SpoolFolder

_logger = logging.getLogger("promethios.exporter")


class Backlog:
    """A bounded queue of batches over memory and, where a folder is given, disk.

    What memory holds was recorded before what this process has on disk: while there is anything on disk, new
    batches go there too. What exceeds the limits is dropped and counted: the newest, so that what is
    kept has no gaps. Used under its owner's lock.
    """

    def __init__(self, settings: Settings, counts: Counts) -> None:
        self._counts = counts
        self._max_memory = settings.max_memory_bytes
        self._memory: deque[Batch] = deque()
        self._memory_bytes = 0
        self._disk = self._open_disk(settings)
        self._head_on_disk = self._disk_failed = False
        self.queued = 0

    def __bool__(self) -> bool:
        return bool(self._memory) or self.spooled > 0

    @property
    def has_disk(self) -> bool:
        """Whether there is a spool folder to fall back to."""
        return self._disk is not None

    @property
    def spooled(self) -> int:
        """How many items wait on disk."""
        return self._disk.items if self._disk else 0

    def put(self, batch: Batch, to_disk: bool = False) -> None:
        """Add a batch, on disk if asked to or if others wait there."""
        if self._disk and (to_disk or self.spooled or self._over(batch)):
            self._put_on_disk(self._disk, batch)
        else:
            self._put_in_memory(batch)

    def peek(self) -> Batch | None:
        """The batch to send next."""
        self._head_on_disk = not self._memory
        if self._memory:
            return self._memory[0]
        return self._disk.peek() if self._disk else None

    def pop(self) -> None:
        """The batch that `peek` gave is dealt with."""
        if self._disk and self._head_on_disk:
            self._disk.pop()
        else:
            batch = self._memory.popleft()
            self._memory_bytes -= len(batch.body)
            self.queued -= batch.items

    def spill(self) -> None:
        """Move what is in memory to disk."""
        if not self._disk:
            return
        batches, self._memory = self._memory, deque()
        self._memory_bytes = self.queued = 0
        for batch in batches:
            self._put_on_disk(self._disk, batch)

    def adopt(self) -> None:
        """Take over what processes that are gone have left."""
        if self._disk:
            self._disk.adopt()

    def close(self) -> None:
        """Spill, release the files, and count what no file holds."""
        self.spill()
        if self.queued:
            self._counts.dropped[DropReason.SHUTDOWN] += self.queued
        self._memory.clear()
        self._memory_bytes = self.queued = 0
        if self._disk:
            self._disk.close()

    def abandon(self) -> None:
        """In a forked child: what waits here is the parent's to send."""
        if self._disk:
            self._disk.abandon()

    def _open_disk(self, settings: Settings) -> SpoolFolder | None:
        if settings.spool_dir is None:
            return None
        return SpoolFolder(settings.spool_dir, settings.max_spool_bytes, self._count_damage)

    def _count_damage(self, items: int) -> None:
        self._counts.dropped[DropReason.SPOOL_DAMAGED] += items

    def _over(self, batch: Batch) -> bool:
        return self._memory_bytes + len(batch.body) > self._max_memory

    def _put_in_memory(self, batch: Batch, reason: DropReason = DropReason.MEMORY_FULL) -> None:
        if self._over(batch):
            self._counts.dropped[reason] += batch.items
            return
        self._memory.append(batch)
        self._memory_bytes += len(batch.body)
        self.queued += batch.items

    def _put_on_disk(self, disk: SpoolFolder, batch: Batch) -> None:
        try:
            if not disk.append(batch):
                self._counts.dropped[DropReason.SPOOL_FULL] += batch.items
        except OSError as error:
            # A full or failing disk must not reach the application: memory takes over, then the counter.
            if not self._disk_failed:
                _logger.error("cannot write to the spool, memory takes over: %s", error)
            self._disk_failed = True
            self._put_in_memory(batch, DropReason.SPOOL_FULL)
        else:
            self._disk_failed = False
