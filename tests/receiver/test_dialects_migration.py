"""A database from before dialects: its decisions are ours. Going back takes what others decided along."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from promethios.receiver import store

Migrate = Callable[..., Path]


@pytest.fixture
def migrate(tmp_path: Path) -> Migrate:
    """Take a database up to a revision, or down to it: ``migrate("0004")``."""
    path = tmp_path / "walked.db"

    def walk(revision: str, *, down: bool = False) -> Path:
        configuration = Config()
        folder = Path(next(iter(store.__path__))) / "migrations"
        configuration.set_main_option("script_location", str(folder))
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            configuration.attributes["connection"] = connection
            (command.downgrade if down else command.upgrade)(configuration, revision)
        engine.dispose()
        return path

    return walk


def _add(connection: sqlite3.Connection, decision_id: str) -> None:
    names = (
        "tenant_id, decision_id, time_unix_nano, agent_id, instance_id, seq, point, verdict, enforced, mode, "
        "duration_us, bundle_name, bundle_version, bundle_hash, policies, reason, trace_id, span_id"
    )
    values = (1, decision_id, 1, "clerk", "i", 1, "tool.before", "block", "block", "enforce")
    rest = (1.0, "b", "1", "ab", "p", "why", b"t" * 16, b"s" * 8)
    connection.execute(f"INSERT INTO decisions ({names}) VALUES ({', '.join('?' * 18)})", (*values, *rest))
    names = (
        "tenant_id, decision_id, ordinal, time_unix_nano, agent_id, policy_id, policy_version, detector, "
        "severity, action, enforced, mode, reason, failed, controls, evidence, point, trace_id, span_id"
    )
    matched = (1, decision_id, 0, 1, "clerk", "p", "1", "", "high", "block", "block", "enforce", "why")
    last = (0, "[]", "[]", "tool.before", b"t" * 16, b"s" * 8)
    connection.execute(f"INSERT INTO violations ({names}) VALUES ({', '.join('?' * 19)})", (*matched, *last))


def test_decisions_that_are_there_are_ours_and_others_go_on_the_way_back(migrate: Migrate) -> None:
    path = migrate("0003")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
        _add(connection, "ours")
    migrate("0004")
    with closing(sqlite3.connect(path)) as connection, connection:
        shown = connection.execute("SELECT decision_id, dialect, trace_id FROM decisions_hex").fetchall()
        assert shown == [("ours", "", "74" * 16)]
        _add(connection, "agt:theirs")
        connection.execute("UPDATE decisions SET dialect = 'agt' WHERE decision_id = 'agt:theirs'")
    migrate("0003", down=True)
    with closing(sqlite3.connect(path)) as connection:
        for table in ("decisions", "violations", "decisions_hex"):
            assert connection.execute(f"SELECT decision_id FROM {table}").fetchall() == [("ours",)]
        columns = [row[1] for row in connection.execute("PRAGMA table_info(decisions)")]
    assert "dialect" not in columns
