"""Retention while data comes without end, on a disk without room, and beside many names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from promethios.receiver.maintenance.clock import DAY, Moment, SteadyClock
from promethios.receiver.maintenance.deleting import Deleter
from promethios.receiver.maintenance.holds import Holds
from promethios.receiver.maintenance.log import WriteAheadLog
from promethios.receiver.maintenance.pace import Pace
from promethios.receiver.maintenance.retention import Keep, Retention
from promethios.receiver.store.sqlite import SQLiteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "promethios.db")
    with opened.writer.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)"
        )
    yield opened
    opened.close()


class Days:
    """A machine's clocks, by the day."""

    def __init__(self) -> None:
        self.day = 1_000.0

    def __call__(self) -> Moment:
        return Moment("boot", int(self.day * DAY), int(self.day * DAY))


def log(connection: Connection, records: int, resource: int, size: int = 4_000) -> None:
    """Store log records that name a resource."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO resources VALUES (?, 1, 'clerk', 'i', '{}')", (resource,)
    )
    for _ in range(records):
        connection.exec_driver_sql(
            "INSERT INTO logs (tenant_id, record_hash, ordinal, resource_id, scope_id, time_unix_nano, "
            "observed_unix_nano, severity_number, severity_text, agent_id, body, event_name, flags, "
            "attributes) VALUES (1, randomblob(16), 0, ?, 1, 1, 1, 9, 'INFO', 'clerk', ?, '', 0, '{}')",
            (resource, "x" * size),
        )
    connection.exec_driver_sql("COMMIT")


def settle(retention: Retention, connection: Connection) -> None:
    while retention.step(connection):
        pass


def test_d08_space_is_given_back_and_names_go_while_data_comes_without_end(store: SQLiteStore) -> None:
    """A receiver that is never idle has new rows at each step."""
    days = Days()
    with store.writer.connect() as connection:
        retention = Retention(Keep(30, 183), SteadyClock(days))
        log(connection, 1_000, resource=1)
        settle(retention, connection)
        days.day += 31
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        size = store.path.stat().st_size
        for _ in range(300):
            log(connection, 1, resource=2, size=10)
            retention.step(connection)
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        assert store.path.stat().st_size < size / 2
        assert connection.exec_driver_sql("SELECT id FROM resources").all() == [(2,)]


def test_d08_a_step_that_finds_no_room_is_a_smaller_one_next_time() -> None:
    """Deleting writes to the log first: where many rows do not fit, few may."""
    pace = Pace(20_000, 50, 20_000)
    numbers = []
    for _ in range(6):
        with pytest.raises(OSError, match="no room"), pace.step() as rows:
            numbers.append(rows)
            raise OSError("no room")
    assert numbers == [20_000, 5_000, 1_250, 312, 78, 50]


def test_d08_what_was_not_committed_is_not_counted_as_deleted(store: SQLiteStore) -> None:
    with store.writer.connect() as connection:
        log(connection, 10, resource=1)
        deleter = Deleter()
        connection.exec_driver_sql(
            "CREATE TABLE other (id INTEGER REFERENCES resources (id) DEFERRABLE INITIALLY DEFERRED)"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER fails AFTER DELETE ON logs BEGIN INSERT INTO other VALUES (99); END"
        )
        with pytest.raises(IntegrityError, match="FOREIGN KEY constraint failed"):
            deleter.step(connection, "logs", 5)
        connection.exec_driver_sql("ROLLBACK")
        assert deleter.deleted.get("logs", 0) == 0


def test_d05_a_connection_that_was_opened_anew_checkpoints_as_the_one_before(store: SQLiteStore) -> None:
    """What a connection has changed is counted from 0 again."""
    now = [100.0]
    wal = WriteAheadLog(store.path, store.snapshots, Holds(lambda _: None), clock=lambda: now[0])
    with store.writer.connect() as connection:
        log(connection, 3_000, resource=1, size=10)
        wal.tend(connection)
    store.writer.dispose()
    with store.writer.connect() as connection:
        size = store.path.stat().st_size
        log(connection, 200, resource=1)
        now[0] += 6
        wal.tend(connection)
        assert store.path.stat().st_size > size
