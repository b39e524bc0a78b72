"""Tenants in the database: listed, and given a quota of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from promethios.receiver.store.schema import tenants

#: The largest quota: what a column holds, far beyond what can be sent.
MOST: Final = 2**53
#: What a tenant can be given of its own.
QUOTAS: Final = ("quota_bytes_per_minute", "quota_items_per_minute")


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """What the database knows of a tenant. Times are Unix nanoseconds; a quota of None is the settings'."""

    name: str
    created: int
    last_ingest: int | None
    quota_bytes_per_minute: int | None
    quota_items_per_minute: int | None


def list_tenants(connection: Connection, tenant_id: int | None = None) -> list[TenantRecord]:
    """Every tenant, oldest first; only `tenant_id` where given."""
    statement = select(tenants).order_by(tenants.c.id)
    if tenant_id is not None:
        statement = statement.where(tenants.c.id == tenant_id)
    return [
        TenantRecord(
            row.name,
            row.created_unix_nano,
            row.last_ingest_unix_nano,
            row.quota_bytes_per_minute,
            row.quota_items_per_minute,
        )
        for row in connection.execute(statement)
    ]


def set_quota(connection: Connection, name: str, changes: Mapping[str, int | None]) -> bool:
    """Give a tenant quotas of its own: 0 for any number, None for what the settings say.

    Args:
        connection: A connection in a transaction.
        name: The tenant's name.
        changes: By name, of `QUOTAS`; what is not named stays.

    Returns:
        False when there is no such tenant.

    Raises:
        ValueError: A name is unknown, there is none, or a number is none that can be used.
    """
    if not changes or (unknown := sorted(set(changes) - set(QUOTAS))):
        wrong = f"unknown field {unknown[0][:60]!r}" if changes else "nothing to change"
        raise ValueError(f"{wrong}; there are {' and '.join(QUOTAS)}")
    for quota, number in changes.items():
        if number is not None and (type(number) is not int or not 0 <= number <= MOST):
            raise ValueError(f"'{quota}' must be a whole number from 0 to {MOST}, or null")
    return connection.execute(tenants.update().where(tenants.c.name == name).values(**changes)).rowcount == 1
