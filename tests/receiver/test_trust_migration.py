"""A database of the first release gets weights and trust from the decisions that it holds."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from tests.support.migrating import migrate

from promethios.governance.trust import NEW, advance
from promethios.receiver.store.sqlite import SQLiteStore
from promethios.receiver.trust.replay import recompute

START = 1_760_000_000 * 10**9
#: Decision, agent, seconds, and its violations: severity, mode, failed, evidence.
DECISIONS = (
    ("d1", "clerk", 0, ()),
    ("d2", "clerk", 1, (("high", "enforce", 0, ()), ("low", "enforce", 0, ()))),
    ("d3", "clerk", 2, (("critical", "shadow", 0, ()),)),
    ("d4", "buyer", 3, (("critical", "enforce", 1, ()),)),
    ("d5", "clerk", 4, (("high", "enforce", 0, ("pii.card input[0].content 3-19 ab",)),)),
    ("d6", "buyer", 5, (("medium", "enforce", 0, ("pii.card output 3-19 ab",)),)),
)
WEIGHTS = {"d1": 0.0, "d2": 1.0, "d3": 0.0, "d4": 0.0, "d5": 0.0, "d6": 0.3}


@pytest.fixture
def first_release(tmp_path: Path) -> Path:
    """A database as the first migration made it, with decisions."""
    path = tmp_path / "first.db"
    migrate(path, command.upgrade, "0001")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
        for number, (decision_id, agent, seconds, violations) in enumerate(DECISIONS):
            _add_decision(connection, number, decision_id, agent, START + seconds * 10**9)
            for ordinal, violation in enumerate(violations):
                _add_violation(connection, decision_id, ordinal, agent, *violation)
    return path


def _add_decision(connection: sqlite3.Connection, number: int, decision_id: str, agent: str, at: int) -> None:
    names = (
        "tenant_id, decision_id, time_unix_nano, agent_id, instance_id, seq, point, verdict, enforced, mode, "
        "duration_us, bundle_name, bundle_version, bundle_hash, policies, reason, trace_id, span_id"
    )
    values = (1, decision_id, at, agent, "i", number + 1, "tool.before", "block", "block", "enforce")
    rest = (1.0, "b", "1", "ab", "p", f"reason of {decision_id}", bytes(16), bytes(8))
    connection.execute(f"INSERT INTO decisions ({names}) VALUES ({', '.join('?' * 18)})", (*values, *rest))


def _add_violation(
    connection: sqlite3.Connection,
    decision_id: str,
    ordinal: int,
    agent: str,
    severity: str,
    mode: str,
    failed: int,
    evidence: tuple[str, ...],
) -> None:
    names = (
        "tenant_id, decision_id, ordinal, time_unix_nano, agent_id, policy_id, policy_version, detector, "
        "severity, action, enforced, mode, reason, failed, controls, evidence, point, trace_id, span_id"
    )
    values = (1, decision_id, ordinal, START, agent, "p", "1", "", severity, "block", "block", mode, "why")
    rest = (failed, "[]", json.dumps(evidence), "tool.before", bytes(16), bytes(8))
    connection.execute(f"INSERT INTO violations ({names}) VALUES ({', '.join('?' * 19)})", (*values, *rest))


def test_decisions_and_violations_get_the_weights_that_count(first_release: Path) -> None:
    SQLiteStore(first_release).close()
    with closing(sqlite3.connect(first_release)) as connection:
        assert dict(connection.execute("SELECT decision_id, weight FROM decisions")) == WEIGHTS
        weights = connection.execute("SELECT decision_id, ordinal, weight FROM violations").fetchall()
        shown = connection.execute("SELECT decision_id, weight FROM decisions_hex").fetchall()
    assert dict(shown) == WEIGHTS
    assert sorted(weights) == [
        ("d2", 0, 1.0),
        ("d2", 1, 0.1),
        ("d3", 0, 0.0),
        ("d4", 0, 0.0),
        ("d5", 0, 0.0),
        ("d6", 0, 0.3),
    ]


def test_trust_is_computed_from_the_decisions_that_are_stored(first_release: Path) -> None:
    opened = SQLiteStore(first_release)
    try:
        assert opened.revision >= "0002"
        with opened.readers.connect() as connection:
            accounts, changes = recompute(connection)
            stored = connection.exec_driver_sql(
                "SELECT agent_id, r, s, g, last_unix_nano, alarmed, decisions, told_score "
                "FROM trust_standings"
            ).all()
            scores = connection.exec_driver_sql("SELECT * FROM trust_scores ORDER BY id").all()
    finally:
        opened.close()
    expected = NEW
    for decision_id, agent, seconds, _ in DECISIONS:
        if agent == "clerk":
            expected = advance(expected, WEIGHTS[decision_id], START + seconds * 10**9)
    assert accounts[1, "clerk"].standing == expected
    assert {row[0]: tuple(row[1:]) for row in stored} == {
        agent: (*account.standing, account.decisions, account.told_score)
        for (_, agent), account in accounts.items()
    }
    assert [tuple(row)[1:] for row in scores] == [(*owner, *change) for owner, change in changes]
    assert "reason of d2" in scores[0]


def test_an_empty_database_of_the_first_release_has_no_trust(tmp_path: Path, first_release: Path) -> None:
    with closing(sqlite3.connect(first_release)) as connection, connection:
        connection.execute("DELETE FROM decisions")
        connection.execute("DELETE FROM violations")
    SQLiteStore(first_release).close()
    with closing(sqlite3.connect(first_release)) as connection:
        for table in ("trust_standings", "trust_scores"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
