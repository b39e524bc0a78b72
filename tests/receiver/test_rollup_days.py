"""Days, as they are filled and as the migration makes them of hours; what deleting leaves of them."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection
from tests.support.migrating import migrate
from tests.support.rollup_world import HOUR, NOW, World, set_up

from promethios.receiver.rollups import seen
from promethios.receiver.rollups.facts import DAY, ROLLUPS
from promethios.receiver.rollups.fill import fill
from promethios.receiver.store import schema
from promethios.receiver.store.sqlite import SQLiteStore

Tables = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A database with some days of rows, all of them counted."""
    path = tmp_path / "days.db"
    opened = SQLiteStore(path)
    world = World(random.Random(7))
    with opened.writer.connect() as connection:
        set_up(connection)
        world.grow(connection, 120)
        assert fill(connection, 60)
    opened.close()
    return path


def _days(path: Path) -> Tables:
    found: Tables = {}
    with closing(sqlite3.connect(path)) as connection:
        # What came later than days has its own migration.
        for rollup in (rollup for rollup in ROLLUPS if not rollup.track):
            rows = connection.execute(f"SELECT * FROM {rollup.table.name} WHERE width = ?", (DAY,))
            found[rollup.table.name] = sorted(rows)
        found["agent_hours"] = sorted(connection.execute("SELECT * FROM agent_hours"))
    return found


def test_f24_days_made_of_hours_are_those_that_are_counted(filled: Path) -> None:
    counted = _days(filled)
    assert all(counted.values())
    migrate(filled, command.downgrade, "0006")
    with closing(sqlite3.connect(filled)) as connection:
        assert connection.execute("SELECT count(*) FROM span_counts WHERE width = 86400").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM span_counts").fetchone() > (0,)
    migrate(filled, command.upgrade, "head")
    assert _days(filled) == counted


def _heard(connection: Connection, table: str, time: str, bits: str, unit: int) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for agent_id, begin, heard in connection.exec_driver_sql(
        f"SELECT agent_id, {time}, {bits} FROM {table} WHERE tenant_id = 1"
    ):
        found[agent_id] |= {begin + place * unit for place in range(heard.bit_length()) if heard >> place & 1}
    return found


def _span(number: int) -> dict[str, Any]:
    """One every half hour, with what a span needs."""
    needed = {
        column.name: column.type.python_type() for column in schema.spans.columns if not column.nullable
    }
    at = NOW + number * HOUR // 2
    told = {"id": number + 1, "tenant_id": 1, "agent_id": "clerk", "span_id": number.to_bytes(8, "big")}
    return {**needed, **told, "start_unix_nano": at, "end_unix_nano": at}


def test_hours_say_what_minutes_say_also_when_the_first_of_a_day_are_deleted(tmp_path: Path) -> None:
    opened = SQLiteStore(tmp_path / "hours.db")
    with opened.writer.connect() as connection:
        set_up(connection)
        connection.execute(schema.spans.insert(), [_span(number) for number in range(60)])
        assert fill(connection, 60)
        left = []
        for last in (0, 3, 20, 41):
            connection.exec_driver_sql("DELETE FROM spans WHERE id <= ?", (last,))
            seen.forget(connection)
            minutes = _heard(connection, "agent_minutes", "hour", "minutes", 60)["clerk"]
            hours = _heard(connection, "agent_hours", "day", "hours", 3_600)["clerk"]
            assert hours == {minute // 3_600 * 3_600 for minute in minutes}
            left.append(len(hours))
    opened.close()
    assert left == [30, 29, 20, 10]
