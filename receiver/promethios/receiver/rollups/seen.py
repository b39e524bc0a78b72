"""In which minutes agents were heard of: a row for each agent and hour, a bit for each minute."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, FromClause, Select, Table, func, literal, select
from sqlalchemy.dialects.sqlite import insert

from promethios.receiver.rollups.facts import HOUR, MINUTE, SECOND, Number, Tables
from promethios.receiver.store import schema

#: What tells that an agent lives, and when: at the end of what it did.
MOMENTS: Final[dict[str, str]] = {"spans": "end_unix_nano", "heartbeats": "time_unix_nano"}
SOURCES: Final = (schema.spans, schema.heartbeats)


def minutes_of(rows: FromClause, moment: str) -> Select[Any]:
    """Tenant, hour, agent and the minutes of it, a bit each, by `moment` (a column of nanoseconds)."""
    hour = rows.c[moment] // (HOUR * SECOND) * HOUR
    minute = rows.c[moment] // (MINUTE * SECOND) % (HOUR // MINUTE)
    # The sum of different bits is all of them.
    bits = func.sum(literal(1).op("<<")(minute).distinct()).label("minutes")
    # The sum keeps SQLite from reading all rows in the order of an index that begins with the tenant.
    tenant_id = rows.c.tenant_id + 0
    return select(tenant_id.label("tenant_id"), hour.label("hour"), rows.c.agent_id, bits).group_by(
        tenant_id, hour, rows.c.agent_id
    )


def add(connection: Connection, source: Table, low: int, high: int) -> None:
    """Note when agents were heard of in rows with ids after `low` up to `high`."""
    rows = minutes_of(source, MOMENTS[source.name]).where(source.c.id > low, source.c.id <= high)
    table = schema.agent_minutes
    statement = insert(table).from_select(["tenant_id", "hour", "agent_id", "minutes"], rows)
    both = table.c.minutes.op("|")(statement.excluded.minutes)
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_={"minutes": both})
    )


def after(tables: Tables, source: Table, mark: Number) -> Select[Any]:
    """The same of rows that are not noted yet."""
    rows = tables.of(source)
    return minutes_of(rows, MOMENTS[source.name]).where(rows.c.id > mark)


def forget(connection: Connection) -> None:
    """Forget each tenant's hours before its first span and heartbeat: those of rows that were deleted."""
    for (tenant_id,) in connection.execute(select(schema.tenants.c.id)).all():
        firsts = [connection.scalar(_first(table, tenant_id)) for table in SOURCES]
        known = [first for first in firsts if first is not None]
        if known:
            table = schema.agent_minutes
            before = table.c.hour < min(known) // (HOUR * SECOND) * HOUR
            connection.execute(table.delete().where(table.c.tenant_id == tenant_id, before))


def _first(table: Table, tenant_id: int) -> Select[Any]:
    time = table.c["start_unix_nano" if table is schema.spans else "time_unix_nano"]
    return select(func.min(time)).where(table.c.tenant_id == tenant_id)
