"""What an answer means, by its status, its type and its body, which is read with a limit."""

from __future__ import annotations

import zlib
from typing import Any, Final

import urllib3
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from promethios.exporter.batch import Signal
from promethios.exporter.outcomes import (
    Delivered,
    Outcome,
    Parked,
    Transient,
    outcome_of_endless_answer,
    outcome_of_failure,
)
from promethios.exporter.retry import bounded, parse_retry_after
from promethios.exporter.rpc_status import read_status
from promethios.exporter.settings import MIB

CONTENT_TYPE: Final = "application/x-protobuf"
#: https://opentelemetry.io/docs/specs/otlp/ : a client limits the answers it reads, also after decompression.
MAX_RESPONSE_BYTES: Final = 4 * MIB

_RESPONSES: Final[dict[Signal, tuple[Any, str]]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
}


class ResponseTooLargeError(Exception):
    """The answer is longer than `MAX_RESPONSE_BYTES`."""


class NotDecompressedError(Exception):
    """The answer is compressed in a way that was not asked for, or is not whole."""


def judge(response: urllib3.BaseHTTPResponse, signal: Signal) -> Outcome:
    """Read an answer and tell what became of the request."""
    if response.status == 200 and (found := _content_type(response)) != CONTENT_TYPE:
        # A proxy's page is no success, and nothing in it is worth reading.
        found = found or "no content type"
        return Parked(
            f"HTTP 200 with {found} instead of {CONTENT_TYPE}: not an OTLP receiver; check `endpoint`"
        )
    try:
        body = _read(response)
    except ResponseTooLargeError:
        return outcome_of_endless_answer(response.status, MAX_RESPONSE_BYTES)
    except NotDecompressedError:
        body = b""
        if response.status == 200:
            return Parked("HTTP 200 with a body that does not decompress: check `endpoint`")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        body = b""
        if response.status == 200:
            return Transient(f"the answer broke off: {type(error).__name__}")
    return _success(signal, body) if response.status == 200 else _failure(response, body)


def _read(response: urllib3.BaseHTTPResponse) -> bytes:
    body = bytearray()
    while chunk := response.read1(65536, decode_content=False):
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ResponseTooLargeError
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if not body or encoding in ("", "identity"):
        return bytes(body)
    if encoding != "gzip":
        # None was asked for, and not everything that decompresses keeps to a limit.
        raise NotDecompressedError
    return _unpacked(bytes(body))


def _unpacked(packed: bytes) -> bytes:
    """Decompress with a limit. What ends too early is an error: nothing at all would read as a success."""
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        body = unpacking.decompress(packed, MAX_RESPONSE_BYTES + 1)
    except zlib.error as error:
        raise NotDecompressedError from error
    if len(body) > MAX_RESPONSE_BYTES:
        raise ResponseTooLargeError
    if not unpacking.eof or unpacking.unused_data:
        raise NotDecompressedError
    return body


def _success(signal: Signal, body: bytes) -> Outcome:
    message, rejected = _RESPONSES[signal]
    try:
        partial = message.FromString(body).partial_success
    except DecodeError:
        return Parked("HTTP 200 with a body that is not OTLP: check `endpoint`")
    return Delivered(max(getattr(partial, rejected), 0), _clean(partial.error_message))


def _failure(response: urllib3.BaseHTTPResponse, body: bytes) -> Outcome:
    """OTLP has a ``google.rpc.Status`` in each failure's body; its delay counts where no header has one."""
    is_otlp = _content_type(response) == CONTENT_TYPE
    message, delay = read_status(body) if is_otlp else ("", None)
    asked = parse_retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
    return outcome_of_failure(response.status, bounded(delay) if asked is None else asked, _clean(message))


def _content_type(response: urllib3.BaseHTTPResponse) -> str:
    value: str = response.headers.get("Content-Type", "")
    return value.partition(";")[0].strip().lower()


def _clean(text: str) -> str:
    """A server's words as they may stand in a log line: one line, of bounded length."""
    return " ".join(text[:400].split())[:200]
