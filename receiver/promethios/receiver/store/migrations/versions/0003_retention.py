"""Retention: what it needs to know of time and of what came when, and what trust needs of what it deletes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_COUNTED = ("spans", "metric_points", "logs", "heartbeats", "decisions", "violations")
_TABLES = ("trust_bases", "steady_clock", "received_marks", "resource_uses", "scope_uses")


def _id() -> sa.Column[Any]:
    return sa.Column("id", Int64, primary_key=True)


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _create_trust_bases() -> None:
    op.create_table(
        "trust_bases",
        _id(),
        sa.Column("tenant_id", Int64, sa.ForeignKey("tenants.id"), nullable=False),
        _needed("agent_id", sa.Text),
        _needed("method", sa.Text),
        *(_needed(name, sa.Float) for name in ("r", "s", "g")),
        _needed("last_unix_nano", Int64),
        _needed("alarmed", sa.Integer),
        _needed("decisions", Int64),
        _needed("position", Int64),
        _needed("told_score", sa.Integer),
        _needed("told_alarmed", sa.Integer),
        sa.UniqueConstraint("tenant_id", "agent_id", name="uq_trust_bases"),
    )


def upgrade() -> None:
    _create_trust_bases()
    op.create_table(
        "steady_clock",
        _id(),
        _needed("boot", sa.Text),
        *(
            _needed(name, Int64)
            for name in ("boot_nano", "wall_unix_nano", "steady_unix_nano", "jump_nano", "jumped_unix_nano")
        ),
    )
    op.create_table(
        "received_marks",
        _id(),
        *(_needed(name, Int64) for name in ("steady_unix_nano", "wall_unix_nano", *_COUNTED)),
    )
    for name in ("resource_uses", "scope_uses"):
        op.create_table(name, _id(), _needed("spans", Int64), _needed("logs", Int64))


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)
