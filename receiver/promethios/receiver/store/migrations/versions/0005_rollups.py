"""Rollups, filled afterwards step by step, and the indexes by which one agent's rows are listed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_BY_AGENT = ("logs", "decisions", "violations")
_TABLES = (
    "span_counts",
    "decision_counts",
    "decision_times",
    "violation_counts",
    "log_counts",
    "metric_counts",
    "agent_minutes",
    "rollup_marks",
)


def _needed(name: str, kind: Any = Int64) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _create_rollup(name: str, *columns: sa.Column[Any], keys: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        _needed("tenant_id"),
        _needed("width", sa.Integer),
        _needed("bucket"),
        _needed("agent_id", sa.Text),
        *columns,
        sa.PrimaryKeyConstraint("tenant_id", "width", "bucket", "agent_id", *keys),
        sqlite_with_rowid=False,
    )


def _create_rollups() -> None:
    counts = ("spans", "calls", "governed", "input_tokens", "output_tokens")
    _create_rollup("span_counts", _needed("resource_id"), *map(_needed, counts), keys=("resource_id",))
    texts = (_needed("verdict", sa.Text), _needed("enforced", sa.Text))
    _create_rollup("decision_counts", *texts, _needed("decisions"), keys=("verdict", "enforced"))
    bounds = (_needed("least", sa.Float), _needed("most", sa.Float))
    _create_rollup("decision_times", _needed("bin", sa.Integer), _needed("decisions"), *bounds, keys=("bin",))
    texts = (_needed("policy_id", sa.Text), _needed("severity", sa.Text))
    numbers = map(_needed, ("violations", "blocked", "last"))
    _create_rollup("violation_counts", *texts, *numbers, keys=("policy_id", "severity"))
    _create_rollup("log_counts", _needed("items"))
    _create_rollup("metric_counts", _needed("items"))


def upgrade() -> None:
    _create_rollups()
    op.create_table(
        "agent_minutes",
        _needed("tenant_id"),
        _needed("hour"),
        _needed("agent_id", sa.Text),
        _needed("minutes"),
        sa.PrimaryKeyConstraint("tenant_id", "hour", "agent_id"),
        sqlite_with_rowid=False,
    )
    op.create_table("rollup_marks", sa.Column("source", sa.Text, primary_key=True), _needed("up_to"))
    for table in _BY_AGENT:
        op.create_index(f"ix_{table}_agent_time", table, ["tenant_id", "agent_id", "time_unix_nano"])


def downgrade() -> None:
    for table in _BY_AGENT:
        op.drop_index(f"ix_{table}_agent_time", table)
    for table in reversed(_TABLES):
        op.drop_table(table)
