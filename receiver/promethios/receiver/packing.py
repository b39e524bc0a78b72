"""Answers in gzip, for clients that take it."""

from __future__ import annotations

import gzip
from typing import Final

from werkzeug.wrappers import Request, Response

#: Shorter answers gain nothing.
SHORTEST: Final = 512
_LEVEL: Final = 4


def packed(request: Request, response: Response) -> Response:
    """`response`, packed where the client accepts gzip and it is worth it.

    What has an entity tag stays as it is: the tag names these bytes. A secret is in one answer only, so that
    lengths of answers tell nothing about it (BREACH).
    """
    if "ETag" in response.headers or "Content-Encoding" in response.headers or response.is_streamed:
        return response
    body = response.get_data()
    if len(body) < SHORTEST:
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings.quality("gzip") > 0:
        response.set_data(gzip.compress(body, _LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
