"""A file for what cannot be delivered now.

    ┌──────────┬───────────────┬────────────────────┬────────────────────┬───
    │ PMSPOOL1 │ head, CRC-32  │ header │ body      │ header │ body      │ …   appended, never rewritten
    └──────────┴───────────────┴────────────────────┴────────────────────┴───
      8 bytes    8 + 4 bytes     17     length
                 the first record not yet delivered

    header = length u32, kind u8, items u32, CRC-32 of the body u32, CRC-32 of the header u32 (little-endian)

Guarantees:

- What `append` took survives the process, `kill -9` too. It is not synced: a power cut may take it.
- A record is delivered at least once, the oldest first. A crash between a delivery and the move of the head
  sends it again, byte for byte the same, and a receiver stores it once.
- One process at a time: the file is held under an exclusive `flock` as long as it is open. What a process
  leaves behind is an orphan without a lock, and another one adopts it.
- A record that was being written when its process died is cut off. A record that is damaged goes to a file
  beside it, ``*.corrupt``; the records around it are delivered. Nothing in a spool stops a process from
  starting.
- The file is 0600.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from promethios.exporter.batch import Batch, Signal

MAGIC: Final = b"PMSPOOL1"
_HEAD: Final = struct.Struct("<Q")
_CRC: Final = struct.Struct("<I")
_RECORD: Final = struct.Struct("<IBII")
_KINDS: Final = frozenset(signal.value for signal in Signal)
_START: Final = len(MAGIC) + _HEAD.size + _CRC.size
_OVERHEAD: Final = _RECORD.size + _CRC.size


class Spool:
    """One spool file, open and locked. Used under its owner's lock: it has none of its own.

    Args:
        path: The file; made if it is not there.
        damaged: Called with the number of items of what had to be set aside; 1 where it cannot be told.

    Raises:
        BlockingIOError: Another process has it.
        OSError: It cannot be opened or written.
    """

    _head: int
    _tail: int

    def __init__(self, path: Path, damaged: Callable[[int], None]) -> None:
        self.path = path
        self.items = 0
        self._damaged = damaged
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()
        except BaseException:
            os.close(self._file)
            raise

    def __bool__(self) -> bool:
        return self._head < self._tail

    @property
    def size(self) -> int:
        """The file's length in bytes."""
        return self._tail

    def append(self, batch: Batch) -> None:
        """Add a batch behind the others.

        Raises:
            OSError: The disk is full or failing. What was there before is still whole.
        """
        written = os.pwritev(self._file, [_header(batch), batch.body], self._tail)
        if written < record_size(batch):
            os.ftruncate(self._file, self._tail)
            raise OSError(errno.ENOSPC, "no space left for a spool record", str(self.path))
        self._tail += written
        self.items += batch.items

    def peek(self) -> Batch | None:
        """The oldest batch that is not yet delivered. A damaged one is set aside on the way to it."""
        while self._head < self._tail:
            length, kind, items, crc = self._header_at(self._head)
            body = os.pread(self._file, length, self._head + _OVERHEAD)
            if zlib.crc32(body) == crc and kind in _KINDS:
                return Batch(Signal(kind), items, body)
            self._set_aside(self._head, _OVERHEAD + length, items)
            self._advance(length, items)
        return None

    def pop(self) -> None:
        """The oldest batch is dealt with. The last one gives the file's space back."""
        length, _, items, _ = self._header_at(self._head)
        self._advance(length, items)

    def close(self) -> None:
        """Release the file for others to adopt; an empty one is deleted."""
        if not self:
            self.path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Close the file and leave it as it is. A forked child does this: the parent keeps its lock."""
        os.close(self._file)

    def _advance(self, length: int, items: int) -> None:
        self._head += _OVERHEAD + length
        self.items -= items
        if self._head >= self._tail:
            os.ftruncate(self._file, _START)
            self._head = self._tail = _START
        self._write_head()

    def _write_head(self) -> None:
        head = _HEAD.pack(self._head)
        os.pwrite(self._file, head + _CRC.pack(zlib.crc32(head)), len(MAGIC))

    def _load(self) -> None:
        size = os.fstat(self._file).st_size
        start = os.pread(self._file, _START, 0)
        if size >= _START and not start.startswith(MAGIC):
            self._set_aside(0, size)
            size = 0
        if size < _START:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, MAGIC, 0)
            self._head = self._tail = _START
            self._write_head()
            return
        head = start[len(MAGIC) : len(MAGIC) + _HEAD.size]
        intact = _CRC.unpack(start[len(MAGIC) + _HEAD.size :])[0] == zlib.crc32(head)
        self._head = _HEAD.unpack(head)[0] if intact else _START
        if not _START <= self._head <= size:
            self._head = _START
        self._find_tail(size)

    def _find_tail(self, size: int) -> None:
        self._tail = self._head
        for end, items in self._walk(size):
            self._tail = end
            self.items += items
        if self._tail < size:
            if not self._torn(size):
                self._set_aside(self._tail, size - self._tail)
            os.ftruncate(self._file, self._tail)

    def _walk(self, size: int) -> Iterator[tuple[int, int]]:
        """The end and the item count of each record whose header is intact and whose body is all there."""
        at = self._head
        while at + _OVERHEAD <= size:
            try:
                length, _, items, _ = self._header_at(at)
            except ValueError:
                return
            at += _OVERHEAD + length
            if at > size:
                return
            yield at, items

    def _torn(self, size: int) -> bool:
        """Whether what is behind the last whole record is one that was being written: short, not damaged."""
        if size - self._tail < _OVERHEAD:
            return True
        try:
            self._header_at(self._tail)
        except ValueError:
            return False
        return True

    def _header_at(self, at: int) -> tuple[int, int, int, int]:
        header = os.pread(self._file, _OVERHEAD, at)
        fields, crc = header[: _RECORD.size], header[_RECORD.size :]
        if len(header) < _OVERHEAD or _CRC.unpack(crc)[0] != zlib.crc32(fields):
            raise ValueError(f"{self.path}: no record at byte {at}")
        length, kind, items, body_crc = _RECORD.unpack(fields)
        return length, kind, items, body_crc

    def _set_aside(self, at: int, length: int, items: int = 1) -> None:
        """Keep damaged bytes for whoever wants to look, out of the way."""
        aside = self.path.with_suffix(".corrupt")
        target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(target, os.pread(self._file, length, at))
        finally:
            os.close(target)
        self._damaged(items)


def record_size(batch: Batch) -> int:
    """How many bytes a batch takes in a spool."""
    return _OVERHEAD + len(batch.body)


def _header(batch: Batch) -> bytes:
    fields = _RECORD.pack(len(batch.body), batch.signal, batch.items, zlib.crc32(batch.body))
    return fields + _CRC.pack(zlib.crc32(fields))
