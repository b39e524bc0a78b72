"""The messages of OTLP by signal, and how a request is decoded and answered in protobuf."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from promethios.receiver.ingest.pipeline import Signal, Stored
from promethios.receiver.otlp.counting import check_items
from promethios.receiver.refusal import Kind, Refusal, unavailable

REQUESTS: Final[dict[Signal, type[Message]]] = {
    Signal.SPANS: trace_service_pb2.ExportTraceServiceRequest,
    Signal.METRICS: metrics_service_pb2.ExportMetricsServiceRequest,
    Signal.LOGS: logs_service_pb2.ExportLogsServiceRequest,
}
RESPONSES: Final[dict[Signal, Any]] = {
    Signal.SPANS: trace_service_pb2.ExportTraceServiceResponse,
    Signal.METRICS: metrics_service_pb2.ExportMetricsServiceResponse,
    Signal.LOGS: logs_service_pb2.ExportLogsServiceResponse,
}
#: The field of `partial_success` that counts what was refused.
REJECTED: Final = {
    Signal.SPANS: "rejected_spans",
    Signal.METRICS: "rejected_data_points",
    Signal.LOGS: "rejected_log_records",
}

#: What protobuf's decoder (upb) says when an allocation failed.
_NO_MEMORY: Final = "Arena alloc failed"


def decode(signal: Signal, body: bytes, most_items: int) -> Message:
    """Decode a request in protobuf.

    Raises:
        Refusal: It is not one, or has more than `most_items` items.
    """
    check_items(signal, body, most_items)
    message = REQUESTS[signal]()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        if _NO_MEMORY in str(error):
            # A fault of ours, told as if it were the client's: it would drop the batch for 400.
            raise unavailable("there is no memory for this request now", retry_after=3) from error
        raise Refusal(
            Kind.UNDECODABLE, f"the body is not an {message.DESCRIPTOR.name} in protobuf: {error}"
        ) from error
    return message


def response(signal: Signal, stored: Stored) -> Message:
    """The answer to a stored request; `partial_success` only where there is something to say."""
    answer = RESPONSES[signal]()
    if stored.rejected or stored.message:
        setattr(answer.partial_success, REJECTED[signal], stored.rejected)
        answer.partial_success.error_message = stored.message
    message: Message = answer
    return message
