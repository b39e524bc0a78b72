"""F02: killed while it deletes what is too old or too much, and while a backup is made."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.faults.oracle import Client, verify
from tests.faults.shim import Action, Faults, Operation
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios, start_promethios


def _count(db: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_f02_killed_while_it_deletes_it_loses_nothing_that_it_keeps(tmp_path: Path, faults: Faults) -> None:
    """Only telemetry goes when the database is too large: decisions are evidence, and all are there."""
    db = tmp_path / "promethios.db"
    with RunningReceiver(db) as receiver:
        for _ in range(12):
            many = (span(attributes={"ballast": "x" * 50_000}) for _ in range(32))
            assert receiver.post("/v1/traces", trace_request(*many).SerializeToString()).status == 200
        with Client(tmp_path, "http", receiver) as client:
            client.wait_for_more()
            client.drain()
    spans, decisions = _count(db, "spans"), _count(db, "decisions")
    small = {"PROMETHIOS_MAX_DB_BYTES": str(16 << 20), **faults.environment}
    again = RunningReceiver(db, environment=small)
    _wait_for_fewer(db, spans)
    faults.arm(Operation.WRITE, Action.TEAR, "*/promethios.db-wal", after=1)
    assert again.ended() == -9
    faults.disarm()
    assert _count(db, "decisions") == decisions
    with RunningReceiver(db) as last, Client(tmp_path, "grpc", last, key=receiver.ingest_key) as other:
        other.wait_for_more()
        other.drain()
        verify(db, other, only=other.ledger.emitted)
        assert _count(db, "decisions") >= decisions


def _wait_for_fewer(db: Path, rows: int) -> None:
    deadline = time.monotonic() + 60
    while _count(db, "spans") >= rows:
        assert time.monotonic() < deadline, "nothing is deleted"
        time.sleep(0.005)


@pytest.mark.parametrize("action", [Action.TEAR, Action.KILL_AFTER])
def test_f02_a_backup_that_is_killed_leaves_no_file_that_looks_like_one(
    tmp_path: Path, faults: Faults, action: Action
) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with (
        RunningReceiver(tmp_path / "promethios.db") as receiver,
        Client(tmp_path, "http", receiver) as client,
    ):
        client.wait_for_more()
        faults.arm(Operation.WRITE, action, f"{copies}/*", after=5)
        command = ("backup", str(receiver.db), str(copies / "backup.db"))
        with start_promethios(*command, environment=faults.environment) as killed:
            killed.communicate(timeout=60)
        assert killed.returncode == -9
        assert not (copies / "backup.db").exists()
        faults.disarm()
        client.wait_for_more()
        client.drain()
        again = run_promethios(*command)
        assert again.returncode == 0, again.stderr
        for db in (receiver.db, copies / "backup.db"):
            verify(db, client)


def test_f02_a_receiver_that_is_killed_spoils_no_backup(tmp_path: Path) -> None:
    db, backup = tmp_path / "promethios.db", tmp_path / "backup.db"
    with RunningReceiver(db) as receiver, Client(tmp_path, "http", receiver, batch=200) as client:
        client.wait_for_more(1_000)
        with start_promethios("backup", str(db), str(backup)) as made:
            receiver.kill()
            _, said = made.communicate(timeout=60)
        assert made.returncode == 0, said
        with RunningReceiver(db) as again:
            client.point_at(again.http, again.grpc)
            client.drain()
            verify(db, client)
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
