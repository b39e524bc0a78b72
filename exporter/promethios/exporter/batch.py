"""One request on its way: what is sent, parked and counted as a whole."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Signal(IntEnum):
    """The kinds of telemetry. The numbers are written into spool files: they never change."""

    TRACES = 1
    METRICS = 2
    LOGS = 3

    @property
    def path(self) -> str:
        """Where OTLP/HTTP takes it: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request."""
        return f"/v1/{self.name.lower()}"


class Lane(StrEnum):
    """What is sent first and dropped last, in this order. The words are in the names of spool files."""

    DECISIONS = "decisions"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Batch:
    """An encoded OTLP request.

    Args:
        signal: What it carries.
        items: How many spans, data points or log records.
        body: The request's bytes: gzip, as they go over the wire, so that a retry sends these very bytes and
            a receiver recognises what it already has. Where not `packed`, as they are encoded.
        lane: How much it matters.
        packed: Whether `body` is compressed. A small one is not: `join` makes one request of many.
    """

    signal: Signal
    items: int
    body: bytes
    lane: Lane = Lane.BULK
    packed: bool = True

    @classmethod
    def pack(cls, signal: Signal, items: int, request: bytes, lane: Lane = Lane.BULK) -> Batch:
        """Compress an encoded request; the same request always gives the same bytes."""
        return cls(signal, items, gzip.compress(request, compresslevel=6, mtime=0), lane)


def join(batches: Sequence[Batch]) -> Batch:
    """One packed batch of one that is packed, or of several of the same signal that are not.

    The requests of OTLP are lists of resources and nothing else, and of two protobuf messages whose bytes
    stand behind each other a parser makes one with both lists:
    https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """
    first = batches[0]
    if first.packed:
        return first
    items, request = sum(batch.items for batch in batches), b"".join(batch.body for batch in batches)
    return Batch.pack(first.signal, items, request, first.lane)
