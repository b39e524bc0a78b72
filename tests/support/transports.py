"""The three ways to send OTLP to a receiver, with one kind of outcome for all of them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.support.receiver import Answer, RunningReceiver

TRANSPORTS = ("protobuf", "json", "grpc")
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
OK = 0

_IDS = re.compile(r'"(traceId|spanId|parentSpanId)": "([^"]*)"')
_RESPONSES: dict[str, Any] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}
_SERVICES = {"traces": "trace.v1.Trace", "metrics": "metrics.v1.Metrics", "logs": "logs.v1.Logs"}
SIGNALS = tuple(_RESPONSES)


@dataclass(frozen=True)
class Sent:
    """What a transport answered.

    Args:
        code: The canonical code; 0 is success.
        message: Why not, where it was refused.
        retry_after: Seconds after which to try again; None where that is of no use.
        response: The decoded response where it succeeded.
        size: Bytes of the response.
    """

    code: int
    message: str = ""
    retry_after: int | None = None
    response: Any = None
    size: int = 0

    @property
    def ok(self) -> bool:
        """Whether it was stored, at least in part."""
        return self.code == OK


class Transport:
    """A way to send a request.

    Args:
        receiver: To whom.
        name: ``protobuf``, ``json`` or ``grpc``.
    """

    def __init__(self, receiver: RunningReceiver, name: str) -> None:
        self.receiver = receiver
        self.name = name

    def send(self, signal: str, request: Message, *, packed: bool = False, key: str | None = None) -> Sent:
        """Send a request for ``traces``, ``metrics`` or ``logs``; the key is the ingest key unless given."""
        return self.send_bytes(signal, self.encode(request), packed=packed, key=key)

    def encode(self, request: Message) -> bytes:
        """A request as this transport has it."""
        return as_json(request) if self.name == "json" else request.SerializeToString()

    def send_bytes(self, signal: str, body: bytes, *, packed: bool = False, key: str | None = None) -> Sent:
        """Send bytes that need not be a request."""
        given = self.receiver.ingest_key if key is None else key
        if self.name == "grpc":
            return call(self.receiver, export_of(signal), body, packed=packed, key=given)
        kind = JSON if self.name == "json" else PROTOBUF
        headers = {"Content-Type": kind, **({"x-api-key": given} if given else {})}
        if packed:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        answer = self.receiver.request("POST", f"/v1/{signal}", body, headers)
        assert answer.headers["Content-Type"] == kind
        return _over_http(signal, answer)


def export_of(signal: str) -> str:
    """The full name of a signal's method in gRPC."""
    return f"/opentelemetry.proto.collector.{_SERVICES[signal]}Service/Export"


def call(receiver: RunningReceiver, method: str, body: bytes, *, packed: bool = False, key: str = "") -> Sent:
    """Call a method of gRPC with bytes."""
    compression = grpc.Compression.Gzip if packed else grpc.Compression.NoCompression
    metadata = [("x-api-key", key)] if key else []
    with grpc.insecure_channel(receiver.grpc) as channel:
        try:
            answer = channel.unary_unary(method)(body, metadata=metadata, timeout=30, compression=compression)
        except grpc.RpcError as error:
            return refused(error)
    signal = next(each for each in SIGNALS if method == export_of(each))
    return Sent(OK, response=_RESPONSES[signal].FromString(answer), size=len(answer))


def refused(error: Any) -> Sent:
    """What a call that failed says, from its trailers; both of them must say the same."""
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
    retry = retry_of(status)
    if status.code:
        assert (status.code, status.message) == (error.code().value[0], error.details())
        own = trailers.get("google.rpc.retryinfo-bin")
        assert retry == (None if own is None else RetryInfo.FromString(own).retry_delay.seconds)
    return Sent(error.code().value[0], error.details(), retry)


def retry_of(status: Status) -> int | None:
    """The seconds of a status's `RetryInfo`."""
    for detail in status.details:
        info = RetryInfo()
        if detail.Unpack(info):
            return int(info.retry_delay.seconds)
    return None


def status_of(answer: Answer) -> Status:
    """The status in the body of a refusal over HTTP, in the encoding that it says."""
    if answer.headers["Content-Type"] == JSON:
        return Parse(answer.body, Status())
    assert answer.headers["Content-Type"] == PROTOBUF
    return Status.FromString(answer.body)


def _over_http(signal: str, answer: Answer) -> Sent:
    if answer.status != 200:
        status = status_of(answer)
        seconds = answer.headers.get("Retry-After")
        assert retry_of(status) == (None if seconds is None else int(seconds))
        return Sent(status.code, status.message, retry_of(status), size=len(answer.body))
    response = _RESPONSES[signal]()
    if answer.headers["Content-Type"] == JSON:
        Parse(answer.body, response)
    else:
        response.ParseFromString(answer.body)
    return Sent(OK, response=response, size=len(answer.body))


def as_json(request: Message) -> bytes:
    """A request in OTLP's JSON: protobuf's mapping, with ids in hexadecimal and enums as numbers."""
    text = json.dumps(MessageToDict(request, use_integers_for_enums=True))
    return _IDS.sub(lambda found: f'"{found[1]}": "{base64.b64decode(found[2]).hex()}"', text).encode()
