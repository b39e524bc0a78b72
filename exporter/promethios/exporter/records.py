"""How a batch stands in a spool file: a header and its body.

    header = length u32, kind u8, items u32, recorded u64, CRC-32 of the body u32, CRC-32 of the header u32

All little-endian. `kind` is the signal's number, with its highest bit set where the body is not compressed;
`recorded` is the wall clock's time, Unix nanoseconds. The header has a checksum of its own, because a damaged
length must not be followed.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from promethios.exporter.batch import Batch, Lane, Signal

_FIELDS: Final = struct.Struct("<IBIQI")
_CRC: Final = struct.Struct("<I")
_PLAIN: Final = 0x80
_KINDS: Final = frozenset(signal.value for signal in Signal)

#: Bytes that a header takes.
HEADER: Final = _FIELDS.size + _CRC.size

#: How a header begins whose body is below 16 MiB and has fewer than 65,536 items. It is looked for in what is
#: damaged, where checking a sum at every byte would take seconds.
_BEGINS: Final = re.compile(rb"(?s)(?=...\0[\x01-\x03\x81-\x83]..\0\0)")


@dataclass(frozen=True, slots=True)
class Header:
    """What a record says of its body.

    Args:
        length: Of the body, bytes.
        kind: As it was written.
        items: How many spans, points or log records.
        recorded: When it was written, Unix nanoseconds.
        crc: The body's CRC-32.
    """

    length: int
    kind: int
    items: int
    recorded: int
    crc: int

    @property
    def size(self) -> int:
        """Bytes that the whole record takes."""
        return HEADER + self.length

    @property
    def plain(self) -> bool:
        """Whether the body is not compressed."""
        return bool(self.kind & _PLAIN)

    @property
    def signal(self) -> Signal:
        """What the body carries."""
        return Signal(self.kind & ~_PLAIN)

    @classmethod
    def read(cls, raw: bytes) -> Header:
        """Read the header that `raw` begins with.

        Raises:
            ValueError: There is none, or it is damaged.
        """
        fields, crc = raw[: _FIELDS.size], raw[_FIELDS.size : HEADER]
        if len(crc) < _CRC.size or _CRC.unpack(crc)[0] != zlib.crc32(fields):
            raise ValueError("not the header of a spool record, or a damaged one")
        return cls(*_FIELDS.unpack(fields))

    def batch(self, body: bytes, lane: Lane) -> Batch | None:
        """The batch with this body; None where that is damaged, or of a kind that is not known here."""
        if zlib.crc32(body) != self.crc or self.kind & ~_PLAIN not in _KINDS:
            return None
        return Batch(self.signal, self.items, body, lane, not self.plain)


def header_of(batch: Batch, recorded: int) -> bytes:
    """The header that stands before the body of `batch`."""
    kind = batch.signal if batch.packed else batch.signal | _PLAIN
    fields = _FIELDS.pack(len(batch.body), kind, batch.items, recorded, zlib.crc32(batch.body))
    return fields + _CRC.pack(zlib.crc32(fields))


def record_size(batch: Batch) -> int:
    """How many bytes a batch takes in a spool."""
    return HEADER + len(batch.body)


def find_header(raw: bytes, at: int) -> int | None:
    """Where, from `at` on, the next header begins that is whole; None where there is none."""
    for found in _BEGINS.finditer(raw, at):
        try:
            Header.read(raw[found.start() : found.start() + HEADER])
        except ValueError:
            continue
        return found.start()
    return None
