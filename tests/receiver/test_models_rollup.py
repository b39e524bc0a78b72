"""The counts that came later: made of an old database in the background, and exact meanwhile."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from tests.support.migrating import migrate
from tests.support.rollup_world import NOW, World, set_up

from promethios.receiver.access.gate import Principal
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import MODEL_TIMES, OPERATIONS, POLICIES
from promethios.receiver.rollups.fill import fill
from promethios.receiver.store.sqlite import SQLiteStore

NEW = (OPERATIONS, MODEL_TIMES, POLICIES)
MARKS = ("operations", "policies")
EVERYTHING = Question(0, NOW // 1_000_000 + 10**8, 7_200_000, 100, None, {"agent": ()})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of before these counts, with everything in the others."""
    path = tmp_path / "old.db"
    opened = SQLiteStore(path)
    world = World(random.Random(11))
    with opened.writer.connect() as connection:
        set_up(connection)
        world.grow(connection, 60)
        assert fill(connection, 60)
    opened.close()
    migrate(path, command.downgrade, "0009")
    return path


def select(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def answers(opened: SQLiteStore) -> list[Any]:
    """What is counted in all of the database, by all that is told apart."""
    with opened.readers.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        view = View(connection, Principal("k", 1, frozenset(), None))
        found = []
        for rollup in (OPERATIONS, POLICIES):
            rows = counted(view, EVERYTHING, rollup, "agent_id", *rollup.keys)
            found.append(sorted(tuple(row.values()) for row in rows))
    return found


def test_the_way_back_takes_only_what_came_with_it(old: Path) -> None:
    tables = {name for (name,) in select(old, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables.isdisjoint(rollup.table.name for rollup in NEW)
    assert not select(old, "SELECT 1 FROM sqlite_master WHERE name = 'ix_heartbeats_stopped'")
    marks = {source for (source,) in select(old, "SELECT source FROM rollup_marks")}
    assert marks.isdisjoint(MARKS)
    assert {"spans", "violations"} <= marks


def test_an_old_database_is_answered_exactly_before_while_and_after_it_is_counted(old: Path) -> None:
    counts = select(old, "SELECT * FROM span_counts ORDER BY 1, 2, 3, 4, 5")
    opened = SQLiteStore(old)
    before = answers(opened)
    assert all(before)
    with opened.writer.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation_counts").scalar() == 0
        while not fill(connection, 0, rows=9):
            assert answers(opened) == before
    assert answers(opened) == before
    opened.close()
    assert select(old, "SELECT count(*) FROM operation_counts") > [(0,)]
    assert select(old, "SELECT * FROM span_counts ORDER BY 1, 2, 3, 4, 5") == counts


def test_what_was_counted_anew_is_what_was_counted_at_once(tmp_path: Path, old: Path) -> None:
    opened = SQLiteStore(old)
    with opened.writer.connect() as connection:
        assert fill(connection, 60)
    opened.close()
    fresh = SQLiteStore(tmp_path / "fresh.db")
    world = World(random.Random(11))
    with fresh.writer.connect() as connection:
        set_up(connection)
        world.grow(connection, 60)
        assert fill(connection, 60)
    fresh.close()
    for rollup in NEW:
        keys = ", ".join(column.name for column in rollup.table.primary_key)
        statement = f"SELECT * FROM {rollup.table.name} ORDER BY {keys}"
        assert select(old, statement) == select(tmp_path / "fresh.db", statement) != []
