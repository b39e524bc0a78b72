"""Stands between agents and a receiver: notes what was sent and what was acknowledged."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_PASSED_ON = ("Content-Type", "Content-Encoding", "Authorization")


@dataclass
class Sent:
    """A request of an agent, as it was on the wire."""

    path: str
    headers: dict[str, str]
    body: bytes
    acknowledged: bool = False

    def spans(self) -> list[tuple[bytes, bytes]]:
        """The trace and span id of each span in it; none for another signal."""
        if self.path != "/v1/traces":
            return []
        packed = self.headers.get("Content-Encoding") == "gzip"
        body = gzip.decompress(self.body) if packed else self.body
        request = ExportTraceServiceRequest.FromString(body)
        return [
            (span.trace_id, span.span_id)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Relay(ThreadingHTTPServer):
    """An address that stays while the receiver behind it comes and goes.

    Attributes:
        target: The receiver's address now.
        sent: Every request, in the order in which they came.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = "http://127.0.0.1:1"
        self.sent: list[Sent] = []
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where agents send to."""
        return f"http://127.0.0.1:{self.server_port}"

    def note(self, sent: Sent) -> None:
        """A request is about to be passed on."""
        with self._arrived:
            self.sent.append(sent)
            self._arrived.notify_all()

    def wait_for(self, requests: int) -> None:
        """Wait until so many more requests have come, of which the last is on its way now.

        Raises:
            TimeoutError: They do not come.
        """
        with self._arrived:
            enough = len(self.sent) + requests
            if not self._arrived.wait_for(lambda: len(self.sent) >= enough, 60):
                raise TimeoutError(f"{enough - len(self.sent)} requests are missing after a minute")

    def stop(self) -> None:
        """Listen no more."""
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Relay

    def do_POST(self) -> None:
        """Pass a request on; whoever dies in the middle of it, the agent hears nothing."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        sent = Sent(self.path, headers, body)
        self.server.note(sent)
        try:
            status, answer = self._pass_on(sent)
        except (OSError, HTTPException):
            self.close_connection = True
            return
        sent.acknowledged = status == 200
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _pass_on(self, sent: Sent) -> tuple[int, bytes]:
        request = Request(self.server.target + sent.path, sent.body, sent.headers, method="POST")
        try:
            with urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def log_message(self, *args: object) -> None:
        """Say nothing."""
