"""The HTTP behind a sink: reads requests, and puts answers on the wire, well formed or not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from promethios.exporter.testing.answers import Answer
from promethios.exporter.testing.received import Received

#: Nothing is lingered for: closing sends a reset.
_RESET: Final = struct.pack("ii", 1, 0)
_CONTENT_TYPE: Final = "application/x-protobuf"


class Server(ThreadingHTTPServer):
    """A thread for each connection. Closing it ends them all.

    Args:
        address: Host and port.
        take: Keeps a request, and says how it is answered.
        tls: Speak HTTPS with this certificate.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self, address: tuple[str, int], take: Callable[[Received], Answer], tls: ssl.SSLContext | None
    ) -> None:
        self.take = take
        self.closed = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the handshake of TLS is left to its own thread, for it may never end."""
        connection, address = super().get_request()
        if self._tls:
            try:
                connection.getpeername()
            except OSError:
                # Whoever has gone already: what the wrapping would raise leaves a socket open.
                connection.close()
                raise
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """End one connection."""
        with self._lock:
            self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def server_close(self) -> None:
        """Release the port, and end what is open: a client must not be served by a server that is gone."""
        self.closed.set()
        super().server_close()
        with self._lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own: it would forget that this connection is encrypted, and read on.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or does not trust the certificate, is what tests are about."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        headers = {name.lower(): ", ".join(self.headers.get_all(name, ())) for name in self.headers}
        body = b"".join(self._chunks()) if "transfer-encoding" in headers else self._sized()
        answer = self.server.take(Received(self.path, headers, body, self.client_address[1]))
        self.server.closed.wait(None if answer.hang else answer.delay)
        if not answer.hang:
            self._send(answer)
        if answer.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        if answer.hang or answer.reset or answer.raw is not None or answer.cut is not None:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Stay silent: tests read what was received."""

    def _sized(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, answer: Answer) -> None:
        for piece in [answer.raw] if answer.raw is not None else self._pieces(answer):
            if not answer.drip:
                self.wfile.write(piece)
                continue
            for byte in piece:
                self.wfile.write(bytes([byte]))
                self.server.closed.wait(answer.drip)

    def _pieces(self, answer: Answer) -> Iterator[bytes]:
        """The head, and then the body, cut and in chunks as the answer has it."""
        if isinstance(answer.body, bytes):
            made: Iterable[bytes] = (answer.body,)
            length: int | None = len(answer.body) if answer.length is None else answer.length
        else:
            made, length = answer.body(), answer.length
        chunked = length is None
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)}
        usual = {"Date": self.date_time_string(), "Content-Type": _CONTENT_TYPE, **framing}
        yield self._head(answer.status, usual | dict(answer.headers))
        left = answer.cut
        for piece in made:
            part = piece[:left]
            left = None if left is None else left - len(part)
            if part:
                yield b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
        if chunked and left is None:
            yield b"0\r\n\r\n"

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        reason = self.responses.get(status, ("",))[0]
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
