"""The body of an HTTP request: read up to a limit, and unpacked up to a limit."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Final

from flask import Request

from promethios.receiver.otlp.budget import Share
from promethios.receiver.refusal import Kind, Refusal, too_large

_GZIP: Final = 16 + zlib.MAX_WBITS
_STEP: Final = 1 << 20
#: What is left is copied for each member: a body of empty ones would take hours.
_MOST_MEMBERS: Final = 16


def read_body(request: Request, limit: int, share: Share) -> bytes:
    """Read a body and unpack it.

    Flask's own `MAX_CONTENT_LENGTH` silently cuts a chunked body at the limit, so this reads the stream
    itself: one byte more than allowed, and compared with what was announced.

    Raises:
        Refusal: It is larger than `limit` bytes, packed or unpacked, is cut short, is packed otherwise
            than with gzip, or there is no room for it in `share`.
    """
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise Refusal(
            Kind.UNSUPPORTED,
            f"the content encoding {encoding[:40]!r} is not supported: send gzip or none",
            headers={"Accept-Encoding": "gzip"},
        )
    body = _read(request, limit, share)
    return unpack(body, limit, share) if encoding == "gzip" else body


def _read(request: Request, limit: int, share: Share) -> bytes:
    announced = request.content_length
    if announced is not None and announced > limit:
        raise too_large(limit)
    stream = request.environ["wsgi.input"]
    step = _STEP if announced is None else announced + 1
    # All that was announced is asked for before it is read, and read in one piece: no part is held twice.
    share.take(announced or 0)
    parts, size = [], 0
    while part := stream.read(min(step, limit + 1 - size)):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise too_large(limit)
        if announced is None:
            share.take(len(part))
    if announced is not None and size != announced:
        raise Refusal(Kind.UNDECODABLE, f"the body ended after {size} of {announced} bytes")
    return b"".join(parts)


def unpack(body: bytes, limit: int, share: Share) -> bytes:
    """Unpack gzip, all members of it, without ever holding more than `limit` bytes and a step.

    Raises:
        Refusal: It unpacks to more, is cut short, or is not gzip.
    """
    # A buffer that grows gives its bytes without a copy; a list of parts would hold all of them twice.
    whole = BytesIO()
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(_GZIP)
        while not unpacker.eof:
            part = _unpack_some(unpacker, body, min(_STEP, limit + 1 - whole.tell()))
            whole.write(part)
            if whole.tell() > limit:
                raise too_large(limit)
            share.take(len(part))
            body = unpacker.unconsumed_tail
        body = unpacker.unused_data
        if not body:
            return whole.getvalue()
    raise Refusal(Kind.UNDECODABLE, f"the body has more than {_MOST_MEMBERS} gzip members")


def _unpack_some(unpacker: zlib._Decompress, body: bytes, most: int) -> bytes:
    try:
        part = unpacker.decompress(body, most)
    except zlib.error as error:
        raise Refusal(Kind.UNDECODABLE, f"the body is not valid gzip: {error}") from error
    if not part and not unpacker.unconsumed_tail and not unpacker.eof:
        raise Refusal(Kind.UNDECODABLE, "the body is not valid gzip: it is cut short")
    return part
