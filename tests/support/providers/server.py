"""The HTTP server below every local provider."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.providers.reply import Reply


@dataclass(frozen=True)
class Received:
    """A request as it came: everything that left the agent."""

    path: str
    headers: str
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """All of it, as text."""
        return f"{self.path}\n{self.headers}\n{self.body.decode(errors='replace')}"


@dataclass(frozen=True)
class Sent:
    """What a provider sends back: a body, or the parts of a stream."""

    parts: Iterable[bytes]
    type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    streamed: bool = False


def whole(body: Any, status: int = 200) -> Sent:
    """A body of JSON."""
    return Sent((json.dumps(body).encode(),), status=status)


def events(parts: Iterable[tuple[str | None, Any]]) -> Sent:
    """Server-sent events, each with its name where it has one; text stays what it is."""
    return Sent((_event(name, data) for name, data in parts), type="text/event-stream", streamed=True)


def _event(name: str | None, data: Any) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data)
    return f"{f'event: {name}' + chr(10) if name else ''}data: {text}\n\n".encode()


class Provider(ABC):
    """A provider on a free port of the loopback interface. Use it as a context manager."""

    def __init__(self, *replies: Reply) -> None:
        self.replies: list[Reply] = list(replies) or [Reply()]
        self.requests: list[Received] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @abstractmethod
    def answer(self, request: Received, reply: Reply) -> Sent:
        """Put the reply into the provider's format, as the request asks for it."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def received(self) -> str:
        """Everything that reached it, as text."""
        return "\n".join(request.text for request in self.requests)

    def take(self, request: Received) -> Sent:
        """Keep a request and answer it."""
        with self._lock:
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return self.answer(request, reply)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], provider: Provider) -> None:
        self.provider = provider
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        """Read a request whole, and send what the provider answers."""
        body = self._chunks() if self.headers.get("Transfer-Encoding") else self._length()
        sent = self.server.provider.take(Received(self.path, str(self.headers), body))
        self.send_response(sent.status)
        self.send_header("Content-Type", sent.type)
        for name, value in sent.headers.items():
            self.send_header(name, value)
        try:
            (self._stream if sent.streamed else self._whole)(sent)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the caller left the stream

    do_GET = do_POST  # what is fetched has no body

    def log_message(self, *args: Any) -> None:
        """Stay silent: the tests look at what was kept."""

    def _whole(self, sent: Sent) -> None:
        body = b"".join(sent.parts)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, sent: Sent) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in sent.parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _length(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
