"""HTTP by hand: what no client library would send."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from urllib.parse import urlsplit


def exchange(url: str, request: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes, and read until the other side closes.

    Args:
        url: The address of the server.
        request: What is sent.
        half_close: Close the sending half after it, as if the rest were lost.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def post(path: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A POST as bytes; the connection is to be closed after it."""
    lines = [f"POST {path} HTTP/1.1", "Host: test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


def status_of(response: bytes) -> int:
    """The status of a response."""
    return int(response.split(b" ", 2)[1])


def body_of(response: bytes) -> bytes:
    """The body of a response."""
    return response.partition(b"\r\n\r\n")[2]
