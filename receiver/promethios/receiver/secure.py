"""Connections that speak TLS, in waitress' loop: a handshake that waits for nobody, and nothing left unread.

waitress reads in its loop and writes in the threads that answer, and an OpenSSL connection must not be used
by two threads at once: `TlsSocket` has a lock. Above it a connection behaves as one without TLS, so that the
same limits hold: idle time, size of headers, bodies of strangers, lingering after a refusal.
"""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from promethios.receiver.answers import HEADERS
from promethios.receiver.connections import Connection
from promethios.receiver.problems import PROBLEMS
from promethios.receiver.tls import Certificates

#: How long a client has for its handshake, seconds.
_HANDSHAKE_SECONDS: Final = 10.0
#: The first byte of every TLS connection (RFC 8446, section 5.1: a record of type handshake).
_HANDSHAKE: Final = b"\x16"

_PROBLEM: Final = PROBLEMS["malformed"]
_DETAIL: Final = (
    f'{{"type":"{_PROBLEM.type}","title":"{_PROBLEM.title}","status":400,'
    '"detail":"this port speaks HTTPS: use https://"}'
)
#: The answer to who speaks HTTP here.
IN_THE_CLEAR: Final = "\r\n".join(
    (
        "HTTP/1.1 400 Bad Request",
        "Content-Type: application/problem+json",
        "Connection: close",
        f"Content-Length: {len(_DETAIL)}",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        "",
        _DETAIL,
    )
).encode()


class TlsSocket:
    """A socket without blocking that speaks TLS as a server.

    What would block is a `BlockingIOError`, as with any socket; any fault of TLS is a `ConnectionResetError`.

    Args:
        plain: The accepted socket; it is this object's from now on.
        context: The certificate, and what is asked of clients.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        self._lock = threading.Lock()
        self._socket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        #: OpenSSL cannot go on before it could send something of its own.
        self.wants_write = False

    @contextmanager
    def _alone(self) -> Iterator[ssl.SSLSocket]:
        with self._lock:
            self.wants_write = False
            try:
                yield self._socket
            except ssl.SSLWantReadError as error:
                raise BlockingIOError(errno.EWOULDBLOCK, "waits for the client") from error
            except ssl.SSLWantWriteError as error:
                self.wants_write = True
                raise BlockingIOError(errno.EWOULDBLOCK, "waits to send") from error
            except ssl.SSLError as error:
                raise ConnectionResetError(errno.ECONNRESET, str(error)) from error

    def handshake(self) -> None:
        """Go on with the handshake; returns when it is done."""
        with self._alone() as connection:
            connection.do_handshake()

    def recv(self, size: int) -> bytes:
        """Receive up to `size` bytes; empty at the end."""
        with self._alone() as connection:
            return connection.recv(size)

    def send(self, data: bytes) -> int:
        """Send what can be sent now; returns how many bytes."""
        with self._alone() as connection:
            return connection.send(data)

    def pending(self) -> int:
        """Bytes that are decrypted and not yet received: no poll tells of them."""
        with self._lock:
            return self._socket.pending()

    def shutdown(self, how: int) -> None:
        """Say that nothing more will be sent; what is received from now on is as it came, still encrypted."""
        with self._lock:
            self._say_goodbye()
            self._socket.shutdown(how)

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._say_goodbye()
            self._socket.close()

    def _say_goodbye(self) -> None:
        """Without it a client could not tell the end from a cut; whether it hears is its own affair."""
        with suppress(OSError, ValueError):
            self._socket.unwrap()


class SecureConnection(Connection):
    """A client's connection over TLS; one that speaks plain HTTP is told so."""

    certificates: Certificates
    socket: Any
    _established = False

    def readable(self) -> bool:
        """Also during the handshake."""
        return not self._established or super().readable()

    def writable(self) -> bool:
        """Also when TLS itself has something to send."""
        return getattr(self.socket, "wants_write", False) or super().writable()

    def handle_write(self) -> None:
        """Go on with what TLS has to send, then with the answer."""
        if getattr(self.socket, "wants_write", False):
            self.handle_read()
        if self.connected:
            super().handle_write()

    def handle_read(self) -> None:
        """The handshake first; then all that is decrypted."""
        if not self._established and not self._lingers_until:
            self._greet()
            if not self._established:
                return
        super().handle_read()
        while self.connected and self._established and self.socket.pending():
            super().handle_read()

    @property
    def expired(self) -> bool:
        """Whether it has lingered long enough, or not ended its handshake in time."""
        shaking = not self._established and not self._lingers_until
        longest = min(_HANDSHAKE_SECONDS, self.adj.channel_timeout)
        return super().expired or (shaking and time.monotonic() - self._heard > longest)

    def _greet(self) -> None:
        try:
            if not isinstance(self.socket, TlsSocket) and not self._begin():
                return
            self.socket.handshake()
            self._established, self._heard = True, time.monotonic()
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()

    def _begin(self) -> bool:
        """Look at the first byte: TLS begins with it, or the client does not know that it should."""
        first = self.socket.recv(1, socket.MSG_PEEK)
        if first == _HANDSHAKE:
            self.socket = TlsSocket(self.socket, self.certificates.context())
            return True
        if first:
            self.socket.send(IN_THE_CLEAR)
            self.linger = True
        self.handle_close()
        return False
