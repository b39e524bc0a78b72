"""Sending a webhook to the address that was checked, and to no other.

The name is resolved once. Every address that it has must be one that may be sent to, and the connection is
made to one of these very addresses; the name is used for TLS and for ``Host`` only, so that what a resolver
says a moment later changes nothing. No redirect is followed, no proxy is used, nothing of the answer is read
beyond its head, and all of it has `SECONDS`.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from promethios.receiver.alerts.channels import Channel
from promethios.receiver.alerts.networks import Network, refusal, within
from promethios.receiver.alerts.outcome import NotSent
from promethios.receiver.alerts.signature import HEADER, sign

#: From a host and a port to its addresses. Raises OSError.
Resolver = Callable[[str, int], list[str]]

#: How long a request may take, from the connection on, seconds.
SECONDS: Final = 10.0
#: The longest pause that a receiver can ask for, seconds.
_LONGEST_PAUSE: Final = 3_600


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Sends webhooks.

    Args:
        allowed: Networks that are allowed though they are not public; also without TLS.
        resolver: Says what addresses a name has.
        context: How TLS is spoken.
        seconds: How long a request may take, from the connection on.
    """

    allowed: Sequence[Network] = ()
    resolver: Resolver = resolve
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    seconds: float = SECONDS

    def send(self, channel: Channel, message_id: str, body: bytes) -> None:
        """Send a body to a channel, signed.

        Raises:
            NotSent: It was not, or it is not known whether it was.
        """
        parts = urlsplit(channel.webhook)
        addresses = self._addresses(parts)
        moment = int(time.time())
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "User-Agent": "Promethios",
            "X-Promethios-Id": message_id,
            HEADER: sign(channel.secret, body, moment),
        }
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._first(addresses, parts, lambda connection: _ask(connection, path, body, headers))

    def _addresses(self, parts: SplitResult) -> list[str]:
        """Where to connect to, every one checked."""
        host, port = parts.hostname or "", _port(parts)
        try:
            addresses = self.resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise NotSent(f"{host} cannot be resolved: {_words(error)}") from error
        if not addresses:
            raise NotSent(f"{host} has no address")
        for address in addresses:
            if why := refusal(address, self.allowed):
                raise NotSent(f"{host} leads to {address}, and {why}: see allow_networks")
            if parts.scheme == "http" and not within(address, self.allowed):
                raise NotSent(f"{host} leads to {address} without TLS: use https, or see allow_networks")
        return addresses

    def _first(
        self, addresses: list[str], parts: SplitResult, ask: Callable[[http.client.HTTPConnection], None]
    ) -> None:
        """Ask the first address that can be connected to."""
        deadline = time.monotonic() + self.seconds
        failed: OSError | None = None
        for address in addresses:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            connection = self._connection(address, parts, left)
            try:
                with _ending(connection, left):
                    connection.connect()
                    ask(connection)
                return
            except ConnectionRefusedError as error:
                failed = error
            except (OSError, http.client.HTTPException) as error:
                raise NotSent(f"{parts.hostname}: {_words(error)}") from error
            finally:
                connection.close()
        raise NotSent(f"{parts.hostname}: {_words(failed or TimeoutError('timed out'))}")

    def _connection(self, address: str, parts: SplitResult, seconds: float) -> _Pinned:
        context = self.context if parts.scheme == "https" else None
        return _Pinned(parts.hostname or "", _port(parts), address, context, seconds)


class _Pinned(http.client.HTTPConnection):
    """A connection to an address, that speaks of a host."""

    def __init__(
        self, host: str, port: int, address: str, context: ssl.SSLContext | None, seconds: float
    ) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address, self._context = address, context
        self.over = False

    def connect(self) -> None:
        """Connect to the address; over TLS the certificate must be the host's."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
        # During a handshake there is no socket that could be ended from outside.
        if self.over:
            raise TimeoutError("timed out")


@contextmanager
def _ending(connection: _Pinned, seconds: float) -> Iterator[None]:
    """End the connection in time, also one whose other side sends a byte now and then."""

    def end() -> None:
        connection.over = True
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _ask(connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]) -> None:
    connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    if not 200 <= answer.status < 300:
        redirects = " and redirects are not followed" if 300 <= answer.status < 400 else ""
        raise NotSent(f"it answered {answer.status}{redirects}", _pause(answer.getheader("Retry-After")))


def _pause(text: str | None) -> float:
    """The seconds of a ``Retry-After``; a date is not read."""
    fine = text is not None and text.isascii() and text.isdigit() and len(text) < 10
    return min(float(text or 0), _LONGEST_PAUSE) if fine else 0.0


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _words(error: Exception) -> str:
    """What went wrong, in words that hold nothing of the address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
