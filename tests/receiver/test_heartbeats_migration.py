"""A database that is full of heartbeats from before they told more: up, in use, and back down."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from tests.support.migrating import migrate

BEATS = 20_000
OLD = "id, tenant_id, agent_id, instance_id, time_unix_nano, value"


def walk(path: Path, revision: str, *, down: bool = False) -> None:
    """Take the database up to a revision, or down to it."""
    migrate(path, command.downgrade if down else command.upgrade, revision)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database of schema 0007 with many heartbeats, taken up to 0008."""
    path = tmp_path / "promethios.db"
    walk(path, "0007")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
        beats = ((f"a{number % 10}", f"i{number % 50}", number) for number in range(BEATS))
        connection.executemany(
            "INSERT INTO heartbeats (tenant_id, agent_id, instance_id, time_unix_nano, value) "
            "VALUES (1, ?, ?, ?, 1.0)",
            beats,
        )
        connection.execute("DELETE FROM heartbeats WHERE id % 7 = 0")
    walk(path, "0008")
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def test_what_was_there_stays_and_has_no_time_of_receipt(full: sqlite3.Connection) -> None:
    kept = full.execute("SELECT count(*), count(received_unix_nano), sum(value) FROM heartbeats").fetchone()
    assert kept == (BEATS - BEATS // 7, 0, BEATS - BEATS // 7)


def test_the_index_holds_only_what_was_received_since(full: sqlite3.Connection) -> None:
    full.execute(
        "INSERT INTO heartbeats (tenant_id, agent_id, instance_id, time_unix_nano, value, "
        "received_unix_nano) VALUES (1, 'a1', 'new', 1, 1.0, 5)"
    )
    latest = (
        "SELECT id FROM heartbeats WHERE tenant_id = 1 AND agent_id = 'a1' "
        "AND received_unix_nano IS NOT NULL ORDER BY received_unix_nano DESC LIMIT 1"
    )
    assert "ix_heartbeats_received" in str(full.execute(f"EXPLAIN QUERY PLAN {latest}").fetchall())
    assert full.execute(latest).fetchone() == (BEATS + 1,)


def test_the_way_back_keeps_every_heartbeat_as_it_was(full: sqlite3.Connection, tmp_path: Path) -> None:
    before = full.execute(f"SELECT {OLD} FROM heartbeats ORDER BY id").fetchall()
    walk(tmp_path / "promethios.db", "0007", down=True)
    assert full.execute("SELECT * FROM heartbeats ORDER BY id").fetchall() == before
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'heartbeats' ORDER BY name"
    assert full.execute(indexes).fetchall() == [("ix_heartbeats_time",), ("sqlite_autoindex_heartbeats_1",)]
    with pytest.raises(sqlite3.IntegrityError):
        full.execute(f"INSERT INTO heartbeats ({OLD}) SELECT NULL, {OLD[4:]} FROM heartbeats LIMIT 1")


def test_up_again_after_the_way_back_is_as_before(full: sqlite3.Connection, tmp_path: Path) -> None:
    shape = full.execute("SELECT sql FROM sqlite_master WHERE name = 'ix_heartbeats_received'").fetchone()
    walk(tmp_path / "promethios.db", "0007", down=True)
    walk(tmp_path / "promethios.db", "0008")
    again = full.execute("SELECT sql FROM sqlite_master WHERE name = 'ix_heartbeats_received'").fetchone()
    assert again == shape
