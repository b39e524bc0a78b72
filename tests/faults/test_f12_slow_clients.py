"""F12: 500 clients send a byte a second. They are cut off, and the others are served meanwhile."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.faults.oracle import Client, Footprint, verify
from tests.support.receiver import RunningReceiver

SLOW = 500
_IDLE = {"PROMETHIOS_IDLE_SECONDS": "3"}
_REQUESTS = (
    b"GET /api/v1/status?filling=",
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
)


def test_f12_slow_clients_are_cut_off_and_others_are_served(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=_IDLE) as receiver:
        with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
            for client in (http, grpc):
                client.wait_for_more()
            before = Footprint.of(receiver.process.pid)
            with ExitStack() as stack:
                slow = _connect(receiver, stack)
                while slow:
                    http.wait_for_more(1)
                    slow = [each for each in slow if _drip(each)]
                    time.sleep(1)
            for client in (http, grpc):
                client.wait_for_more()
                client.drain()
        before.wait_back(receiver.process.pid)
        proven = verify(receiver.db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert not proven.answers


def _connect(receiver: RunningReceiver, stack: ExitStack) -> list[socket.socket]:
    parts = urlsplit(receiver.http)
    slow = []
    for number in range(SLOW):
        connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
        stack.enter_context(connection).sendall(_REQUESTS[number % len(_REQUESTS)])
        connection.setblocking(False)
        slow.append(connection)
    return slow


def _drip(connection: socket.socket) -> bool:
    """Send a byte; whether the connection is still open."""
    try:
        connection.send(b"1")
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.parametrize("opening", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["silent", "half a request"])
def test_f12_a_client_that_says_no_more_is_cut_off(tmp_path: Path, opening: bytes) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=_IDLE, grpc="off") as receiver:
        parts = urlsplit(receiver.http)
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
            connection.sendall(opening)
            assert connection.recv(1) == b""
