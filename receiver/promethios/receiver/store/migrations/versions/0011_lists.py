"""Indexes by agent, tool, conversation and error, and counts by tool and by process."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_INDEXES: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("ix_spans_agent", "spans", ["tenant_id", "agent_id", "start_unix_nano"], None),
    ("ix_spans_tool", "spans", ["tenant_id", "tool", "start_unix_nano"], "tool IS NOT NULL"),
    ("ix_spans_error", "spans", ["tenant_id", "start_unix_nano"], "status_code = 2"),
    (
        "ix_decisions_conversation",
        "decisions",
        ["tenant_id", "conversation_id", "time_unix_nano"],
        "conversation_id IS NOT NULL",
    ),
    ("ix_trust_scores_time", "trust_scores", ["tenant_id", "time_unix_nano"], None),
)


def _create_rollup(name: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", Int64, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("bucket", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        *(_needed(sa.Text, column) for column in texts),
        *(_needed(Int64, column) for column in numbers),
        sa.PrimaryKeyConstraint("tenant_id", "width", "bucket", "agent_id", *texts),
        sqlite_with_rowid=False,
    )


def _needed(kind: Any, name: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    """What is stored already is counted step by step, as nothing has a mark yet."""
    _create_rollup("tool_counts", ("tool", "enforced"), ("decisions", "allowed", "last"))
    _create_rollup(
        "process_counts",
        ("instance_id", "bundle_name", "bundle_version", "bundle_hash"),
        ("decisions", "least", "most", "first", "last"),
    )
    for name, table, columns, condition in _INDEXES:
        where = None if condition is None else sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where)


def downgrade() -> None:
    for name, table, _, _ in reversed(_INDEXES):
        op.drop_index(name, table)
    op.execute("DELETE FROM rollup_marks WHERE source IN ('tools', 'processes')")
    op.drop_table("process_counts")
    op.drop_table("tool_counts")
