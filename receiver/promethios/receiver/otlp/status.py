"""A refusal as `google.rpc.Status`: the body of an HTTP answer, and a trailer of a gRPC one."""

from __future__ import annotations

from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from promethios.receiver.refusal import Kind, Refusal

#: Characters. A message may repeat what a client sent, and gRPC has 8 KiB for all trailers together.
LONGEST_MESSAGE: Final = 300


def status_of(refusal: Refusal) -> Status:
    """The status, with the details that OTLP asks for.

    `BadRequest` where the request can never be taken as it is, and `RetryInfo` where it may be sent again
    (https://opentelemetry.io/docs/specs/otlp/#failures).
    """
    message = refusal.message[:LONGEST_MESSAGE]
    status = Status(code=refusal.kind.grpc, message=message)
    if refusal.kind is Kind.UNDECODABLE:
        violation = BadRequest.FieldViolation(description=message)
        status.details.append(_packed(BadRequest(field_violations=[violation])))
    if (retry := retry_info(refusal)) is not None:
        status.details.append(_packed(retry))
    return status


def retry_info(refusal: Refusal) -> RetryInfo | None:
    """After how long to try again; None where trying again is of no use."""
    if refusal.retry_after is None:
        return None
    return RetryInfo(retry_delay=Duration(seconds=refusal.retry_after))


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed
