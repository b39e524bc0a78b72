"""F07: somebody else locks the database for longer than the receiver waits for it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.faults.oracle import Client, Footprint, verify
from tests.support.receiver import RunningReceiver

from promethios.receiver.store.connections import BUSY_MILLISECONDS

#: Half a minute in the long form; at least longer than the receiver waits for a lock.
SECONDS = 30 if os.environ.get("CI") == "true" else BUSY_MILLISECONDS / 1000 + 1


def test_f07_a_database_locked_from_outside_is_503_and_then_it_drains(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
            for client in (http, grpc):
                client.wait_for_more()
            before = Footprint.of(receiver.process.pid)
            with closing(sqlite3.connect(receiver.db, isolation_level=None)) as outside:
                outside.execute("PRAGMA busy_timeout = 5000")
                outside.execute("BEGIN IMMEDIATE")
                ends = time.monotonic() + SECONDS
                http.wait_for_answer("503")
                grpc.wait_for_answer("UNAVAILABLE")
                locked = {client: client.ledger.acknowledged for client in (http, grpc)}
                assert receiver.data("status"), "reading goes on"
                time.sleep(max(0, ends - time.monotonic()))
                assert {client: client.ledger.acknowledged for client in (http, grpc)} == locked
                outside.execute("ROLLBACK")
            for client in (http, grpc):
                client.wait_for_more()
                client.drain()
        before.wait_back(receiver.process.pid)
        proven = verify(receiver.db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert proven.answers.keys() == {"503", "UNAVAILABLE"}
