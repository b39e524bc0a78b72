"""Alerts: how each stands and what became of it, what is silenced, and what is still to be told."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_TABLES = ("alerts", "alert_changes", "alert_silences", "alert_outbox", "alert_channels")


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(f"{name}_unix_nano", Int64, nullable=nullable) for name in names]


def _create(name: str, *columns: Any, tenant: bool = True) -> None:
    whose = [sa.Column("tenant_id", Int64, sa.ForeignKey("tenants.id"), nullable=False)] if tenant else []
    op.create_table(name, sa.Column("id", Int64, primary_key=True), *whose, *columns)


def _figures() -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Float, nullable=False) for name in ("value", "threshold")]


def upgrade() -> None:
    _create(
        "alerts",
        *_texts("rule", "labels", "agent_id", "state", "told", "severity", "summary"),
        *_figures(),
        sa.Column("bad_seconds", sa.Float, nullable=False),
        *_times("since", "changed"),
        *_times("told", nullable=True),
        sa.UniqueConstraint("tenant_id", "rule", "labels", name="uq_alerts"),
    )
    _create(
        "alert_changes",
        *_times("time"),
        *_texts("rule", "labels", "agent_id", "state", "severity", "summary"),
        *_figures(),
    )
    op.create_index("ix_alert_changes_time", "alert_changes", ["tenant_id", "time_unix_nano"])
    _create(
        "alert_silences",
        *_texts("rule", "agent_id", "reason", "author"),
        *_times("created", "until"),
    )
    _create(
        "alert_outbox",
        *_texts("message_id", "channel", "body"),
        *_times("created", "due"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("dead", sa.Integer, nullable=False),
        *_texts("error"),
        sa.UniqueConstraint("message_id", "channel", name="uq_alert_outbox"),
    )
    op.create_index("ix_alert_outbox_due", "alert_outbox", ["dead", "due_unix_nano"])
    _create(
        "alert_channels",
        sa.Column("name", sa.Text, nullable=False, unique=True),
        *_texts("target"),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        tenant=False,
    )


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)
