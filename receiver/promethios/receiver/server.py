"""The HTTP server: waitress around the application, a known port, an end that answers everybody."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from typing import Any, Final

from flask import Flask
from waitress import wasyncore  # type: ignore[import-untyped]
from waitress.server import create_server  # type: ignore[import-untyped]

from promethios.receiver.access.gate import Gate
from promethios.receiver.connections import Connection, parser_for
from promethios.receiver.secure import SecureConnection
from promethios.receiver.settings import Address, Settings, SettingsError
from promethios.receiver.telemetry.counts import Counts
from promethios.receiver.tls import Certificates

_log = logging.getLogger(__name__)

_LOOP_SECONDS: Final = 1.0
#: How long requests that are being answered have when the server ends, seconds.
DRAIN_SECONDS: Final = 3.0
_THREADS_SECONDS: Final = 1
#: A request of which nothing came for so long is not waited for when the server ends.
_STALLED_SECONDS: Final = 0.5
_HEADER_BYTES: Final = 64 * 1024
_SPILL_BYTES: Final = 1024 * 1024
#: What is read at once: at least a whole record of TLS, 16 KiB.
_RECEIVE_BYTES: Final = 64 * 1024
#: What accepting a connection fails with when the process or the machine has no room for one.
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
#: For how long none is accepted then, seconds. They wait in the system's queue.
_PAUSE_SECONDS: Final = 0.5


class HttpServer:
    """Serves an application.

    Args:
        app: The application.
        gate: Knows whose large bodies are taken.
        settings: Where to listen, and the limits.
        counts: Counts what is refused before the application sees it.

    Raises:
        SettingsError: The address cannot be listened on, or the certificate cannot be used.
    """

    def __init__(self, app: Flask, gate: Gate, settings: Settings, counts: Counts) -> None:
        certificates = Certificates.of(settings)
        self._scheme = "http" if certificates is None else "https"
        self._ending = threading.Event()
        self._map: dict[int, Any] = {}
        listener = _listen(settings.http_address)
        self.address = Address(settings.http_address.host, listener.getsockname()[1])
        self._server = create_server(
            app,
            map=self._map,
            sockets=[listener],
            threads=settings.threads,
            connection_limit=settings.connections,
            channel_timeout=settings.idle_seconds,
            cleanup_interval=1,
            max_request_header_size=_HEADER_BYTES,
            # waitress refuses what is as large as this number; ours is the largest that is taken.
            max_request_body_size=settings.max_body_bytes + 1,
            inbuf_overflow=_SPILL_BYTES,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
            url_scheme=self._scheme,
            recv_bytes=_RECEIVE_BYTES,
            ident=None,
        )
        self._server.channel_class = _connections(gate, counts, certificates)
        self._server.accept = self._accept
        self._accepts_again: float | None = None
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self._scheme}://{self.address}"

    def connections(self) -> int:
        """How many connections are open."""
        return len(self._server.active_channels)

    def run(self) -> None:
        """Serve until `stop`; `drain` is to follow."""
        while not self._ending.is_set():
            self._turn(_LOOP_SECONDS)

    def stop(self) -> None:
        """End `run`, from another thread or a signal handler."""
        self._ending.set()
        self._server.pull_trigger()

    def drain(self) -> None:
        """In this order: listen no more, let answers go out, end the threads, close the connections."""
        self._server.accepting, self._accepts_again = False, None
        self._server.socket.close()
        self._map.pop(self._server._fileno, None)
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._busy_after_a_turn() and time.monotonic() < deadline:
            pass
        self._server.task_dispatcher.shutdown(timeout=_THREADS_SECONDS)
        wasyncore.close_all(self._map)

    def _accept(self) -> Any:
        """Accept a connection; where there is no descriptor for it, pause instead of trying without end."""
        try:
            return type(self._server).accept(self._server)
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            _log.error("no connection can be accepted: %s; requests on open ones go on", error.strerror)
            self._server.accepting, self._accepts_again = False, time.monotonic() + _PAUSE_SECONDS
            return None

    def _turn(self, seconds: float) -> None:
        if self._accepts_again is not None and time.monotonic() >= self._accepts_again:
            self._server.accepting, self._accepts_again = True, None
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
        for connection in list(self._server.active_channels.values()):
            connection.go_on()
            if connection.expired:
                connection.handle_close()

    def _busy_after_a_turn(self) -> bool:
        """Take what has arrived, then say whether somebody waits, or is in the middle of sending a request.

        What is recent is measured from before the turn: on a busy machine this process may not have run for
        a while, and what came meanwhile is in the system's buffers.
        """
        lately = time.time() - _STALLED_SECONDS
        self._turn(0.05)
        return any(
            channel.requests
            or channel.total_outbufs_len
            or (channel.request is not None and channel.last_activity > lately)
            for channel in self._server.active_channels.values()
        )


def _connections(gate: Gate, counts: Counts, certificates: Certificates | None) -> type[Connection]:
    """The class of this server's connections."""
    parts: dict[str, Any] = {"parser_class": parser_for(gate), "counts": counts, "gate": gate}
    if certificates is None:
        return type("ReceiverConnection", (Connection,), parts)
    return type("ReceiverSecureConnection", (SecureConnection,), {**parts, "certificates": certificates})


def _listen(address: Address) -> socket.socket:
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
    except OSError as error:
        raise SettingsError(f"http = {address}: cannot listen there: {error.strerror or error}") from error
    return listener
