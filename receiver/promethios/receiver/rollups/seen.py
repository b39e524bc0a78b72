"""When agents were heard of: a bit for each minute of an hour, and one for each hour of a day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Select,
    Table,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from promethios.receiver.rollups.facts import DAY, HOUR, MINUTE, SECOND, Number, Tables
from promethios.receiver.store import schema

#: What tells that an agent lives, and when: at the end of what it did.
MOMENTS: Final[dict[str, str]] = {"spans": "end_unix_nano", "heartbeats": "time_unix_nano"}
SOURCES: Final = (schema.spans, schema.heartbeats)


@dataclass(frozen=True, eq=False)
class Seen:
    """Times at which agents were heard of, a row for each agent and a span of time that they are noted by.

    Args:
        table: Where they are kept.
        time: Its column that says when a row's time begins, Unix seconds.
        bits: Its column of bits: bit 0 is the first unit of that time.
        width: How long a row's time is, seconds.
        unit: How long the time of a bit is, seconds.
    """

    table: Table
    time: str
    bits: str
    width: int
    unit: int

    def of(self, rows: FromClause, moment: ColumnElement[Any]) -> Select[Any]:
        """What rows tell: the columns of `table`, by their moment (nanoseconds)."""
        begin = moment // (self.width * SECOND) * self.width
        unit = moment // (self.unit * SECOND) % (self.width // self.unit)
        # The sum of different bits is all of them.
        bits = func.sum(literal(1).op("<<")(unit).distinct()).label(self.bits)
        # The sum keeps SQLite from reading all rows in the order of an index that begins with the tenant.
        tenant_id = rows.c.tenant_id + 0
        return select(tenant_id.label("tenant_id"), begin.label(self.time), rows.c.agent_id, bits).group_by(
            tenant_id, begin, rows.c.agent_id
        )

    def after(self, tables: Tables, source: Table, mark: Number) -> Select[Any]:
        """What rows of a source tell that are not noted yet."""
        rows = tables.of(source)
        return self.of(rows, rows.c[MOMENTS[source.name]]).where(rows.c.id > mark)


MINUTES: Final = Seen(schema.agent_minutes, "hour", "minutes", HOUR, MINUTE)
HOURS: Final = Seen(schema.agent_hours, "day", "hours", DAY, HOUR)
_BOTH: Final = (MINUTES, HOURS)


def add(connection: Connection, source: Table, low: int, high: int) -> None:
    """Note when agents were heard of in rows with ids after `low` up to `high`."""
    for kind in _BOTH:
        connection.execute(_noted(kind, source), {"low": low, "high": high})


@cache
def _noted(kind: Seen, source: Table) -> Executable:
    rows = kind.of(source, source.c[MOMENTS[source.name]]).where(
        source.c.id > bindparam("low"), source.c.id <= bindparam("high")
    )
    table = kind.table
    statement = insert(table).from_select([column.name for column in rows.selected_columns], rows)
    both = table.c[kind.bits].op("|")(statement.excluded[kind.bits])
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_={kind.bits: both})


def forget(connection: Connection) -> None:
    """Forget each tenant's hours before its first span and heartbeat: those of rows that were deleted."""
    for (tenant_id,) in connection.execute(select(schema.tenants.c.id)).all():
        firsts = [connection.scalar(_first(table, tenant_id)) for table in SOURCES]
        known = [first for first in firsts if first is not None]
        if known:
            _forget_before(connection, tenant_id, min(known) // (HOUR * SECOND) * HOUR)


def _forget_before(connection: Connection, tenant_id: int, hour: int) -> None:
    for kind in _BOTH:
        table, begin = kind.table, hour // kind.width * kind.width
        own = table.c.tenant_id == tenant_id
        connection.execute(table.delete().where(own, table.c[kind.time] < begin))
        if gone := (1 << (hour - begin) // kind.unit) - 1:
            bits = table.c[kind.bits]
            left = {kind.bits: bits.op("&")(~gone)}
            begun = table.c[kind.time] == begin
            connection.execute(table.update().where(own, begun, bits.op("&")(gone) != 0).values(left))


def _first(table: Table, tenant_id: int) -> Select[Any]:
    time = table.c["start_unix_nano" if table is schema.spans else "time_unix_nano"]
    return select(func.min(time)).where(table.c.tenant_id == tenant_id)
