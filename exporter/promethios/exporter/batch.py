"""One request on its way: what is sent, parked and counted as a whole."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from enum import IntEnum


class Signal(IntEnum):
    """The kinds of telemetry. The numbers are written into spool files: they never change."""

    TRACES = 1
    METRICS = 2
    LOGS = 3

    @property
    def path(self) -> str:
        """Where OTLP/HTTP takes it: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request."""
        return f"/v1/{self.name.lower()}"


@dataclass(frozen=True, slots=True)
class Batch:
    """An encoded OTLP request.

    Args:
        signal: What it carries.
        items: How many spans, data points or log records.
        body: The request's bytes as they go over the wire, gzip. A retry sends these very bytes, so that a
            receiver recognises what it already has.
    """

    signal: Signal
    items: int
    body: bytes

    @classmethod
    def pack(cls, signal: Signal, items: int, request: bytes) -> Batch:
        """Compress an encoded request; the same request always gives the same bytes."""
        return cls(signal, items, gzip.compress(request, compresslevel=6, mtime=0))
