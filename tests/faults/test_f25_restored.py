"""F25: a backup of before is put in the database's place. It is whole, and takes what agents still have.

What was stored after it is lost, and no audit trail exists yet that would say so. What can be told today is
told by the decisions: an agent numbers them without gaps, so those that are missing can be counted.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.faults.oracle import Client, verify
from tests.support.otlp import decision_span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios


def _decide(receiver: RunningReceiver, headers: dict[str, str], numbers: range) -> None:
    spans = (decision_span(attributes={"promethios.decision.seq": number}) for number in numbers)
    body = trace_request(*spans, resource={"service.name": "shop", "service.instance.id": "one"})
    protobuf = {"Content-Type": "application/x-protobuf", **headers}
    assert receiver.post("/v1/traces", body.SerializeToString(), protobuf).status == 200


def test_f25_a_restored_backup_is_whole_and_takes_what_is_sent_again(tmp_path: Path) -> None:
    db, backup = tmp_path / "promethios.db", tmp_path / "backup.db"
    with RunningReceiver(db) as receiver, Client(tmp_path, "http", receiver) as first:
        first.wait_for_more()
        _decide(receiver, receiver.ingest, range(1, 6))
        first.drain()
        made = run_promethios("backup", str(db), str(backup))
        assert made.returncode == 0, made.stderr
        _decide(receiver, receiver.ingest, range(6, 11))
    restored = run_promethios("restore", str(backup), str(db))
    assert restored.returncode == 0, restored.stderr
    with RunningReceiver(db) as again:
        key = receiver.ingest_key
        with (
            Client(tmp_path, "http", again, key=key) as second,
            Client(tmp_path, "grpc", again, key=key) as third,
        ):
            for client in (second, third):
                client.wait_for_more()
                client.drain()
        _decide(again, receiver.ingest, range(11, 13))
        with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
            seen = connection.execute("SELECT seq FROM decisions WHERE instance_id = 'one'").fetchall()
    emitted = frozenset[str]().union(*(client.ledger.emitted for client in (first, second, third)))
    verify(db, first, second, third, only=emitted)
    assert set(range(1, 13)) - {number for (number,) in seen} == set(range(6, 11)), "the gap shows"
    assert run_promethios("trust", "verify", "--db", str(db)).returncode == 0
