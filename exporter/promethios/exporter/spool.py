"""A file of what waits to be delivered: one segment of one lane of the spool.

    ┌──────────┬───────────────┬────────────────────┬────────────────────┬───
    │ PMSPOOL2 │ head, CRC-32  │ header │ body      │ header │ body      │ …   appended, never rewritten
    └──────────┴───────────────┴────────────────────┴────────────────────┴───
      8 bytes    8 + 4 bytes     records.py
                 the first record not yet delivered (layout.py)

Guarantees:

- What `append` took survives the process, `kill -9` too; after `sync` a power cut as well.
- A record is delivered at least once, the oldest first. A crash between a delivery and the move of the head
  sends it again, and a receiver stores an item once.
- One process at a time: the file is held under an exclusive `flock` as long as it is open. What a process
  leaves behind is an orphan without a lock, and another one adopts it.
- A record that was being written when its process died is cut off. A record that is damaged goes to a file
  beside it, ``*.corrupt``; the records around it are delivered. Nothing in a spool stops a process from
  starting.
- The file is 0600, and never opened through a link (`ownership.py`).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from promethios.exporter.batch import Batch, Lane
from promethios.exporter.layout import MAGIC, START, first_record, header_at, is_ours, scan, write_head
from promethios.exporter.leases import JOINED_BYTES, JOINED_ITEMS, Lease
from promethios.exporter.ownership import SAFELY, check_own, open_own
from promethios.exporter.records import HEADER, Header, header_of
from promethios.governance.telemetry.forks import renew_in_child

_logger = logging.getLogger("promethios.exporter")


class Segment:
    """One spool file, open and locked. Used under its owner's lock: it has none of its own.

    Args:
        path: The file; made if it is not there.
        lane: What is in it.
        damaged: Called with the number of items of what had to be set aside; 1 where it cannot be told.

    Raises:
        BlockingIOError: Another process has it.
        OSError: It cannot be opened or written, or is none of ours.
    """

    _head: int
    _cursor: int  # the next record to take: those from the head to here are under way
    _tail: int

    def __init__(self, path: Path, lane: Lane, damaged: Callable[[int], None]) -> None:
        self.path = path
        self.lane = lane
        self.items = 0
        self.leased = 0
        self.gone = False
        self._complained = False
        self._damaged = damaged
        self._settled: dict[int, int] = {}  # where each begins and ends that was settled before its time
        self._gaps: dict[int, int] = {}  # where what was found damaged begins and ends
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | SAFELY, 0o600)
        renew_in_child(self)
        try:
            check_own(self._file, path)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()
        except BaseException:
            self.abandon()
            raise
        self._cursor = self._head

    def __bool__(self) -> bool:
        """Whether anything in it is not yet settled."""
        return self._head < self._tail

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return self._tail

    @property
    def linked(self) -> bool:
        """Whether the file still has its name: nobody finds what is written to one that has none."""
        return os.fstat(self._file).st_nlink > 0

    def append(self, batch: Batch, recorded: int) -> None:
        """Add a batch behind the others.

        Args:
            batch: The batch.
            recorded: When it was recorded, Unix nanoseconds.

        Raises:
            OSError: The disk is full or failing. What was there before is still whole.
        """
        header = header_of(batch, recorded)
        written = os.pwritev(self._file, [header, batch.body], self._tail)
        if written < len(header) + len(batch.body):
            os.ftruncate(self._file, self._tail)
            raise OSError(errno.ENOSPC, "no space left for a spool record", str(self.path))
        self._tail += written
        self.items += batch.items

    def handle(self) -> int:
        """A descriptor of the file for `os.fdatasync` without the owner's lock; the caller closes it."""
        return os.dup(self._file)

    def take(self, limit: int = JOINED_BYTES) -> Lease | None:
        """Lease the oldest that nobody has: one packed batch, or as many others as one request may carry.

        A damaged record is set aside on the way.

        Args:
            limit: The most bytes that are joined.

        Raises:
            OSError: It cannot be read.
        """
        try:
            return self._take(limit)
        except ValueError:
            self._look_again()
            return self._take(limit)

    def _take(self, limit: int) -> Lease | None:
        while self._cursor < self._tail:
            start, parts, recorded = self._cursor, list[Batch](), 0
            if start in self._gaps:
                self._pass_gap(start)
                continue
            for header, body in self._read(limit):
                batch = header.batch(body, self.lane)
                if parts and (batch is None or batch.packed or batch.signal != parts[0].signal):
                    break
                self._cursor += header.size
                if batch is None:
                    self._skip(start, header)
                    break
                recorded = recorded or header.recorded
                parts.append(batch)
                if batch.packed:
                    break
            if parts:
                lease = Lease(self, parts, recorded, start, self._cursor)
                self.leased += lease.items
                return lease
        return None

    def settle(self, lease: Lease) -> None:
        """What was leased is dealt with. The last one gives the file's space back."""
        if not self.gone:
            self.leased -= lease.items
            self._settle(lease.start, lease.end, lease.items)

    def expire(self, before: int) -> int:
        """Drop what was recorded before a time (Unix nanoseconds) and is not under way; returns its items."""
        dropped = 0
        while self._head == self._cursor < self._tail and self._head not in self._gaps:
            header = header_at(self._file, self._head)
            if header.recorded >= before:
                break
            dropped += header.items
            self._cursor += header.size
            self._settle(self._head, self._cursor, header.items)
        return dropped

    def close(self) -> None:
        """Release the file for others to adopt; an empty one is deleted."""
        if not self:
            with suppress(OSError):
                self.path.unlink()
        self.abandon()

    def discard(self) -> int:
        """Delete the file with all that waits in it; returns the items that are lost.

        What is under way is not: whoever has leased it has it in memory.

        Raises:
            OSError: It cannot be deleted, and stays as it was.
        """
        self.path.unlink(missing_ok=True)
        self.abandon()
        return self.items - self.leased

    def abandon(self) -> None:
        """Close the file and leave it as it is."""
        if not self.gone:
            self.gone = True
            os.close(self._file)

    def renew(self) -> None:
        """In a forked child: let go of the file. Its parent has it, under the same lock, and keeps it."""
        self.abandon()

    def _settle(self, start: int, end: int, items: int) -> None:
        self._settled[start] = end
        self.items -= items
        while self._head in self._settled:
            self._head = self._settled.pop(self._head)
        try:
            self._move_head()
        except OSError as error:
            # What waits here can still be read and sent, and after a restart some of it is sent again.
            self._complain("cannot say in %s what was delivered: %s", self.path, error)

    def _move_head(self) -> None:
        if self._head < self._tail:
            write_head(self._file, self._head)
            return
        # The head first: one that points behind the end would hide what comes there.
        write_head(self._file, START)
        os.ftruncate(self._file, START)
        self._head = self._cursor = self._tail = START

    def _skip(self, start: int, header: Header) -> None:
        self._set_aside(start, header.size, header.items)
        self._settle(start, start + header.size, header.items)

    def _pass_gap(self, start: int) -> None:
        self._cursor = self._gaps.pop(start)
        self._set_aside(start, self._cursor - start)
        self._settle(start, self._cursor, 0)

    def _read(self, limit: int) -> Iterator[tuple[Header, bytes]]:
        """The records from the cursor on that one read gives, whole: one at least."""
        start, at, items = self._cursor, 0, 0
        raw = os.pread(self._file, max(HEADER, min(limit, self._tail - start)), start)
        first = Header.read(raw)
        if first.size > len(raw):
            raw = os.pread(self._file, first.size, start)
        while at + HEADER <= len(raw) and items < JOINED_ITEMS and start + at not in self._gaps:
            header = first if not at else _header_in(raw, at)
            if header is None or (at and at + header.size > len(raw)):
                return
            yield header, raw[at + HEADER : at + header.size]
            at += header.size
            items += header.items

    def _load(self) -> None:
        size = os.fstat(self._file).st_size
        start = os.pread(self._file, START, 0)
        if size >= START and not is_ours(start):
            self._set_aside(0, size)
            size = 0
        if size < START:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, MAGIC, 0)
            self._head = self._tail = START
            write_head(self._file, START)
            return
        self._head = first_record(start, size)
        self._scan(self._head)

    def _look_again(self) -> None:
        """It was damaged while it was open: find what is still good of what is not under way."""
        before, self.items = self.items, self.leased
        self._scan(self._cursor)
        # What is damaged counts as one item where nobody knows how many it was. Here that is known.
        self._damaged(max(0, before - self.items - 1))

    def _scan(self, at: int) -> None:
        """Look at the records from `at` on; what is no record behind the last one is cut off."""
        size = os.fstat(self._file).st_size
        found = scan(self._file, at, size)
        self._tail, self._gaps = found.tail, found.gaps
        self.items += found.items
        if self._tail < size:
            if not found.torn:
                self._set_aside(self._tail, size - self._tail)
            os.ftruncate(self._file, self._tail)

    def _set_aside(self, at: int, length: int, items: int = 1) -> None:
        """Keep damaged bytes for whoever wants to look, out of the way, as far as the disk takes them."""
        aside = self.path.with_suffix(".corrupt")
        try:
            _append(aside, os.pread(self._file, length, at))
        except OSError as error:
            _logger.error("%d damaged bytes of %s are lost: %s", length, self.path, error)
        else:
            _logger.error("%d damaged bytes of %s are set aside in %s", length, self.path, aside.name)
        self._damaged(items)

    def _complain(self, message: str, *arguments: object) -> None:
        if not self._complained:
            _logger.error(message, *arguments)
        self._complained = True


def _append(path: Path, raw: bytes) -> None:
    file = open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, raw)
    finally:
        os.close(file)


def _header_in(raw: bytes, at: int) -> Header | None:
    """None where it is damaged: what was read before it is good, and goes; it is met again as the first."""
    try:
        return Header.read(raw[at : at + HEADER])
    except ValueError:
        return None
