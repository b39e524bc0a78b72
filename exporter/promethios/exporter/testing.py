"""A scripted OTLP endpoint for tests: a real HTTP server that answers as it is told and keeps what it got.

with OtlpSink() as sink:
    sink.script(Answer(503, headers={"Retry-After": "1"}))      # the first request; 200 after that
    exporter = PromethiosSpanExporter(endpoint=sink.url, api_key="test")
    ...
    assert [span.name for span in sink.spans()] == ["hello"]
"""

from __future__ import annotations

import gzip
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_REQUESTS: Final[Mapping[str, Any]] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request is answered.

    Args:
        status: The HTTP status.
        body: The body; an empty one is OTLP's full success.
        headers: More headers, or others in place of ``Content-Type``.
        cut: End the connection after so many bytes of the body, though all were announced.
        hang: Take the request and answer nothing until the sink is closed.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came.

    Args:
        path: The path.
        headers: The headers, by lower-case name.
        body: The body, still compressed.
        client_port: The port that it came from: requests of one connection have the same.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    client_port: int

    @property
    def message(self) -> Any:
        """The OTLP request that the body holds."""
        packed = self.headers.get("content-encoding") == "gzip"
        return _REQUESTS[self.path].FromString(gzip.decompress(self.body) if packed else self.body)


class OtlpSink:
    """A server on a free port of the loopback interface. Use it as a context manager.

    Args:
        port: The port; 0 picks a free one.
        default: How requests are answered that no script speaks of.
        tls: Speak HTTPS with this certificate.
    """

    def __init__(
        self, port: int = 0, default: Answer | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.default = default or Answer()
        self._scheme = "https" if tls else "http"
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._script: deque[Answer] = deque()
        self._closed = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL, for the setting `endpoint`."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Received]:
        """Every request so far, in the order of arrival."""
        with self._changed:
            return list(self._received)

    @property
    def connections(self) -> int:
        """How many connections the requests came over."""
        return len({request.client_port for request in self.requests})

    def script(self, *answers: Answer) -> None:
        """Answer the next requests so, one each."""
        with self._changed:
            self._script.extend(answers)

    def wait(self, requests: int, timeout: float = 10.0) -> list[Received]:
        """Wait until so many requests have arrived, and give them all.

        Raises:
            TimeoutError: They did not come in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received) >= requests, timeout):
                raise TimeoutError(
                    f"{len(self._received)} of {requests} requests arrived in {timeout} seconds"
                )
            return list(self._received)

    def spans(self) -> list[Span]:
        """Every span in every request, whatever it was answered."""
        return [
            span
            for message in self._messages("/v1/traces")
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def metrics(self) -> list[Metric]:
        """Every metric in every request."""
        return [
            metric
            for message in self._messages("/v1/metrics")
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def logs(self) -> list[LogRecord]:
        """Every log record in every request."""
        return [
            record
            for message in self._messages("/v1/logs")
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def close(self) -> None:
        """Stop, and release the port."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> OtlpSink:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, request: Received) -> Answer:
        """Keep a request, and say how it is answered."""
        with self._changed:
            self._received.append(request)
            self._changed.notify_all()
            return self._script.popleft() if self._script else self.default

    def hang(self) -> None:
        """Wait until the sink is closed."""
        self._closed.wait()

    def _messages(self, path: str) -> Iterator[Any]:
        return (request.message for request in self.requests if request.path.endswith(path))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], sink: OtlpSink) -> None:
        self.sink = sink
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.sink.take(Received(self.path, headers, body, self.client_address[1]))
        if answer.hang:
            self.server.sink.hang()
            self.close_connection = True
            return
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": "application/x-protobuf", **answer.headers}
        for name, value in {**headers, "Content-Length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut])
        self.close_connection = answer.cut is not None

    def log_message(self, *args: Any) -> None:
        """Stay silent: tests read what was received."""
