"""A network that is slow, that loses connections, and that can be away: an address that stays the same."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

#: Close with a reset, as a machine does that was not told of the connection.
_RESET: Final = struct.pack("ii", 1, 0)


class SlowNetwork:
    """Forwards connections of TCP to where the receiver is at the moment. Use it as a context manager.

    Args:
        target: An address with ``http://``; None is nowhere: connections are reset.
        latency: Seconds that a message takes one way.
        rate: Bytes a second of each connection one way; 0 is no limit.
        cut_every: Each so many-th message is cut off in its middle, and its connection with it; 0 is none.

    Attributes:
        url: Where clients connect.
        cut: How many messages were cut off.
    """

    def __init__(
        self, target: str | None = None, *, latency: float = 0.0, rate: int = 0, cut_every: int = 0
    ) -> None:
        self._latency, self._rate, self._cut_every = latency, rate, cut_every
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cut = self._messages = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.point_at(target)

    def __enter__(self) -> SlowNetwork:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        self.point_at(None)
        for thread in self._threads:
            thread.join()

    def point_at(self, target: str | None) -> None:
        """Forward to there from now on; what is connected elsewhere is cut."""
        parts = urlsplit(target) if target else None
        with self._lock:
            self._there = (parts.hostname, parts.port) if parts else None
            for end in self._open:
                _end(end)
            self._open.clear()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._connect(near)

    def _connect(self, near: socket.socket) -> None:
        with self._lock, suppress(OSError):
            if self._there is not None:
                far = socket.create_connection(self._there)
                self._open |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    self._start(self._forward, source, sink)
                return
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        near.close()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        step = max(1, self._rate // 20) if self._rate else 65_536
        quiet_since = -self._latency
        with suppress(OSError):
            while data := source.recv(step):
                begins = time.monotonic() - quiet_since >= self._latency
                if begins and self._is_cut():
                    sink.sendall(data[: len(data) // 2])
                    break
                time.sleep((self._latency if begins else 0) + (len(data) / self._rate if self._rate else 0))
                sink.sendall(data)
                quiet_since = time.monotonic()
        for end in (source, sink):
            _end(end)

    def _is_cut(self) -> bool:
        with self._lock:
            self._messages += 1
            lost = bool(self._cut_every) and self._messages % self._cut_every == 0
            self.cut += lost
            return lost


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
