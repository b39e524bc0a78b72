"""The spool of a process: segments of two lanes under one limit, its own and the orphans that it adopted."""

from __future__ import annotations

import errno
import logging
import os
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from promethios.exporter.batch import Batch, Lane
from promethios.exporter.layout import START
from promethios.exporter.leases import JOINED_BYTES, Lease
from promethios.exporter.records import record_size
from promethios.exporter.spool import Segment

SUFFIX: Final = ".spool"
#: A segment that has been delivered, or must make room, is deleted: several small ones do that sooner.
SEGMENTS: Final = 8
#: How many files are held at once: an application needs its descriptors, and each process that ends in an
#: outage leaves a file.
MOST_FILES: Final = 64
#: How often a new file is made that another process takes at once: it looks for orphans, once in a while.
ATTEMPTS: Final = 10

_logger = logging.getLogger("promethios.exporter")


class SpoolFolder:
    """Two queues of batches on disk, the oldest first, bounded in bytes. Used under its owner's lock.

    Args:
        folder: Where the files are; made as 0700 when the first one is needed. Processes share it.
        max_bytes: The most that the files of this process hold together.
        damaged: Called with the number of items of each record that had to be set aside.
        crowded: Called with the number of items that had to make room for others.
        sync: Whether the name of a new file is synced to the disk.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        damaged: Callable[[int], None],
        crowded: Callable[[int], None],
        sync: bool = False,
    ) -> None:
        self._folder = folder
        self._sync = sync
        self._damaged = damaged
        self._crowded = crowded
        self._max_bytes = max_bytes
        self._segments: dict[Lane, list[Segment]] = {lane: [] for lane in Lane}

    @property
    def items(self) -> int:
        """How many spans, points and log records wait here."""
        return sum(segment.items for segment in self._all())

    @property
    def size(self) -> int:
        """Bytes that the files take."""
        return sum(segment.size for segment in self._all())

    @property
    def room(self) -> int:
        """Bytes that may still be added."""
        return self._max_bytes - self.size

    @property
    def paths(self) -> frozenset[Path]:
        """The files that this process holds."""
        return frozenset(segment.path for segment in self._all())

    def find(self, own: Collection[Path], room: int) -> list[Segment]:
        """Open and lock what no living process holds. It changes nothing here, and needs no lock.

        Args:
            own: The files that this process holds.
            room: How many bytes to find at most: the rest is for another time, or another process. One file
                is found however long it is, by whoever holds none.
        """
        found: list[Segment] = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), key=_priority):
            if path in own or (segment := _open(path, self._damaged)) is None:
                continue
            if not segment:
                segment.close()
                continue
            if len(own) + len(found) >= MOST_FILES or (segment.size > room and (own or found)):
                segment.close()
                break
            found.append(segment)
            room -= segment.size
        return found

    def adopt(self, found: list[Segment]) -> None:
        """Take over what `find` found: it is older than ours, so it goes first."""
        for segment in found:
            self._segments[segment.lane].append(segment)
        for segments in self._segments.values():
            segments.sort(key=lambda segment: segment.path.name)

    def append(self, batch: Batch, recorded: int) -> Segment | None:
        """Add a batch; where it is full, the oldest of the bulk lane makes room, decisions last.

        Returns:
            Where it is; None where there is no room for it.

        Raises:
            OSError: The disk is full or failing.
        """
        if not self._make_room(batch):
            return None
        segments = self._segments[batch.lane]
        if not segments or segments[-1].size > self._max_bytes // SEGMENTS or not segments[-1].linked:
            segments.append(self._new(batch.lane))
        segments[-1].append(batch, recorded)
        return segments[-1]

    def take(self, lane: Lane, limit: int = JOINED_BYTES) -> Lease | None:
        """Lease the oldest of a lane, `limit` bytes of small ones. Empty segments are deleted on the way."""
        segments = self._segments[lane]
        for segment in list(segments):
            try:
                if lease := segment.take(limit):
                    return lease
            except OSError:
                self._give_up(segment)
                continue
            self._forget(segment)
        return None

    def settle(self, lease: Lease) -> None:
        """What was leased is dealt with."""
        lease.settle()
        if isinstance(lease.source, Segment):
            self._forget(lease.source)

    def expire(self, before: int) -> int:
        """Drop what was recorded before a time, Unix nanoseconds; returns its items."""
        dropped = 0
        for segment in self._all():
            try:
                dropped += segment.expire(before)
            except (OSError, ValueError):
                self._give_up(segment)
            else:
                self._forget(segment)
        return dropped

    def close(self) -> int:
        """Release the files for another process to adopt.

        Returns:
            How many items are lost: their files were deleted by somebody, and nobody will find them.
        """
        lost = 0
        for segment in self._all():
            lost += 0 if segment.linked else segment.items
            segment.close()
        for segments in self._segments.values():
            segments.clear()
        return lost

    def _new(self, lane: Lane) -> Segment:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        segment = self._make(lane)
        if self._sync:
            try:
                _sync_folder(self._folder)
            except OSError as error:
                # Such as one of a file system that syncs no folders. Only a power cut can take the file.
                _logger.error("cannot sync the spool's folder, a power cut may take new files: %s", error)
        return segment

    def _make(self, lane: Lane) -> Segment:
        """A new file that is ours: who looks for orphans at that moment may have taken it for one."""
        for _ in range(ATTEMPTS):
            path = self._folder / _name(lane)
            try:
                segment = Segment(path, lane, self._damaged)
            except BlockingIOError:
                continue
            except OSError:
                # A file for each batch would be left where a disk is full, or has no locks.
                path.unlink(missing_ok=True)
                raise
            if segment.linked:
                return segment
            segment.abandon()
        raise BlockingIOError(errno.EWOULDBLOCK, "others take each new spool file", str(self._folder))

    def _make_room(self, batch: Batch) -> bool:
        needed = START + record_size(batch)
        if needed > self._max_bytes:
            return False
        while (over := needed > self.room) and (oldest := self._least(batch.lane)):
            lost = oldest.discard()
            self._segments[oldest.lane].remove(oldest)
            self._crowded(lost)
        return not over

    def _least(self, lane: Lane) -> Segment | None:
        """The segment that is dropped first for one of `lane`: bulk does not displace decisions."""
        bulk, decisions = self._segments[Lane.BULK], self._segments[Lane.DECISIONS]
        if bulk:
            return bulk[0]
        return decisions[0] if decisions and lane is Lane.DECISIONS else None

    def _give_up(self, segment: Segment) -> None:
        """Its disk fails, and it is an orphan from here on: whoever can read it adopts it, we too."""
        if segment in self._segments[segment.lane]:
            self._segments[segment.lane].remove(segment)
        segment.abandon()

    def _forget(self, segment: Segment) -> None:
        """Delete a segment in which nothing is left, unless it is the last, which takes more."""
        segments = self._segments[segment.lane]
        if not segment and segment in segments and (segment is not segments[-1] or self._foreign(segment)):
            segments.remove(segment)
            segment.close()

    def _foreign(self, segment: Segment) -> bool:
        return f"-{os.getpid()}-" not in segment.path.name

    def _all(self) -> list[Segment]:
        return [segment for segments in self._segments.values() for segment in segments]


def lane_of(path: Path) -> Lane:
    """The lane of a spool file, by its name; that of what matters more where it does not say."""
    return Lane.BULK if path.name.endswith(f".{Lane.BULK}{SUFFIX}") else Lane.DECISIONS


def _priority(path: Path) -> tuple[int, str]:
    return list(Lane).index(lane_of(path)), path.name


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(lane: Lane) -> str:
    return f"{time.time_ns():020}-{os.getpid()}-{uuid.uuid4().hex[:8]}.{lane}{SUFFIX}"


def _open(path: Path, damaged: Callable[[int], None]) -> Segment | None:
    """Adopt a file; None where its owner lives, or where it cannot be read by us."""
    try:
        segment = Segment(path, lane_of(path), damaged)
    except OSError:
        return None
    if path.exists():
        return segment
    # Its last owner finished and deleted it between our opening and our locking it.
    segment.abandon()
    return None
