"""Going back by a version, on a database that retention keeps: no id may be taken for an older one's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine
from tests.support.migrating import migrations

_DECISION = (
    "INSERT INTO decisions (id, tenant_id, decision_id, time_unix_nano, agent_id, instance_id, seq, point, "
    "verdict, enforced, mode, duration_us, bundle_name, bundle_version, bundle_hash, policies, reason, "
    "trace_id, span_id, dialect) VALUES (?, 1, ?, 1, 'clerk', '', 0, 'model.before', 'allow', 'allow', "
    "'enforce', 1, '', '', '', '', '', x'00', x'00', ?)"
)
_VIOLATION = (
    "INSERT INTO violations (id, tenant_id, decision_id, ordinal, time_unix_nano, agent_id, policy_id, "
    "policy_version, detector, severity, action, enforced, mode, reason, failed, controls, evidence, point, "
    "trace_id, span_id) VALUES (?, 1, ?, 0, 1, 'clerk', 'p', '', '', 'high', '', '', '', '', 0, '', '', '', "
    "x'00', x'00')"
)


def move(connection: Connection, revision: str) -> None:
    go = command.upgrade if revision == "0004" else command.downgrade
    go(migrations(connection), revision)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A database of schema 0004 with decisions of ours and, after them, of others, all marked as received."""
    engine = create_engine(f"sqlite:///{tmp_path / 'promethios.db'}")
    with engine.begin() as opened:
        move(opened, "0004")
        opened.exec_driver_sql("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
        for number, dialect in enumerate(("", "", "nemo", "nemo"), start=1):
            opened.exec_driver_sql(_DECISION, (number, f"d{number}", dialect))
            opened.exec_driver_sql(_VIOLATION, (number, f"d{number}"))
        for received in (1, 3, 4):
            opened.exec_driver_sql(
                "INSERT INTO received_marks (steady_unix_nano, wall_unix_nano, spans, metric_points, logs, "
                "heartbeats, decisions, violations) VALUES (?, 1, 0, 0, 0, 0, ?, ?)",
                (received, received, received),
            )
        yield opened
    engine.dispose()


def test_d08_what_comes_after_a_downgrade_is_not_as_old_as_what_it_deleted(connection: Connection) -> None:
    """The ids of deleted rows are given away again: marks of before would have evidence deleted at once."""
    move(connection, "0003")
    assert connection.exec_driver_sql("SELECT id FROM decisions ORDER BY id").scalars().all() == [1, 2]
    assert connection.exec_driver_sql("SELECT max(id) FROM violations").scalar() == 2
    marks = connection.exec_driver_sql("SELECT decisions, violations FROM received_marks ORDER BY id").all()
    assert marks == [(1, 1), (2, 2), (2, 2)]
