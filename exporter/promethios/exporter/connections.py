"""Connections to the receiver: kept alive, over TLS, through a proxy, with one deadline for an answer."""

from __future__ import annotations

import http.client
import io
import os
import socket
import time
from typing import Any
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import make_headers, parse_url

from promethios.exporter.settings import Settings
from promethios.governance.telemetry.forks import renew_in_child


def open_pool(settings: Settings) -> urllib3.PoolManager:
    """The connections of one sender. None is made before it is needed.

    The files of certificates are read for each new connection, so that renewed ones are used without a
    restart.
    """
    given: dict[str, Any] = {
        "maxsize": settings.max_in_flight,
        "timeout": urllib3.Timeout(total=settings.timeout),
        "ca_certs": _path(settings.certificate),
        "cert_file": _path(settings.client_certificate),
        "key_file": _path(settings.client_key),
    }
    given = {name: value for name, value in given.items() if value is not None}
    pool = _through(settings.proxy, given) if settings.proxy else urllib3.PoolManager(**given)
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


def _through(proxy: str, given: dict[str, Any]) -> urllib3.ProxyManager:
    auth = parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=unquote(auth)) if auth else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **given)


def _path(file: object) -> str | None:
    return str(file) if file else None


class _Until(io.RawIOBase):
    """What a socket receives, until a moment. The socket's own timeout is for each piece of it."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase, until: float) -> None:
        self._connection, self._raw, self._until = connection, raw, until
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._connection.settimeout(left)
        received = self._raw.readinto(buffer)
        self.ended = received == 0
        return received

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answering:
    """As much of a socket as `http.client` reads an answer from."""

    def __init__(self, connection: socket.socket) -> None:
        raw = connection.makefile("rb", buffering=0)
        self.received = _Until(connection, raw, time.monotonic() + (connection.gettimeout() or 0.0))

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.received)


class _Answer(http.client.HTTPResponse):
    """An answer whose head and body together have the time that the socket's timeout was at its start.

    A server that sends a byte now and then would hold a sending thread for ever otherwise.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        self._answering = _Answering(sock)
        super().__init__(self._answering, *args, **kwargs)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Read the head. One that ends before its empty line is no answer: `http.client` lets it pass."""
        super().begin()
        if self._answering.received.ended:
            raise http.client.RemoteDisconnected("the answer ended in its head")


class _OfOneProcess:
    """A connection that a forked child lets go of, also in the middle of a request of its parent's.

    Its parent's thread is gone there, and what that held open would stay open: the receiver would not see the
    parent's end.
    """

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        # `http.client` lets go of a socket that it still reads an answer from.
        self._opened: Any = getattr(self, "sock", None)
        renew_in_child(self)

    def renew(self) -> None:
        if isinstance(self._opened, socket.socket) and self._opened.fileno() >= 0:
            os.close(self._opened.detach())


class _HttpConnection(_OfOneProcess, HTTPConnection):
    response_class = _Answer


class _HttpsConnection(_OfOneProcess, HTTPSConnection):
    response_class = _Answer


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
