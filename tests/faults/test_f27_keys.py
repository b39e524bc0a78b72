"""F27: keys are revoked, rotated, or another tenant's. What cannot be sent is parked; no row crosses."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.faults.items import REQUESTS, new_ids
from tests.faults.oracle import Client, verify
from tests.support.receiver import RunningReceiver

from promethios.exporter import FlushResult
from promethios.exporter.batch import Batch, Signal
from promethios.exporter.delivery import Delivery
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.settings import Settings

_AT_ONCE = RetryPolicy(initial=0.01, longest=0.02)


def _ask(receiver: RunningReceiver, method: str, path: str, **document: object) -> Any:
    headers = {**receiver.admin, "Content-Type": "application/json"}
    answer = receiver.request(method, f"/api/v1/{path}", json.dumps(document).encode(), headers)
    assert answer.status in (200, 201, 204), answer.body
    return answer.json() if answer.body else None


def _wait(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_f27_what_a_revoked_key_cannot_send_is_parked_and_goes_on_with_a_new_one(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:
        old, new = (_ask(receiver, "POST", "keys", scope="ingest") for _ in range(2))
        settings = Settings.load(
            endpoint=receiver.http, api_key=old["key"], spool_dir=tmp_path / "spool", timeout=10.0
        )
        delivery = Delivery(settings, _AT_ONCE)
        ids = [_submit(delivery)]
        assert delivery.flush(time.monotonic() + 20) == FlushResult(delivered=5)
        _ask(receiver, "DELETE", f"keys/{old['key_id']}")
        ids += [_submit(delivery) for _ in range(3)]
        assert delivery.flush(time.monotonic() + 20) == FlushResult(parked=15)
        assert _spans(receiver.db) == {(1, each) for each in ids[0]}
        delivery.use_key(new["key"])
        assert delivery.flush(time.monotonic() + 20) == FlushResult(delivered=15)
        delivery.close(time.monotonic() + 20)
        assert _spans(receiver.db) == {(1, each) for batch in ids for each in batch}


def _submit(delivery: Delivery) -> list[str]:
    ids = new_ids("s", 5)
    delivery.submit(Batch.pack(Signal.TRACES, 5, REQUESTS["s"][0](ids).SerializeToString()))
    return ids


def _spans(db: Path) -> set[tuple[int, str]]:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT tenant_id, 's' || substr(lower(hex(span_id)), 2) FROM spans")
        return set(rows.fetchall())


def test_f27_under_load_nothing_crosses_tenants_and_refused_data_is_told(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        keys = [
            _ask(receiver, "POST", "keys", scope="ingest", tenant=name) for name in ("one", "two", "three")
        ]
        one, two, three = keys
        with (
            Client(tmp_path, "http", receiver, key=one["key"]) as first,
            Client(tmp_path, "grpc", receiver, key=two["key"]) as second,
            Client(tmp_path, "http", receiver, key=three["key"]) as third,
        ):
            clients = (first, second, third)
            for client in clients:
                client.wait_for_more()
            _revoke(receiver, two["key_id"])
            _wait(lambda: second.ledger.answers["UNAUTHENTICATED"] > 0)
            for client in (first, third):
                client.wait_for_more()
            for client in clients:
                client.drain()
        verify(receiver.db, *clients)
        found = _spans(receiver.db)
    owners = [{tenant for tenant, span in found if span in client.ledger.emitted} for client in clients]
    assert all(len(owner) == 1 for owner in owners)
    assert len(set[int]().union(*owners)) == 3
    assert not first.ledger.dropped and not third.ledger.dropped


def _revoke(receiver: RunningReceiver, key_id: str) -> None:
    """As the operator does for another tenant: with the file, or with that tenant's own admin key."""
    admin = _ask(receiver, "POST", "keys", scope="admin", tenant="two")["key"]
    answer = receiver.request("DELETE", f"/api/v1/keys/{key_id}", headers={"x-api-key": admin})
    assert answer.status == 204, answer.body
