"""Addresses where nothing answers: what a dropped route and a stuck process look like from outside."""

from __future__ import annotations

import contextlib
import socket
from types import TracebackType
from typing import Final

#: Linux takes a connection or two more than the backlog says; what comes after these is dropped.
_FILL: Final = 4


class DeadEnd:
    """A port of the loopback interface that swallows what it is sent. Use it as a context manager.

    Args:
        connects: Whether a connection is made at all. With it the kernel takes connections and what fits its
            buffers, and nobody reads or answers; without it not even the first packet is answered, as behind
            a firewall that drops (on Linux; elsewhere a connection may be refused).
    """

    def __init__(self, connects: bool = True) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128 if connects else 0)
        self._filling = [] if connects else [self._knock() for _ in range(_FILL)]

    @property
    def port(self) -> int:
        """The port it holds."""
        return int(self._server.getsockname()[1])

    @property
    def url(self) -> str:
        """The base URL, for the setting `endpoint`."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Release the port; whoever still waits is told."""
        for connection in [*self._filling, self._server]:
            connection.close()

    def __enter__(self) -> DeadEnd:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _knock(self) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(("127.0.0.1", self.port))
        return connection
