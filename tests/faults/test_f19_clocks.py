"""F19: the receiver's wall clock jumps, by a day and by a year. Nothing sticks, nothing is deleted."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.oracle import Client, verify
from tests.faults.shim import Faults
from tests.support.receiver import RunningReceiver

DAY, YEAR = 86_400, 365 * 86_400
JUMPS = (DAY, -DAY, YEAR, -YEAR, 0)


def test_f19_a_clock_that_jumps_stops_nothing_and_deletes_nothing(tmp_path: Path, faults: Faults) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db, environment=faults.environment) as receiver:
        assert faults.loaded
        with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
            for jump in JUMPS:
                faults.jump(jump)
                for client in (http, grpc):
                    client.wait_for_more()
            for client in (http, grpc):
                client.drain()
        receiver.stop()
    faults.jump(YEAR)
    with RunningReceiver(db, environment=faults.environment):
        proven = verify(db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert proven.answers["warned"] > 0, "decisions of a day in the future are flagged"


def test_f19_a_clock_that_is_set_back_stops_no_timer(tmp_path: Path, faults: Faults) -> None:
    short = {"PROMETHIOS_IDLE_SECONDS": "2", **faults.environment}
    with RunningReceiver(tmp_path / "promethios.db", environment=short, grpc="off") as receiver:
        parts = urlsplit(receiver.http)
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as idle:
            idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(65_536).startswith(b"HTTP/1.1 200")
            faults.jump(-YEAR)
            while idle.recv(65_536):
                pass  # the rest of the answer; then the end, because nothing came for so long
        assert receiver.stop() == 0
