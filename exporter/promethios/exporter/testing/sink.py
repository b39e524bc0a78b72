"""The server that users start: scripted answers in, received telemetry out."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from promethios.exporter.testing.answers import Answer
from promethios.exporter.testing.received import Received
from promethios.exporter.testing.server import Server
from promethios.governance import semconv


class OtlpSink:
    """A server on a free port of the loopback interface. Use it as a context manager.

    Args:
        port: The port; 0 picks a free one.
        default: How requests are answered that no script speaks of: an answer, or a function that makes one
            of the request, called in the thread of its connection. It may be changed at any time.
        tls: Speak HTTPS with this certificate.
    """

    def __init__(
        self,
        port: int = 0,
        default: Answer | Callable[[Received], Answer] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.default = default or Answer()
        self._scheme = "https" if tls else "http"
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._script: deque[Answer] = deque()
        self._server = Server(("127.0.0.1", port), self._take, tls)
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

    def wait_for(self, predicate: Callable[[OtlpSink], object], timeout: float = 10.0) -> None:
        """Wait until `predicate`, asked after each request with this sink, is true.

        Raises:
            TimeoutError: It did not become true in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: predicate(self), timeout):
                raise TimeoutError(
                    f"not so after {len(self._received)} requests in {timeout} seconds:"
                    f" {len(self.spans())} spans, {len(self.metrics())} metrics, {len(self.logs())} logs"
                )

    def spans(self) -> list[Span]:
        """Every span in every request, whatever it was answered."""
        return [span for request in self.requests for span in request.spans()]

    def decisions(self) -> list[Span]:
        """The spans that tell of a decision; `attributes` reads what was decided."""
        return [span for span in self.spans() if span.name == semconv.DECISION_SPAN]

    def metrics(self) -> list[Metric]:
        """Every metric in every request."""
        return [metric for request in self.requests for metric in request.metrics()]

    def logs(self) -> list[LogRecord]:
        """Every log record in every request."""
        return [record for request in self.requests for record in request.logs()]

    def close(self) -> None:
        """Stop as a process stops: release the port, and end the connections that are open."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> OtlpSink:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, request: Received) -> Answer:
        """Keep a request, and say how it is answered."""
        with self._changed:
            self._received.append(request)
            self._changed.notify_all()
            answer = self._script.popleft() if self._script else self.default
        return answer if isinstance(answer, Answer) else answer(request)
