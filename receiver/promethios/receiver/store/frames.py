"""The frames of a write-ahead log: whether it breaks off in the middle of what was committed.

SQLite reads a log up to the first frame whose checksum is wrong, and drops the rest without a word: so ends
what a crash has torn. A bit that flips further up looks the same, and all commits behind it would be gone,
although they were acknowledged. What tells the two apart is what follows::

    torn      … commit │ ▒▒▒▒▒, frame, commit            one commit at most: it was being written
    damaged   … commit │ ▒▒▒▒▒, commit, frame, commit    a commit that was put upon another one

A frame's checksum goes on from that of the frame before. With ``synchronous=FULL`` a commit is begun only
when the one before it is on the disk, so **a commit whose frames go on from another commit's proves that this
one, and all before it, were once whole**. What a commit that failed has left behind proves nothing: nobody
went on from it, and what is written over it has other checksums.

The format: https://sqlite.org/fileformat2.html#walformat and https://sqlite.org/walformat.html
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from promethios.receiver.store.connections import connect

#: Magic number, version, page size, sequence, two salts, two checksums.
_HEAD: Final = struct.Struct(">8I")
#: Page, pages of the database after a commit or 0, two salts, two checksums.
_FRAME: Final = struct.Struct(">6I")
#: The last byte of the magic number says how the words are read that checksums are made of.
_WORDS: Final = {0x377F0682: "<", 0x377F0683: ">"}
#: The head of the index: the last frame of the last commit that SQLite reads, and the log's salts.
_INDEX: Final = struct.Struct("=16x I 12x 8s 8x")


@dataclass(frozen=True, slots=True)
class Break:
    """Where a log breaks off that goes on.

    Args:
        frame: The first frame that SQLite does not read, or one shortly after it, counted from 1.
        frames: How many of the log's frames come after it.
    """

    frame: int
    frames: int


def find_break(database: Path) -> Break | None:
    """Look whether commits follow the place where SQLite stops to read the write-ahead log.

    Not found are damages of the last commit, which look as if it was torn, of the head of the frame that
    ends the one before it, and of the log's first 32 bytes. Neither the database nor its log is changed. No
    connection of this process may have the database: to close the index here would take its locks away.

    Args:
        database: The database file.

    Raises:
        sqlite3.Error: The database cannot be read.
        OSError: The log cannot be read.
    """
    path = Path(f"{database.resolve()}-wal")
    if not path.exists():
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if not (log := _Log.open(descriptor)):
            return None
        before = _index(database)
        last, salts = _INDEX.unpack(before)
        found = log.break_after(last) if salts == struct.pack(">2I", *log.salts) else None
    finally:
        os.close(descriptor)
    # A receiver that runs meanwhile appends commits, and notes them in the index.
    return found if found and _index(database) == before else None


def _index(database: Path) -> bytes:
    """The head of the log's index, which SQLite makes from the log when it is the first to open it."""
    with closing(connect(database, "mode=ro")) as connection:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
        with Path(f"{database.resolve()}-shm").open("rb") as file:
            return file.read(_INDEX.size)


@dataclass(frozen=True, slots=True)
class _Log:
    descriptor: int
    words: str
    page: int
    salts: tuple[int, int]
    frames: int

    @classmethod
    def open(cls, descriptor: int) -> _Log | None:
        """The log, unless it is empty or its head is not whole: then SQLite reads nothing of it."""
        head = os.pread(descriptor, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            return None
        magic, _, page, _, first, second, *sums = _HEAD.unpack(head)
        words = _WORDS.get(magic)
        if words is None or _checksum(words, head[:24], (0, 0)) != tuple(sums):
            return None
        frames = (os.fstat(descriptor).st_size - _HEAD.size) // (_FRAME.size + page)
        return cls(descriptor, words, page, (first, second), frames)

    def break_after(self, last: int) -> Break | None:
        """A commit after frame `last` that another one was put upon."""
        for one, next_one in pairwise(self._commits(last)):
            if all(self._goes_on(frame) for frame in range(one + 1, next_one + 1)):
                return Break(last + 1, self.frames - last)
        return None

    def _commits(self, last: int) -> Iterator[int]:
        for frame in range(last + 1, self.frames + 1):
            _, pages, *salts, _, _ = self._head(frame)
            if pages and tuple(salts) == self.salts:
                yield frame

    def _goes_on(self, frame: int) -> bool:
        """Whether a frame's checksum goes on from that which the frame before says."""
        content = os.pread(self.descriptor, _FRAME.size + self.page, self._at(frame))
        *_, one, two = self._head(frame - 1)
        sums = _checksum(self.words, content[:8], (one, two))
        sums = _checksum(self.words, content[_FRAME.size :], sums)
        return _FRAME.unpack_from(content)[2:] == (*self.salts, *sums)

    def _head(self, frame: int) -> tuple[int, ...]:
        return _FRAME.unpack(os.pread(self.descriptor, _FRAME.size, self._at(frame)))

    def _at(self, frame: int) -> int:
        return _HEAD.size + (frame - 1) * (_FRAME.size + self.page)


def _checksum(words: str, content: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    one, two = sums
    numbers = iter(struct.unpack(f"{words}{len(content) // 4}I", content))
    for even, odd in zip(numbers, numbers, strict=True):
        one = (one + even + two) & 0xFFFFFFFF
        two = (two + odd + one) & 0xFFFFFFFF
    return one, two
