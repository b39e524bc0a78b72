"""The statements that count rows into the rollups: made once, filled in by each step.

To put them together takes as long in Python as they take in the database.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Executable,
    FromClause,
    Select,
    Table,
    bindparam,
    case,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.sqlite import insert

from promethios.receiver.rollups.facts import (
    EVERYONE,
    MINUTE,
    SECOND,
    SPANS,
    WIDTHS,
    Rollup,
    combine,
    governed_late,
    is_sum,
    merge,
)
from promethios.receiver.store import schema
from promethios.receiver.store.schema import Int64

#: Nothing but which rows: the parameters that a statement is filled in with.
Parameters = dict[str, int]


def count(connection: Connection, rollup: Rollup, low: int, high: int, decided: int, sign: int) -> None:
    """Add rows of a rollup's source with ids after `low` up to `high`, or take them out.

    Args:
        connection: The writer's, with `latency_bin` as a function.
        rollup: Where they are counted.
        low, high: Which rows.
        decided: The last decision that is counted, and so governs its span.
        sign: 1 to add, -1 to take out.
    """
    _execute(connection, rollup, _fresh(rollup), _parameters(low, high, decided, sign))


def count_late(connection: Connection, spans: int, low: int, high: int, known: int, sign: int) -> None:
    """Count what the decisions with ids after `low` up to `high` govern among spans that are counted.

    Args:
        connection: The writer's.
        spans: The last span that is counted.
        low, high: Which decisions.
        known: The last decision that is counted: what one of these governs is counted already.
        sign: 1 to add, -1 to take out.
    """
    _execute(connection, SPANS, _late(), _parameters(low, high, known, sign) | {"spans": spans})


def _parameters(low: int, high: int, decided: int, sign: int) -> Parameters:
    return {"low": low, "high": high, "decided": decided, "sign": sign}


def _execute(connection: Connection, rollup: Rollup, facts: Select[Any], values: Parameters) -> None:
    connection.execute(_upsert(rollup, facts), values)
    if values["sign"] < 0:
        _drop_empty(connection, rollup, facts, values)


class _Counted:
    """All rows; of the decisions that govern a span those that are counted themselves."""

    def of(self, table: Table) -> FromClause:
        return table

    def of_everyone(self, table: Table) -> FromClause:
        return select(table).where(table.c.id <= _value("decided")).subquery(f"{table.name}_counted")

    def latest_of_everyone(self, table: Table) -> FromClause:
        return table


@cache
def _fresh(rollup: Rollup) -> Select[Any]:
    facts = rollup.facts(_Counted())
    row_id = facts.selected_columns.id
    return facts.where(row_id > _value("low"), row_id <= _value("high"))


@cache
def _late() -> Select[Any]:
    return governed_late(_Counted(), _value("spans"), _value("low"), _value("high"), _value("decided"))


@cache
def _upsert(rollup: Rollup, facts: Select[Any]) -> Executable:
    table, rows = rollup.table, _rows(rollup, facts)
    statement = insert(table).from_select([column.name for column in rows.selected_columns], rows)
    merged = {name: combine(name, table.c[name], statement.excluded[name]) for name in rollup.measures}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=merged)


def _rows(rollup: Rollup, facts: Select[Any]) -> Select[Any]:
    """The rows of a rollup that these facts make: for each width, each agent's and everyone's."""
    minutes = _minutes(rollup, facts)
    scale = union_all(
        *(
            select(literal(width).label("width"), literal(whole).label("whole"))
            for width in WIDTHS
            for whole in (0, 1)
        )
    ).subquery("scale")
    keys = {
        "tenant_id": minutes.c.tenant_id,
        "width": scale.c.width,
        "bucket": minutes.c.minute // scale.c.width * scale.c.width,
        "agent_id": case((scale.c.whole == 1, EVERYONE), else_=minutes.c.agent_id),
        **{name: minutes.c[name] for name in rollup.keys},
    }
    for name, value in rollup.everyone.items():
        keys[name] = case((scale.c.whole == 1, value), else_=minutes.c[name])
    measures = [
        (merge(minutes.c[name]) * (_value("sign") if is_sum(name) else 1)).label(name)
        for name in rollup.measures
    ]
    return (
        select(*(key.label(name) for name, key in keys.items()), *measures)
        .select_from(minutes.join(scale, literal(1) == 1))
        .group_by(*keys.values())
    )


def _minutes(rollup: Rollup, facts: Select[Any]) -> FromClause:
    rows = facts.subquery("facts")
    minute = rows.c.at // (MINUTE * SECOND) * MINUTE
    keys = [_stored(rollup, rows.c[name]).label(name) for name in rollup.keys]
    return (
        select(
            rows.c.tenant_id,
            rows.c.agent_id,
            minute.label("minute"),
            *keys,
            *(merge(rows.c[name]).label(name) for name in rollup.measures),
        )
        .group_by(rows.c.tenant_id, rows.c.agent_id, minute, *(key.element for key in keys))
        .subquery("minutes")
    )


def _stored(rollup: Rollup, key: ColumnElement[Any]) -> ColumnElement[Any]:
    change = rollup.stored.get(key.name)
    return key if change is None else change(key)


def _drop_empty(connection: Connection, rollup: Rollup, facts: Select[Any], values: Parameters) -> None:
    """Remove buckets that no row is left of, among those that these facts were in."""
    first, last = connection.execute(_edges(facts), values).one()
    if first is not None:
        for width in WIDTHS:
            edges = {"first": first // SECOND - width, "last": last // SECOND, "width": width}
            connection.execute(_empty(rollup), edges)


@cache
def _edges(facts: Select[Any]) -> Select[Any]:
    rows = facts.subquery("facts")
    return select(func.min(rows.c.at), func.max(rows.c.at))


@cache
def _empty(rollup: Rollup) -> Delete:
    table = rollup.table
    return table.delete().where(
        table.c.tenant_id.in_(select(schema.tenants.c.id)),
        table.c.width == _value("width"),
        table.c.bucket.between(_value("first"), _value("last")),
        table.c[rollup.measures[0]] <= 0,
    )


def _value(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=Int64)
