"""Heartbeats that say more than that an agent lives, and when the receiver heard them by its own clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_ADDED = (
    ("received_unix_nano", Int64),
    ("clock_offset_nano", Int64),
    ("sequence_num", Int64),
    ("start_unix_nano", Int64),
    ("uptime_seconds", sa.Float()),
    ("interval_seconds", sa.Float()),
    ("stopped", sa.Integer()),
    ("healthy", sa.Integer()),
    ("last_error", sa.Text()),
    ("mode", sa.Text()),
    ("bundle_name", sa.Text()),
    ("bundle_version", sa.Text()),
    ("bundle_hash", sa.Text()),
    ("adapters", sa.Text()),
    ("governed", Int64),
    ("ungoverned", Int64),
    ("queued", Int64),
    ("spooled", Int64),
    ("sent", Int64),
    ("dropped", Int64),
    ("dropped_by", sa.Text()),
)


def upgrade() -> None:
    for name, kind in _ADDED:
        op.add_column("heartbeats", sa.Column(name, kind))
    # Only what is received from here on has that time: the index begins empty, however many rows there are.
    op.create_index(
        "ix_heartbeats_received",
        "heartbeats",
        ["tenant_id", "agent_id", "received_unix_nano"],
        sqlite_where=sa.text("received_unix_nano IS NOT NULL"),
    )


def downgrade() -> None:
    """Copied once: SQLite writes a table anew for each column that it drops."""
    kept = "id, tenant_id, agent_id, instance_id, time_unix_nano, value"
    op.rename_table("heartbeats", "heartbeats_0008")
    for index in ("ix_heartbeats_received", "ix_heartbeats_time"):
        op.drop_index(index, "heartbeats_0008")
    op.create_table(
        "heartbeats",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("tenant_id", Int64, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("value", sa.Float),
        sa.UniqueConstraint("tenant_id", "agent_id", "instance_id", "time_unix_nano", name="uq_heartbeats"),
    )
    op.execute(f"INSERT INTO heartbeats ({kept}) SELECT {kept} FROM heartbeats_0008")
    op.drop_table("heartbeats_0008")
    op.create_index("ix_heartbeats_time", "heartbeats", ["tenant_id", "time_unix_nano"])
