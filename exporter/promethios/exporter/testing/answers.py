"""How a request is answered: as OTLP has it, or in one of the ways in which networks and servers fail."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from promethios.exporter.rpc_status import RetryInfo, Status

_MIB: Final = 1024 * 1024
_GIB: Final = 1024 * _MIB
_UNAVAILABLE: Final = 14


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request is answered.

    Args:
        status: The HTTP status.
        body: The body; an empty one is OTLP's full success. A function makes it in pieces, none of which is
            held: for bodies that are larger than memory.
        headers: More headers, or others in place of ``Content-Type``.
        length: What ``Content-Length`` says; the length of `body` by default. Bodies that a function makes
            are sent in chunks without it.
        delay: Seconds before the answer begins.
        drip: Seconds after each byte of the whole answer, its head too: a server that is almost silent.
        cut: End the connection after so many bytes of the body, though all were announced.
        reset: End the connection with a reset (RST), after what was sent.
        raw: Send these bytes and no HTTP, then end the connection; ``b""`` ends it without an answer.
        hang: Take the request and answer nothing until the sink is closed.
    """

    status: int = 200
    body: bytes | Callable[[], Iterable[bytes]] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: bool = False
    length: int | None = None
    delay: float = 0.0
    drip: float = 0.0
    reset: bool = False
    raw: bytes | None = None

    @classmethod
    def rejecting(cls, items: int, message: str = "") -> Answer:
        """A partial success: so many items of the request are refused for good.

        The layout is the same for spans, data points and log records.
        """
        partial = ExportTracePartialSuccess(rejected_spans=items, error_message=message)
        return cls(200, ExportTraceServiceResponse(partial_success=partial).SerializeToString())

    @classmethod
    def failing(cls, status: int, message: str = "", code: int = 0) -> Answer:
        """A failure with a ``google.rpc.Status`` in its body, as OTLP has it."""
        return cls(status, Status(code=code, message=message).SerializeToString())

    @classmethod
    def busy(cls, retry_after: float | datetime | str | None = None, status: int = 503) -> Answer:
        """Not now: 503, or 429.

        Args:
            retry_after: What ``Retry-After`` says: whole seconds, a moment (as an HTTP-date), or any words.
            status: The HTTP status.
        """
        body = Status(code=_UNAVAILABLE, message="busy").SerializeToString()
        if retry_after is None:
            return cls(status, body)
        if isinstance(retry_after, datetime):
            retry_after = format_datetime(retry_after.astimezone(UTC), usegmt=True)
        if isinstance(retry_after, int | float):
            retry_after = str(int(retry_after))
        return cls(status, body, {"Retry-After": retry_after})

    @classmethod
    def retry_info(cls, seconds: float, status: int = 503) -> Answer:
        """Not now, with the delay as a ``google.rpc.RetryInfo`` in the body in place of the header."""
        answer = Status(code=_UNAVAILABLE, message="busy")
        delay = RetryInfo()
        delay.retry_delay.FromNanoseconds(round(seconds * 1e9))
        answer.details.add().Pack(delay)
        return cls(status, answer.SerializeToString())

    @classmethod
    def page(cls, status: int = 200) -> Answer:
        """A page for people, as proxies and login gates answer."""
        page = b"<!doctype html><title>Sign in</title><h1>Sign in to go on</h1>"
        return cls(status, page, {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Answer:
        """Look elsewhere."""
        return cls(status, headers={"Location": location})

    @classmethod
    def huge(cls, size: int = _GIB, chunked: bool = False, status: int = 200) -> Answer:
        """So many bytes of body, none of which is held."""
        return cls(status, lambda: _zeros(size), length=None if chunked else size)

    @classmethod
    def gzip_bomb(cls, size: int = _GIB, status: int = 200) -> Answer:
        """A body that is small, and so many bytes once it is decompressed."""
        return cls(status, lambda: _bomb(size), {"Content-Encoding": "gzip"})


def _zeros(size: int) -> Iterator[bytes]:
    block = bytes(_MIB)
    yield from itertools.repeat(block, size // _MIB)
    yield block[: size % _MIB]


def _bomb(size: int) -> Iterator[bytes]:
    """One gzip member of zeros: what a compressor makes of a block is sent again and again."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    block = bytes(_MIB)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks, checksum = max(1, size // _MIB), 0
    yield b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    for _ in range(blocks):
        checksum = zlib.crc32(block, checksum)
        yield packed
    yield packer.flush() + checksum.to_bytes(4, "little") + (blocks * _MIB % 2**32).to_bytes(4, "little")
