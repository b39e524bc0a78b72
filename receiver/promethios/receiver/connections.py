"""What waitress does not do by itself: errors in the client's language, and connections that end well."""

from __future__ import annotations

import copy
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from waitress.channel import ClientDisconnected, HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser  # type: ignore[import-untyped]
from waitress.task import ErrorTask, WSGITask  # type: ignore[import-untyped]
from waitress.utilities import BadRequest  # type: ignore[import-untyped]

from promethios.receiver.access.gate import Gate
from promethios.receiver.answers import answer
from promethios.receiver.live.listeners import Listener
from promethios.receiver.refusal import Kind, Refusal, too_large, unavailable
from promethios.receiver.telemetry.counts import Counts, signal_at

#: How long, and how many bytes, a client may go on sending after it was refused. Closing at once would reset
#: the connection, and the client would not read why.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 256 * 1024 * 1024

#: A request, and an answer that is read, may take as long as a connection may be idle, and a second more for
#: each so many bytes of it: one byte a second would keep a connection for ever, and 500 of those all of them.
_SLOWEST_BYTES: Final = 512

#: The largest body that is taken from someone who has not shown a valid key.
_STRANGERS_BYTES: Final = 64 * 1024

#: So much of a request is kept until it has been parsed; headers may be longer.
_HEAD_BYTES: Final = 8 * 1024
_FIRST_LINE: Final = re.compile(rb"\s*[A-Z]+ (\S+) ")
_CONTENT_TYPE: Final = re.compile(rb"^content-type:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)

#: What an application calls with who listens, to keep the connection of its answer open: in the environment.
KEEP: Final = "promethios.keep"

_KINDS: Final = {431: Kind.HEADERS_TOO_LARGE, 501: Kind.UNSUPPORTED}


class Refused(ErrorTask):  # type: ignore[misc]
    """Answers a request that waitress could not take."""

    def execute(self) -> None:
        """Write the answer, and close after it: what follows on the connection cannot be trusted."""
        refusal = _refusal(self.request, self.channel)
        path, content_type = _glimpse(self.request.head)
        self.channel.counts.refused_request(signal_at(path), refusal)
        response = answer(path, content_type, refusal)
        body = response.get_data()
        self.status = response.status
        self.response_headers.extend(response.headers.to_wsgi_list())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
        self.channel.linger = True


class Served(WSGITask):  # type: ignore[misc]
    """Answers a request. An answer to who listens does not end with the thread that began it."""

    _listener: Listener | None = None

    def get_environment(self) -> dict[str, Any]:
        """The environment, with what keeps the connection open."""
        environ: dict[str, Any] = super().get_environment()
        environ[KEEP] = self._keep
        return environ

    def _keep(self, listener: Listener) -> None:
        self._listener = listener

    def finish(self) -> None:
        """End the answer, or hand it over."""
        if self._listener is None:
            super().finish()
            return
        self.close_on_finish = False
        self.channel.stay(self._listener, self.chunked_response)

    def service(self) -> None:
        """Answer; who was to listen and cannot, because the answer never began, gives its place free."""
        try:
            super().service()
        finally:
            if self._listener is not None and self.channel.listener is not self._listener:
                self._listener.left()


def _glimpse(head: bytes) -> tuple[str, str]:
    """The path and the content type that a request says, as far as can be seen; empty where it does not."""
    found = _FIRST_LINE.match(head), _CONTENT_TYPE.search(head)
    path, content_type = (match[1].decode("latin-1") if match else "" for match in found)
    return path, content_type


def _refusal(request: Any, channel: Any) -> Refusal:
    error = request.error
    if error.code == 500:
        return unavailable("the receiver failed to answer; its log says why", retry_after=3)
    if error.code == 413 and getattr(request, "stranger", False):
        message = f"a body beyond {_STRANGERS_BYTES} bytes is taken with a valid API key only"
        refusal: Refusal = channel.gate.turn_away(_header_pairs(request.headers), channel.addr[0], message)
        return refusal
    if error.code == 413:
        return too_large(request.adj.max_request_body_size - 1)
    return Refusal(_KINDS.get(error.code, Kind.UNDECODABLE), f"{error.reason}: {error.body}")


def parser_for(gate: Gate) -> type[Any]:
    """A parser that takes a large body from those only who show a valid key."""

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        """Parses one request. What came behind it is handed to `keep`, and is nobody's turn yet."""

        stranger = False
        #: How the request began, for an answer to one that could not be parsed.
        head = b""
        adj: Any

        def __init__(self, adj: Any, keep: Callable[[bytes], None]) -> None:
            super().__init__(adj)
            self._keep = keep

        def received(self, data: bytes) -> int:
            if len(self.head) < _HEAD_BYTES:
                self.head += data[:_HEAD_BYTES]
            taken = int(super().received(data))
            if self.completed and not self.empty and taken < len(data):
                self._keep(data[taken:])
                return len(data)
            return taken

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            large = self.chunked or self.content_length > _STRANGERS_BYTES
            if large and not gate.knows(_header_pairs(self.headers)):
                self.stranger = True
                self.adj = copy.copy(self.adj)
                self.adj.max_request_body_size = _STRANGERS_BYTES + 1

    return Parser


def _header_pairs(headers: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.replace("_", "-"), value) for name, value in headers.items()]


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection.

    A body that ends early is answered with 400, for a client that only closed its sending half. After a
    refusal the connection lingers: it is closed for sending, and what still arrives is thrown away. A request
    that comes too slowly, an answer that is not read, and a connection that is idle, end without an answer:
    the client sends again. Time is the monotonic clock's here, because waitress's own count of it stops when
    the wall clock is set back.

    One request at a time: what came behind it waits until its answer is on the way. waitress would answer all
    of them, and keep a thread waiting for as long as their answers are more than 16 MiB and nobody reads.
    """

    request: Any
    parser_class: Any
    counts: Counts
    gate: Gate
    task_class = Served
    error_task_class = Refused
    #: Who listens on this connection: its answer goes on for as long as both sides are there.
    listener: Listener | None = None
    _chunked = False
    linger = False
    _lingers_until = 0.0
    _thrown_away = 0
    _began = 0.0
    _taken = 0
    _ahead = b""
    _offered: float | None = None
    _sent = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._heard = time.monotonic()
        self.parser_class = partial(type(self).parser_class, keep=self._keep)
        super().__init__(*arguments, **options)

    def _keep(self, data: bytes) -> None:
        self._ahead = data

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what can be sent now, and count it."""
        sent = int(super().send(data, do_close=do_close))
        self._sent += sent
        return sent

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send what can be sent. waitress takes no lock where no request is worked on: nobody else writes
        then, but to who listens the hub does.
        """
        with self.outbuf_lock:
            return bool(super()._flush_some(do_close=do_close))

    def recv(self, size: int) -> bytes:
        """Receive, without closing the connection when there is nothing more."""
        data: bytes = self.socket.recv(size)
        return data

    def handle_read(self) -> None:
        """Take what arrived: for the request, or for nobody."""
        try:
            data = self.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()
            return
        if self._lingers_until:
            self._throw_away(data)
        elif self.listener is not None:
            # Whatever a client says while it listens, or nothing more: it does not listen any longer.
            self.handle_close()
        elif data:
            self.last_activity = time.time()
            self._take(data)
        elif not self._cut_short():
            self.handle_close()

    def readable(self) -> bool:
        """Also while lingering, when waitress would read no more; not while a request waits for its turn."""
        if self.listener is not None:
            return not (self.will_close or self.close_when_flushed)
        return bool(self._lingers_until) or (not self._ahead and super().readable())

    def go_on(self) -> None:
        """Take the request that came behind another one, once that one's answer is on the way."""
        if self.listener is not None:
            self._ahead = b""
        busy = self.requests or self.total_outbufs_len or self.will_close or self.close_when_flushed
        if self._ahead and not busy and not self._lingers_until:
            data, self._ahead = self._ahead, b""
            # Its turn is now, however long it waited: a server that ends gives it the time to become whole.
            self.last_activity = time.time()
            self._take(data)

    def handle_close(self) -> None:
        """Close, or begin to linger where a refused client may still be sending."""
        if self.linger and self.connected:
            self.linger = False
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
                return
            self._lingers_until = time.monotonic() + _LINGER_SECONDS
            self.will_close = False
            return
        super().handle_close()
        if self.listener is not None:
            self.listener.left()

    def stay(self, listener: Listener, chunked: bool) -> None:
        """Keep the connection open for who listens; `chunked` says how the answer's parts are marked."""
        self._chunked, self.listener = chunked, listener
        listener.joined(self)

    @property
    def unread(self) -> int:
        """How many bytes wait for the client."""
        return int(self.total_outbufs_len)

    def push(self, data: bytes) -> None:
        """Send more of the answer to who listens; it does not wait for the client."""
        with suppress(ClientDisconnected):
            self.write_soon(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def finish(self) -> None:
        """End the answer to who listens, as soon as the client has read the rest."""
        if self._chunked:
            with suppress(ClientDisconnected):
                self.write_soon(b"0\r\n\r\n")
        self.close_when_flushed = True
        self.server.pull_trigger()

    def drop(self) -> None:
        """Close the connection, after what the system takes at once: it is not waited for the client."""
        self.will_close = True
        self.server.pull_trigger()

    def _take(self, data: bytes) -> None:
        """Take a part of a request, and note when the request began."""
        self._heard, before = time.monotonic(), self.request
        if self._ahead or self.requests:  # over TLS more may have been decrypted than was asked for
            self._ahead += data
            return
        self.received(data)
        if self.request is not before:
            self._began, self._taken = self._heard, 0
        self._taken += len(data)

    @property
    def expired(self) -> bool:
        """Whether it has lingered or been idle long enough, or its request comes too slowly."""
        now = time.monotonic()
        if self._lingers_until:
            return now > self._lingers_until
        if self._unread(now):
            return True
        if self.listener is not None:
            return False
        if self.request is not None:
            return now > self._began + float(self.adj.channel_timeout) + self._taken / _SLOWEST_BYTES
        if self.requests or self.total_outbufs_len:
            self._heard = now
        return now > self._heard + float(self.adj.channel_timeout)

    def _unread(self, now: float) -> bool:
        """Whether the client does not read its answer, or too slowly."""
        if not self.total_outbufs_len:
            self._offered = None
            return False
        if self._offered is None:
            self._offered, self._sent = now, 0
        return now > self._offered + float(self.adj.channel_timeout) + self._sent / _SLOWEST_BYTES

    def _throw_away(self, data: bytes) -> None:
        self._thrown_away += len(data)
        if not data or self._thrown_away > _LINGER_BYTES or self.expired:
            super().handle_close()

    def _cut_short(self) -> bool:
        """Answer a request whose body will never be whole; False where none had begun."""
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None or not request.headers_finished:
                return False
            expected = request.content_length or "an unknown number of"
            request.error = BadRequest(
                f"the body ended after {request.body_bytes_received} of {expected} bytes"
            )
            request.completed = True
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)
        return True
