"""The rollups: each row counts once whatever happens, and a range is cut where its buckets end."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection
from tests.support.otlp import decision_span, span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.rollups.cover import cover
from promethios.receiver.rollups.facts import DAY, HOUR, MINUTE, SECOND, WIDTHS
from promethios.receiver.rollups.fill import fill
from promethios.receiver.rollups.latency import GROWTH, latency_bin
from promethios.receiver.store.sqlite import SQLiteStore

#: A whole hour.
EIGHT = 1_700_000_000 // HOUR * HOUR * SECOND
CALL = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "clerk"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """A database with a tenant, and without the receiver's chores."""
    opened = SQLiteStore(tmp_path / "rollups.db")
    with opened.writer.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 0)"
        )
    yield opened
    opened.close()


def log(connection: Connection, number: int) -> None:
    connection.exec_driver_sql(
        "INSERT INTO logs (tenant_id, record_hash, ordinal, resource_id, scope_id, time_unix_nano, "
        "observed_unix_nano, severity_number, severity_text, agent_id, event_name, flags, attributes) "
        "VALUES (1, ?, 0, 1, 1, ?, 0, 9, '', 'clerk', '', 0, '{}')",
        (number.to_bytes(16, "big"), EIGHT + number * SECOND),
    )


def counted(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.exec_driver_sql("SELECT width, agent_id, sum(items) FROM log_counts GROUP BY 1, 2")
    return [tuple(row) for row in rows]


def everything(number: int) -> list[tuple[Any, ...]]:
    return [(width, whose, number) for width in WIDTHS for whose in ("", "clerk")]


def test_a_step_takes_some_rows_and_the_next_one_goes_on(store: SQLiteStore) -> None:
    with store.writer.connect() as connection:
        for number in range(10):
            log(connection, number)
        assert not fill(connection, 0, rows=4)
        assert counted(connection) == everything(4)
        assert not fill(connection, 0, rows=4)
        assert fill(connection, 60)
        assert counted(connection) == everything(10)


def test_what_is_counted_is_not_counted_again(store: SQLiteStore) -> None:
    with store.writer.connect() as connection:
        log(connection, 1)
        for _ in range(3):
            assert fill(connection, 60)
        assert counted(connection) == everything(1)


def test_a_step_that_is_cut_off_leaves_neither_counts_nor_mark(store: SQLiteStore) -> None:
    """As kill -9 would: the transaction that counts is never ended."""
    with store.writer.connect() as connection:
        log(connection, 1)
        connection.exec_driver_sql(
            "CREATE TEMP TRIGGER crash BEFORE INSERT ON rollup_marks BEGIN SELECT raise(FAIL, 'crash'); END"
        )
        with pytest.raises(Exception, match="crash"):
            fill(connection, 60)
        connection.exec_driver_sql("ROLLBACK")
        assert counted(connection) == []
        connection.exec_driver_sql("DROP TRIGGER crash")
        assert fill(connection, 60)
        assert counted(connection) == everything(1)


def test_nothing_to_count_begins_no_transaction(store: SQLiteStore) -> None:
    with store.writer.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        assert fill(connection, 60)
        connection.exec_driver_sql("ROLLBACK")


def _until(done: Any) -> None:
    deadline = time.monotonic() + 90
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _marks(db: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT source, up_to FROM rollup_marks"))


def test_a_killed_receiver_counts_on_where_it_was(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db, grpc="off") as receiver:
        keys = receiver.admin, receiver.ingest
        for _ in range(5):
            spans = (span(attributes=CALL) for _ in range(200))
            assert receiver.post("/v1/traces", trace_request(*spans).SerializeToString()).status == 200
        receiver.kill()
    with RunningReceiver(db, grpc="off") as receiver:
        body = trace_request(span(attributes=CALL)).SerializeToString()
        headers = {"Content-Type": "application/x-protobuf", **keys[1]}
        assert receiver.post("/v1/traces", body, headers).status == 200
        _until(lambda: _marks(db).get("spans") == 1_001)
        answer = receiver.get("/api/v1/agents", keys[0])
    assert [row["calls"] for row in answer.json()["data"]] == [1_001]


def test_a_database_that_was_filled_before_there_were_rollups_is_counted(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db, grpc="off") as receiver:
        admin = receiver.admin
        body = trace_request(*(span(attributes=CALL) for _ in range(3))).SerializeToString()
        assert receiver.post("/v1/traces", body).status == 200
        _until(lambda: _marks(db).get("spans") == 3)
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("DELETE FROM rollup_marks")
        connection.execute("DELETE FROM span_counts")
        connection.commit()
    with RunningReceiver(db, grpc="off") as receiver:
        _until(lambda: _marks(db).get("spans") == 3)
        (row,) = receiver.get("/api/v1/agents", admin).json()["data"]
    assert row["calls"] == 3


@pytest.fixture
def counted_services(services: Any) -> Any:
    """Count everything that is stored, now."""

    def count() -> None:
        newest = "SELECT max(id) FROM decisions"
        _until(
            lambda: (
                _marks(services.settings.path).get("decisions")
                == services.writer.do(lambda connection: connection.exec_driver_sql(newest).scalar())
            )
        )

    return count


def test_a_decision_that_comes_after_its_span_was_counted_governs_it(
    client: FlaskClient, make_key: Any, services: Any, counted_services: Any
) -> None:
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    reader = make_key("default", "read")
    trace_id, span_id = b"t" * 16, b"s" * 8

    def send(*spans: Any) -> None:
        assert (
            client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=ingest).data
            == b""
        )

    def coverage() -> Any:
        return client.get("/api/v1/stats", headers=reader).get_json()["data"][0]["coverage"]

    send(span(attributes=CALL, trace_id=trace_id, span_id=span_id), span(attributes=CALL))
    _until(lambda: _marks(services.settings.path).get("spans") == 2)
    assert coverage() == 0
    send(decision_span("allow", (), CALL, trace_id=trace_id, parent_span_id=span_id))
    assert coverage() == 0.5
    counted_services()
    assert coverage() == 0.5
    send(
        decision_span(
            "block",
            (),
            {**CALL, "promethios.decision.id": "again"},
            trace_id=trace_id,
            parent_span_id=span_id,
        )
    )
    counted_services()
    assert coverage() == 0.5


@pytest.mark.parametrize(
    ("start", "end", "step", "buckets"),
    [
        (0, 2 * HOUR, None, {HOUR: 2}),
        (0, 2 * HOUR, 60_000, {MINUTE: 120}),
        (0, 2 * HOUR, 3_600_000, {HOUR: 2}),
        (0, 2 * HOUR, 90_000, {}),
        (30, 2 * HOUR, None, {MINUTE: 59, HOUR: 1}),
        (0, 2 * HOUR - 30, None, {MINUTE: 59, HOUR: 1}),
        (30, 89, None, {}),
        (60, 120, None, {MINUTE: 1}),
        (30 * MINUTE, 90 * MINUTE, None, {MINUTE: 60}),
        (2 * HOUR, 2 * HOUR + 3 * DAY, None, {DAY: 2, HOUR: 24}),
        (2 * HOUR, 2 * HOUR + 3 * DAY, 7_200_000, {HOUR: 72}),
        (2 * HOUR, 2 * HOUR + 3 * DAY, 86_400_000, {DAY: 2, HOUR: 24}),
        (-90, DAY + 90, None, {DAY: 1, MINUTE: 2}),
        (-90, DAY + HOUR, None, {DAY: 1, HOUR: 1, MINUTE: 1}),
    ],
)
def test_a_range_is_cut_at_the_edges_of_buckets(
    start: int, end: int, step: int | None, buckets: dict[int, int]
) -> None:
    midnight = EIGHT // (DAY * SECOND) * DAY * SECOND
    found: Counter[int] = Counter()
    for stretch in cover(midnight + start * SECOND, midnight + end * SECOND, step).buckets:
        found[stretch.step] += len(stretch)
    assert found == buckets


def test_buckets_of_any_range_follow_one_another_within_it() -> None:
    chance = random.Random(3)
    for _ in range(500):
        start = EIGHT + chance.randrange(5 * HOUR * SECOND)
        end = start + chance.randrange(chance.choice([9 * HOUR, 5 * DAY]) * SECOND)
        cut = cover(start, end, chance.choice([None, 60_000, 3_600_000]))
        pieces = [(stretch[0], stretch[-1] + stretch.step) for stretch in cut.buckets]
        assert all(one[1] == other[0] for one, other in pairwise(pieces))
        first, last = cut.whole
        assert not pieces or (pieces[0][0] * SECOND, pieces[-1][1] * SECOND) == (first, last)
        assert start <= first <= last <= end
        assert not pieces or (first - start < MINUTE * SECOND and end - last < MINUTE * SECOND)


def test_bins_keep_order_and_are_no_wider_than_the_error_that_is_promised() -> None:
    chance = random.Random(4)
    values = sorted(
        [0.0, 5e-324, 1e-9, 1.0, 80.5, 1e300, *(chance.lognormvariate(4, 3) for _ in range(5_000))]
    )
    bins: dict[int, list[float]] = {}
    for value in values:
        bins.setdefault(latency_bin(value), []).append(value)
    assert list(bins) == sorted(bins)
    assert min(bins) > 0
    assert all(many[-1] <= many[0] * GROWTH for many in bins.values() if many[0] > 1e-300)
