"""How a spool file is laid out, and which of its records are whole.

It begins with a magic number and the head: where the first record stands that is not delivered yet, with a
CRC-32. Then come the records (records.py). `spool.py` draws it.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from promethios.exporter.records import HEADER, Header, find_header

MAGIC: Final = b"PMSPOOL2"
_HEAD: Final = struct.Struct("<Q")
_CRC: Final = struct.Struct("<I")
#: Where the first record stands.
START: Final = len(MAGIC) + _HEAD.size + _CRC.size


def is_ours(start: bytes) -> bool:
    """Whether a file that begins with these `START` bytes is a spool file of this version."""
    return len(start) >= START and start.startswith(MAGIC)


def first_record(start: bytes, size: int) -> int:
    """Where the first record stands that is not delivered, of a file of `size` bytes that begins so.

    Where that cannot be told it is the first of all: it is better sent again than lost.
    """
    head = _read_head(start)
    return head if head is not None and START <= head <= size else START


def _read_head(raw: bytes) -> int | None:
    head, crc = raw[len(MAGIC) : len(MAGIC) + _HEAD.size], raw[len(MAGIC) + _HEAD.size : START]
    if crc != _CRC.pack(zlib.crc32(head)):
        return None
    place: int = _HEAD.unpack(head)[0]
    return place


def write_head(file: int, place: int) -> None:
    """Say where the first record stands that is not delivered."""
    head = _HEAD.pack(place)
    os.pwrite(file, head + _CRC.pack(zlib.crc32(head)), len(MAGIC))


def header_at(file: int, at: int) -> Header:
    """The header of the record that begins there.

    Raises:
        ValueError: There is none, or it is damaged.
    """
    return Header.read(os.pread(file, HEADER, at))


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file holds from some place on, by its records' headers: bodies are checked when they are read.

    Args:
        tail: Where the last whole record ends.
        items: How many items the whole records have.
        gaps: Where each damaged part between two of them begins and ends.
        torn: Whether what is behind the tail is a record that was being written: short, not damaged.
    """

    tail: int
    items: int
    gaps: dict[int, int]
    torn: bool


def scan(file: int, at: int, size: int) -> Scan:
    """Look at the records of a file of `size` bytes, from `at` on."""
    tail, items, gaps = at, 0, dict[int, int]()
    while at + HEADER <= size:
        try:
            header = header_at(file, at)
        except ValueError:
            if (end := _next_header(file, at + 1, size)) is None:
                break
            gaps[at] = at = end
            continue
        at += header.size
        if at > size:
            break
        tail = at
        items += header.items
    # Nothing whole follows it: it is no gap, but what is behind the tail.
    gaps.pop(tail, None)
    return Scan(tail, items, gaps, _is_torn(file, tail, size))


def _next_header(file: int, at: int, size: int) -> int | None:
    found = find_header(os.pread(file, size - at, at), 0)
    return None if found is None else at + found


def _is_torn(file: int, tail: int, size: int) -> bool:
    if size - tail < HEADER:
        return True
    try:
        header_at(file, tail)
    except ValueError:
        return False
    return True
