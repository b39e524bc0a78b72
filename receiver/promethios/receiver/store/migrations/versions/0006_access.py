"""Access: what a tenant may send in a minute, and which key a key takes the place of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_ADDED = (
    ("tenants", "quota_bytes_per_minute", Int64),
    ("tenants", "quota_items_per_minute", Int64),
    ("api_keys", "replaces", sa.Text()),
)


def upgrade() -> None:
    for table, name, kind in _ADDED:
        op.add_column(table, sa.Column(name, kind))


def downgrade() -> None:
    for table, name, _ in reversed(_ADDED):
        op.drop_column(table, name)
