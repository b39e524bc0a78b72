"""gRPC by hand: what no client library would send."""

from __future__ import annotations

import socket
import struct

import h2.config
import h2.connection
import h2.events


def grpc_call(target: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    """Call a method, with exactly these headers beside HTTP's own.

    Args:
        target: Host and port.
        path: The method.
        body: The message, which is sent as it is and marked as compressed where `headers` has an encoding.
        headers: Further headers, in lower case.

    Returns:
        The headers and the trailers of the answer.
    """
    host, port = target.rsplit(":", 1)
    h2_connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    h2_connection.initiate_connection()
    own = {":method": "POST", ":scheme": "http", ":path": path, ":authority": target, "te": "trailers"}
    h2_connection.send_headers(1, [*own.items(), *headers.items()])
    marked = "grpc-encoding" in headers
    h2_connection.send_data(1, struct.pack(">BI", marked, len(body)) + body, end_stream=True)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(h2_connection.data_to_send())
        return _answer(connection, h2_connection)


class BegunCall:
    """A call that has begun, on a connection of its own: its head was sent, and the start of its message.

    Args:
        target: Host and port.
        path: The method.
        length: The announced length of the message; None to end the call without one.
        headers: Further headers, in lower case.
    """

    def __init__(self, target: str, path: str, length: int | None, headers: dict[str, str]) -> None:
        host, port = target.rsplit(":", 1)
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._h2.initiate_connection()
        own = {":method": "POST", ":scheme": "http", ":path": path, ":authority": target, "te": "trailers"}
        own["content-type"] = "application/grpc"
        self._h2.send_headers(1, [*own.items(), *headers.items()], end_stream=length is None)
        if length is not None:
            self._h2.send_data(1, struct.pack(">BI", False, length) + bytes(100))
        self._connection = socket.create_connection((host, int(port)), timeout=30)
        self._connection.sendall(self._h2.data_to_send())

    def __enter__(self) -> BegunCall:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def answer(self) -> dict[str, str]:
        """Wait for the headers and the trailers of the answer."""
        return _answer(self._connection, self._h2)


def _answer(connection: socket.socket, h2_connection: h2.connection.H2Connection) -> dict[str, str]:
    found: dict[str, str] = {}
    while received := connection.recv(65_536):
        for event in h2_connection.receive_data(received):
            if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                found.update((str(name), str(value)) for name, value in event.headers)
            if isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                return found
        connection.sendall(h2_connection.data_to_send())
    return found
