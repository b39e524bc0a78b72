"""One receiver, and three ways to send to it: HTTP with protobuf, HTTP with JSON, and gRPC."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.support.receiver import RunningReceiver

_IDS = re.compile(r'"(traceId|spanId|parentSpanId)": "([^"]*)"')
_RESPONSES: dict[str, Any] = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}
_SERVICES = {"traces": "trace.v1.Trace", "metrics": "metrics.v1.Metrics", "logs": "logs.v1.Logs"}


@dataclass(frozen=True)
class Sent:
    """What a transport answered: whether it succeeded, and the decoded response where it did."""

    ok: bool
    response: Any


class Transport:
    """A way to send a request.

    Args:
        receiver: To whom.
        name: ``protobuf``, ``json`` or ``grpc``.
    """

    def __init__(self, receiver: RunningReceiver, name: str) -> None:
        self.receiver = receiver
        self.name = name

    def send(self, signal: str, request: Message) -> Sent:
        """Send a request for ``traces``, ``metrics`` or ``logs``."""
        if self.name == "grpc":
            return self._send_grpc(signal, request.SerializeToString())
        body = as_json(request) if self.name == "json" else request.SerializeToString()
        kind = "application/json" if self.name == "json" else "application/x-protobuf"
        answer = self.receiver.post(f"/v1/{signal}", body, {"Content-Type": kind, **self.receiver.ingest})
        assert answer.headers["Content-Type"] == kind
        if answer.status != 200:
            return Sent(False, None)
        response = _RESPONSES[signal]()
        if self.name == "json":
            return Sent(True, Parse(answer.body, response))
        return Sent(True, response.FromString(answer.body))

    def _send_grpc(self, signal: str, body: bytes) -> Sent:
        method = f"/opentelemetry.proto.collector.{_SERVICES[signal]}Service/Export"
        metadata = [("x-api-key", self.receiver.ingest_key)]
        with grpc.insecure_channel(self.receiver.grpc) as channel:
            try:
                answer = channel.unary_unary(method)(body, metadata=metadata, timeout=30)
            except grpc.RpcError:
                return Sent(False, None)
        return Sent(True, _RESPONSES[signal].FromString(answer))


def as_json(request: Message) -> bytes:
    """A request in OTLP's JSON: protobuf's mapping, with ids in hexadecimal and enums as numbers."""
    text = json.dumps(MessageToDict(request, use_integers_for_enums=True))
    return _IDS.sub(lambda found: f'"{found[1]}": "{base64.b64decode(found[2]).hex()}"', text).encode()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver on a new database; the tests of a file share it."""
    with RunningReceiver(tmp_path_factory.mktemp("conformance") / "promethios.db") as running:
        yield running


@pytest.fixture(params=["protobuf", "json", "grpc"])
def transport(receiver: RunningReceiver, request: pytest.FixtureRequest) -> Transport:
    """Each way to send, one after the other."""
    return Transport(receiver, request.param)
