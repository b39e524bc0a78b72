"""Rollups by day, and in which hours of a day agents were heard of: both made of what is there by hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_HOUR, _DAY = 3_600, 86_400

#: Of each rollup what is counted apart beside time and agent, and how hours become a day.
_ROLLUPS = {
    "span_counts": (
        ("resource_id",),
        dict.fromkeys(("spans", "calls", "governed", "input_tokens", "output_tokens"), "sum"),
    ),
    "decision_counts": (("verdict", "enforced"), {"decisions": "sum"}),
    "decision_times": (("bin",), {"decisions": "sum", "least": "min", "most": "max"}),
    "violation_counts": (("policy_id", "severity"), {"violations": "sum", "blocked": "sum", "last": "max"}),
    "log_counts": ((), {"items": "sum"}),
    "metric_counts": ((), {"items": "sum"}),
}


def _add_days(table: str, keys: tuple[str, ...], measures: dict[str, str]) -> None:
    day = f"bucket / {_DAY} * {_DAY}"
    names = ", ".join(["tenant_id", "width", "bucket", "agent_id", *keys, *measures])
    apart = ", ".join(["agent_id", *keys])
    merged = ", ".join(f"{merge}({name})" for name, merge in measures.items())
    op.execute(
        f"INSERT INTO {table} ({names}) SELECT tenant_id, {_DAY}, {day}, {apart}, {merged} "
        f"FROM {table} WHERE width = {_HOUR} GROUP BY tenant_id, {day}, {apart}"
    )


def upgrade() -> None:
    for table, (keys, measures) in _ROLLUPS.items():
        _add_days(table, keys, measures)
    op.create_table(
        "agent_hours",
        sa.Column("tenant_id", Int64, nullable=False),
        sa.Column("day", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("hours", Int64, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "day", "agent_id"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO agent_hours (tenant_id, day, agent_id, hours) "
        f"SELECT tenant_id, hour / {_DAY} * {_DAY}, agent_id, sum(1 << hour / {_HOUR} % 24) "
        f"FROM agent_minutes GROUP BY tenant_id, hour / {_DAY}, agent_id"
    )


def downgrade() -> None:
    op.drop_table("agent_hours")
    for table in _ROLLUPS:
        op.execute(f"DELETE FROM {table} WHERE width = {_DAY}")
