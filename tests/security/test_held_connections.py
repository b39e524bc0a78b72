"""Clients that ask and do not read: they take no thread, and lose their connection in time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.certificates import Certificates
from tests.support.receiver import RunningReceiver
from tests.support.wire import read_all, status_of

THREADS = 2
Target = tuple[RunningReceiver, ssl.SSLContext | None]


@pytest.fixture(scope="module", params=["clear", "tls"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("held")
    few = {"PROMETHIOS_THREADS": str(THREADS), "PROMETHIOS_IDLE_SECONDS": "2"}
    if request.param == "clear":
        with RunningReceiver(folder / "promethios.db", environment=few) as running:
            yield running, None
        return
    certificates = Certificates.make(folder / "certificates")
    with RunningReceiver(folder / "promethios.db", *certificates.options, environment=few) as running:
        yield running, certificates.client()


@contextlib.contextmanager
def connected(target: Target, window: int | None = None) -> Iterator[socket.socket]:
    """A connection; `window` bounds what the system takes for us before we read it."""
    receiver, context = target
    parts = urlsplit(receiver.http)
    with socket.socket() as plain:
        if window is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plain.settimeout(30)
        plain.connect((parts.hostname, parts.port))
        if context is None:
            yield plain
            return
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            yield secure


def get(path: str, *headers: str, end: str = "") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, end, ""]).encode()


def alive(target: Target) -> bool:
    with connected(target) as connection:
        connection.sendall(get("/health/live", "Connection: close"))
        return status_of(read_all(connection)) == 200


def test_k16_who_asks_for_much_and_reads_nothing_takes_no_thread(target: Target) -> None:
    """Each asks for tens of MiB in one piece; one such client for each thread used to stop all of HTTP."""
    one = get("/api/v1/openapi.json", f"x-api-key: {target[0].admin_key}")
    with contextlib.ExitStack() as held:
        for _ in range(THREADS):
            connection = held.enter_context(connected(target, window=4_096))
            connection.sendall(one * (60_000 // len(one)))
        for _ in range(5):
            assert alive(target)


def test_k16_who_does_not_read_loses_the_connection(target: Target) -> None:
    """Nobody needs a key for the console's files: a connection each would be kept for ever."""
    one = get("/console/charts.js")
    with connected(target, window=4_096) as connection:
        connection.sendall(one * (60_000 // len(one)))
        wait_until_closed(target[0], connection)
        assert alive(target)


def test_requests_in_one_piece_are_answered_in_their_order(target: Target) -> None:
    paths = ["/health/live", "/nowhere", "/health/ready", "/api/v1/status", "/v1/traces/"] * 20
    pieces = [get(path) for path in paths]
    with connected(target) as connection:
        connection.sendall(b"".join(pieces) + get("/", "Connection: close"))
        received = read_all(connection)
    statuses = [int(each[:3]) for each in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 404, 200, 401, 404] * 20 + [200]


def test_a_request_in_two_pieces_behind_another_one_is_answered(target: Target) -> None:
    second = get("/health/live", "Connection: close")
    with connected(target) as connection:
        connection.sendall(get("/nowhere") + second[:30])
        assert connection.recv(12) == b"HTTP/1.1 404"
        connection.sendall(second[30:])
        assert b"HTTP/1.1 200 OK" in read_all(connection)


def test_bodies_and_empty_lines_between_requests_are_kept_apart(target: Target) -> None:
    post = (
        f"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        f"x-api-key: {target[0].ingest_key}\r\n\r\n{{}}\r\n\r\n"
    ).encode()
    with connected(target) as connection:
        connection.sendall(post * 3 + get("/nowhere", "Connection: close"))
        received = read_all(connection)
    assert [int(each[:3]) for each in received.split(b"HTTP/1.1 ")[1:]] == [200, 200, 200, 404]


def wait_until_closed(receiver: RunningReceiver, connection: socket.socket) -> None:
    """Wait until the receiver has no socket any more for this connection, without reading from it."""
    port = connection.getsockname()[1]
    while True:
        lines = Path(f"/proc/{receiver.process.pid}/net/tcp").read_text().splitlines()[1:]
        inode_of = {line.split()[2].partition(":")[2]: line.split()[9] for line in lines}
        if inode_of.get(f"{port:04X}", "0") == "0":  # the connection is nobody's, or gone
            return
        time.sleep(0.05)
