"""Connections to the receiver: kept alive, over TLS, through a proxy, with one deadline for an answer."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import make_headers, parse_url

from promethios.exporter.settings import Settings


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

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answering:
    """As much of a socket as `http.client` reads an answer from."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, mode: str) -> io.BufferedReader:
        until = time.monotonic() + (self._connection.gettimeout() or 0.0)
        raw = self._connection.makefile("rb", buffering=0)
        return io.BufferedReader(_Until(self._connection, raw, until))


class _Answer(http.client.HTTPResponse):
    """An answer whose head and body together have the time that the socket's timeout was at its start.

    A server that sends a byte now and then would hold a sending thread for ever otherwise.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Answering(sock), *args, **kwargs)  # type: ignore[arg-type]


class _HttpConnection(HTTPConnection):
    response_class = _Answer


class _HttpsConnection(HTTPSConnection):
    response_class = _Answer


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection
