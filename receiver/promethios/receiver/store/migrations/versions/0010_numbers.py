"""Counts by policy and by model, filled afterwards step by step, and the goodbyes among heartbeats."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_POLICY = ("policy_id", "policy_version", "severity", "action", "mode", "controls")
_MATCHES = ("violations", "blocked", "redacted", "flagged", "approved", "failed", "first", "last")
_OPERATION = ("operation", "provider", "model", "response_model", "tool")
_USES = (
    "spans",
    "errors",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "last",
)
_TABLES = ("policy_counts", "operation_counts", "model_times")


def _create_rollup(name: str, *columns: sa.Column[Any], keys: tuple[str, ...]) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", Int64, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("bucket", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("tenant_id", "width", "bucket", "agent_id", *keys),
        sqlite_with_rowid=False,
    )


def _needed(kind: Any, *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def upgrade() -> None:
    """What is stored already is counted as what comes is: from the first row, as nothing has a mark yet."""
    _create_rollup("policy_counts", *_needed(sa.Text, *_POLICY), *_needed(Int64, *_MATCHES), keys=_POLICY)
    _create_rollup(
        "operation_counts", *_needed(sa.Text, *_OPERATION), *_needed(Int64, *_USES), keys=_OPERATION
    )
    _create_rollup(
        "model_times",
        *_needed(sa.Text, "provider", "model"),
        *_needed(sa.Integer, "bin"),
        *_needed(Int64, "calls"),
        *_needed(sa.Float, "least", "most"),
        keys=("provider", "model", "bin"),
    )
    op.create_index(
        "ix_heartbeats_stopped",
        "heartbeats",
        ["tenant_id", "agent_id", "time_unix_nano"],
        sqlite_where=sa.text("stopped = 1"),
    )


def downgrade() -> None:
    op.drop_index("ix_heartbeats_stopped", "heartbeats")
    op.execute("DELETE FROM rollup_marks WHERE source IN ('policies', 'operations')")
    for table in reversed(_TABLES):
        op.drop_table(table)
