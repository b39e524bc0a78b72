"""A network between client and receiver that loses answers: bytes go one way for as long as it is told to."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

_STEP: Final = 65_536


class LossyNetwork:
    """Forwards connections of TCP to a receiver.

    Args:
        target: Where the receiver is: an address with ``http://``, or ``host:port``.

    Attributes:
        target: Where clients connect, written as `target` is.
        lost: How many answers were thrown away.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target if "//" in target else f"//{target}")
        self._there = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.target = target.replace(f":{parts.port}", f":{self._listener.getsockname()[1]}")
        self.lost = 0
        self._losing = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def __enter__(self) -> LossyNetwork:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for end in list(self._open):
            _end(end)

    def lose(self, losing: bool) -> None:
        """Throw answers away from now on, and cut each connection whose answer was thrown away; or do not."""
        (self._losing.set if losing else self._losing.clear)()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._there)
                self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(source, sink, source is far)).start()

    def _forward(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_STEP):
                if answers and self._losing.is_set():
                    self.lost += 1
                    break
                sink.sendall(data)
        for end in (source, sink):
            _end(end)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
