"""How many items a request in protobuf has, found without decoding it.

Two bytes are enough for an empty span, and a decoded one takes 170: 64 MiB of them would take 5.7 GB. So
a request that is long enough to hold too many is walked first, over its item's frames only.
"""

from __future__ import annotations

from typing import Final

from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.refusal import Kind, Refusal

_LENGTH_DELIMITED: Final = 2
#: The shortest frame: a tag and a length of zero.
_SHORTEST: Final = 2

#: The field numbers that lead to an item, level by level.
_PATHS: Final[dict[Signal, tuple[frozenset[int], ...]]] = {
    Signal.SPANS: (frozenset({1}), frozenset({2}), frozenset({2})),
    Signal.LOGS: (frozenset({1}), frozenset({2}), frozenset({2})),
    # Metric.{gauge, sum, histogram, exponential_histogram, summary}.data_points
    Signal.METRICS: (
        frozenset({1}),
        frozenset({2}),
        frozenset({2}),
        frozenset({5, 7, 9, 10, 11}),
        frozenset({1}),
    ),
}


def check_items(signal: Signal, body: bytes, most: int) -> None:
    """Refuse a request with more than `most` items and envelopes.

    Raises:
        Refusal: It has more. A body that cannot be walked passes: the decoder says what is wrong with it.
    """
    if len(body) <= most * _SHORTEST:
        return
    try:
        _Walk(body, _PATHS[signal], most).into(0, 0, len(body))
    except IndexError:
        return


class _Walk:
    def __init__(self, body: bytes, path: tuple[frozenset[int], ...], most: int) -> None:
        self._body = body
        self._path = path
        self._most = most
        self._count = 0

    def into(self, level: int, at: int, end: int) -> None:
        """Count the frames on the path between two offsets."""
        while at < end:
            tag, at = self._varint(at)
            wire = tag & 7
            if wire == _LENGTH_DELIMITED:
                length, at = self._varint(at)
                if tag >> 3 in self._path[level]:
                    self._found(level, at, min(at + length, end))
                at += length
            elif wire == 0:
                _, at = self._varint(at)
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
            else:
                raise IndexError("an unknown wire type")

    def _found(self, level: int, at: int, end: int) -> None:
        self._count += 1
        if self._count > self._most:
            raise Refusal(
                Kind.TOO_LARGE, f"the request has more than {self._most} items: send smaller batches"
            )
        if level + 1 < len(self._path):
            self.into(level + 1, at, end)

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            byte = self._body[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
            if shift > 63:
                raise IndexError("a number without an end")
