"""Small bodies of JSON, for what an administrator changes."""

from __future__ import annotations

from typing import Any, Final

import orjson
from flask import Request

from promethios.receiver.refusal import Kind, Refusal

LONGEST: Final = 10_000


def read_object(request: Request) -> dict[str, Any]:
    """The object in a request's body; an empty body is an empty object.

    Raises:
        Refusal: It is longer than `LONGEST` bytes, or not an object in JSON.
    """
    text = request.stream.read(LONGEST + 1)
    if len(text) > LONGEST:
        raise Refusal(Kind.TOO_LARGE, f"the body is larger than {LONGEST} bytes")
    try:
        document = orjson.loads(text or b"{}")
    except orjson.JSONDecodeError as error:
        raise Refusal(Kind.UNDECODABLE, f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refusal(Kind.UNDECODABLE, "the body is not an object in JSON")
    return document
