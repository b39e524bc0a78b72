"""What an answer of the OTLP endpoints looks like, in the encoding that the request came in."""

from __future__ import annotations

from typing import Final

import orjson
from flask import Response
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from promethios.receiver.ingest.pipeline import Signal, Stored
from promethios.receiver.otlp.messages import REJECTED, response
from promethios.receiver.refusal import Refusal

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"


def content_type_of(content_type: str) -> str:
    """The content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def success(content_type: str, signal: Signal, stored: Stored) -> Response:
    """200, with the signal's response message."""
    if content_type == JSON:
        return Response(orjson.dumps(_success_json(signal, stored)), content_type=JSON)
    return _protobuf(200, response(signal, stored))


def _success_json(signal: Signal, stored: Stored) -> dict[str, object]:
    if not stored.rejected and not stored.message:
        return {}
    first, *rest = REJECTED[signal].split("_")
    counted = first + "".join(word.capitalize() for word in rest)
    # 64-bit numbers are text in protobuf's JSON mapping.
    return {"partialSuccess": {counted: str(stored.rejected), "errorMessage": stored.message}}


def failure(content_type: str, refusal: Refusal) -> Response:
    """A `google.rpc.Status`; in protobuf unless the request's content type is JSON."""
    code, message = refusal.kind.grpc, refusal.message
    if content_type_of(content_type) == JSON:
        answer = Response(
            orjson.dumps({"code": code, "message": message}), refusal.kind.http, content_type=JSON
        )
    else:
        answer = _protobuf(refusal.kind.http, Status(code=code, message=message))
    return answer


def _protobuf(status: int, message: Message) -> Response:
    return Response(message.SerializeToString(), status, content_type=PROTOBUF)
