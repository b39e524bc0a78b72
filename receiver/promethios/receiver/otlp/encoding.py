"""What an answer of the OTLP endpoints looks like, in the encoding that the request came in."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import orjson
from flask import Response
from google.protobuf.json_format import MessageToDict

from promethios.receiver.ingest.pipeline import Signal, Stored
from promethios.receiver.otlp.messages import REJECTED, response
from promethios.receiver.otlp.status import status_of
from promethios.receiver.refusal import Refusal

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

#: Bytes that a response has around its message, and the most that one character takes (`\\u0000`).
_AROUND: Final = 128
_WIDEST: Final = 6


def content_type_of(content_type: str) -> str:
    """The content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def success(content_type: str, signal: Signal, stored: Stored, most: int) -> Response:
    """200, with the signal's response; its message is cut rather than that it exceeds `most` bytes."""
    encode = _success_json if content_type == JSON else _success_protobuf
    body = encode(signal, stored)
    if len(body) > most:
        body = encode(signal, shortened(stored, most))
    return Response(body, content_type=content_type)


def shortened(stored: Stored, most: int) -> Stored:
    """`stored` with so much less to say that it takes at most `most` bytes in either encoding."""
    return replace(stored, message=stored.message[: max(0, most - _AROUND) // _WIDEST])


def _success_protobuf(signal: Signal, stored: Stored) -> bytes:
    return response(signal, stored).SerializeToString()


def _success_json(signal: Signal, stored: Stored) -> bytes:
    if not stored.rejected and not stored.message:
        return b"{}"
    first, *rest = REJECTED[signal].split("_")
    counted = first + "".join(word.capitalize() for word in rest)
    # 64-bit numbers are text in protobuf's JSON mapping.
    partial = {counted: str(stored.rejected), "errorMessage": stored.message}
    return orjson.dumps({"partialSuccess": partial})


def failure(content_type: str, refusal: Refusal) -> Response:
    """A `google.rpc.Status`; in protobuf unless the request's content type is JSON."""
    status = status_of(refusal)
    if content_type_of(content_type) == JSON:
        return Response(orjson.dumps(MessageToDict(status)), refusal.kind.http, content_type=JSON)
    return Response(status.SerializeToString(), refusal.kind.http, content_type=PROTOBUF)
