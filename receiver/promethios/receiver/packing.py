"""Answers in gzip, for clients that take it."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from werkzeug.wrappers import Request, Response

#: Shorter answers gain nothing.
SHORTEST: Final = 512
_LEVEL: Final = 4
#: The window of `zlib` that writes gzip's head and tail.
_GZIP: Final = 31
#: What may be streamed for long and is not read before it is whole.
_EXPORTS: Final = frozenset({"text/csv", "application/x-ndjson"})


def packed(request: Request, response: Response) -> Response:
    """`response`, packed where the client accepts gzip and it is worth it.

    What has a strong entity tag stays as it is: the tag names these bytes; a weak one names what they say.
    Exports are packed piece by piece, and events not at all: each is to arrive at once. A secret is in one
    answer only, so that lengths of answers tell nothing about it (BREACH).
    """
    tag, weak = response.get_etag()
    if (tag is not None and not weak) or "Content-Encoding" in response.headers:
        return response
    if response.is_streamed:
        return _packed_stream(request, response) if response.mimetype in _EXPORTS else response
    body = response.get_data()
    if len(body) < SHORTEST:
        return response
    if _takes_gzip(request, response):
        response.set_data(gzip.compress(body, _LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _packed_stream(request: Request, response: Response) -> Response:
    if _takes_gzip(request, response):
        response.response = _pieces(response.iter_encoded())
        response.headers["Content-Encoding"] = "gzip"
    return response


def _pieces(body: Iterable[bytes]) -> Iterator[bytes]:
    """What is cut stays cut: without its end it cannot be unpacked whole."""
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    for piece in body:
        yield packer.compress(piece)
    yield packer.flush()


def _takes_gzip(request: Request, response: Response) -> bool:
    response.vary.add("Accept-Encoding")
    return request.accept_encodings.quality("gzip") > 0
