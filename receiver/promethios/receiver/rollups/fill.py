"""Fills the rollups, as a chore of the writer: each row once, by its id.

    rows up to the mark         rows after it
    ─────────────────────┼───────────────────
    are in the rollups   │ are read as they are, until a step counts them

A step counts some rows and moves the mark, in one transaction: a crash leaves both or neither. Rows that come
late have new ids like any others, and count in the bucket of their time. Ids only grow.
"""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    case,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.sqlite import insert

from promethios.receiver.rollups import seen
from promethios.receiver.rollups.facts import (
    EVERYONE,
    HOUR,
    MINUTE,
    ROLLUPS,
    SECOND,
    SPANS,
    WIDTHS,
    Rollup,
    combine,
    governed_late,
    is_sum,
    merge,
)
from promethios.receiver.rollups.latency import latency_bin
from promethios.receiver.store import schema

#: How often the chore runs, how long it works each time, and how many rows it takes at once.
EVERY_SECONDS: Final = 0.25
_SECONDS: Final = 0.04
_ROWS: Final = 2_000

#: Decisions first: a span that comes with its decision is then counted as governed at once.
SOURCES: Final = (
    schema.decisions,
    schema.spans,
    schema.violations,
    schema.logs,
    schema.metric_points,
    schema.heartbeats,
)


def fill(connection: Connection, seconds: float = _SECONDS, rows: int = _ROWS) -> bool:
    """Count what is not in the rollups yet, for about so many seconds, so many rows of a table at a time.

    Returns:
        Whether all of it is in now.
    """
    deadline = time.monotonic() + seconds
    steps = _steps(connection, rows)
    if not steps:
        return True
    _prepare(connection)
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    while steps:
        for source, low, high in steps:
            _count(connection, source, low, high)
        if time.monotonic() > deadline:
            break
        steps = _steps(connection, rows)
    connection.exec_driver_sql("COMMIT")
    return not steps


def chore(connection: Connection) -> None:
    """One step of what the writer does between commits."""
    fill(connection)


def uncount(connection: Connection, source: Table, low: int, high: int) -> None:
    """Take the rows of a table with ids after `low` up to `high` out of the rollups, before they are deleted.

    In the transaction that deletes them; rows of a table that is not counted are left alone. What does not
    add up stays as it is while its bucket has rows: the bounds of a bin of durations, and when a policy
    matched last. In which minutes an agent was heard of is forgotten by the hour.
    """
    high = min(high, _marks(connection).get(source.name, 0))
    if high <= low:
        return
    _prepare(connection)
    _add(connection, source, low, high, sign=-1)
    if source in seen.SOURCES:
        seen.forget(connection)


def _steps(connection: Connection, rows: int) -> list[tuple[Table, int, int]]:
    """The tables that have rows which are not counted, after which id and up to which the next step goes."""
    marks, steps = _marks(connection), []
    for source in SOURCES:
        low = marks.get(source.name, 0)
        ids = select(source.c.id).where(source.c.id > low).order_by(source.c.id).limit(rows).subquery()
        if high := connection.scalar(select(func.max(ids.c.id))):
            steps.append((source, low, high))
    return steps


def _count(connection: Connection, source: Table, low: int, high: int) -> None:
    _add(connection, source, low, high)
    statement = insert(schema.rollup_marks).values(source=source.name, up_to=high)
    connection.execute(statement.on_conflict_do_update(["source"], set_={"up_to": high}))


def _marks(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to))
    return {row.source: row.up_to for row in rows}


def _add(connection: Connection, source: Table, low: int, high: int, sign: int = 1) -> None:
    marks = _marks(connection)
    decided = marks.get("decisions", 0)
    for rollup in ROLLUPS:
        if rollup.source is source:
            facts = rollup.facts(_Counted(decided))
            fresh = facts.where(facts.selected_columns.id > low, facts.selected_columns.id <= high)
            _upsert(connection, rollup, fresh, sign)
    if source is schema.decisions:
        known = low if sign > 0 else decided
        late = governed_late(_Counted(max(high, decided)), marks.get("spans", 0), low, high, known)
        _upsert(connection, SPANS, late, sign)
    if source in seen.SOURCES and sign > 0:
        seen.add(connection, source, low, high)


class _Counted:
    """All rows; of the decisions that govern a span those that are counted themselves."""

    def __init__(self, decided: int) -> None:
        self._decided = decided

    def of(self, table: Table) -> FromClause:
        return table

    def of_everyone(self, table: Table) -> FromClause:
        return select(table).where(table.c.id <= self._decided).subquery(f"{table.name}_counted")

    def latest_of_everyone(self, table: Table) -> FromClause:
        return table


def _upsert(connection: Connection, rollup: Rollup, facts: Select[Any], sign: int) -> None:
    table = rollup.table
    rows = _rows(rollup, facts, sign)
    statement = insert(table).from_select([column.name for column in rows.selected_columns], rows)
    merged = {}
    for name in rollup.measures:
        old, new = table.c[name], statement.excluded[name]
        merged[name] = combine(name, old, new)
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=merged))
    if sign < 0:
        _drop_empty(connection, rollup, facts)


def _rows(rollup: Rollup, facts: Select[Any], sign: int) -> Select[Any]:
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
        (merge(minutes.c[name]) * (sign if is_sum(name) else 1)).label(name) for name in rollup.measures
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


def _drop_empty(connection: Connection, rollup: Rollup, facts: Select[Any]) -> None:
    """Remove buckets that no row is left of, among those that these facts were in."""
    rows = facts.subquery("facts")
    first, last = connection.execute(select(func.min(rows.c.at), func.max(rows.c.at))).one()
    if first is None:
        return
    table = rollup.table
    connection.execute(
        table.delete().where(
            table.c.tenant_id.in_(select(schema.tenants.c.id)),
            table.c.width.in_(WIDTHS),
            table.c.bucket.between(first // SECOND - HOUR, last // SECOND),
            table.c[rollup.measures[0]] <= 0,
        )
    )


def _prepare(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.create_function("latency_bin", 1, latency_bin, deterministic=True)
