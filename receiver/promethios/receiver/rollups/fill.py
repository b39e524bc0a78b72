"""Fills the rollups, as a chore of the writer: each row once, by its id.

    rows up to the mark         rows after it
    ─────────────────────┼───────────────────
    are in the rollups   │ are read as they are, until a step counts them

A step counts some rows and moves the mark, in one transaction: a crash leaves both or neither. Rows that come
late have new ids like any others, and count in the bucket of their time. Ids only grow.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, bindparam, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from promethios.receiver.rollups import seen
from promethios.receiver.rollups.counting import count, count_late
from promethios.receiver.rollups.facts import ROLLUPS
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

#: What has a mark of its own, and whose rows it counts.
_TRACKS: Final = tuple(
    dict.fromkeys(
        [
            *((source.name, source) for source in SOURCES),
            *((rollup.mark, rollup.source) for rollup in ROLLUPS),
        ]
    )
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
        for track, source, low, high in steps:
            _count(connection, track, source, low, high)
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
    matched last. When an agent was heard of is forgotten by the hour.
    """
    marks = _marks(connection)
    counted = {track: min(high, marks.get(track, 0)) for track, of in _TRACKS if of is source}
    _prepare(connection)
    for track, last in counted.items():
        if last > low:
            _add(connection, track, source, low, last, sign=-1)
    if source in seen.SOURCES and counted[source.name] > low:
        seen.forget(connection)


def _steps(connection: Connection, rows: int) -> list[tuple[str, Table, int, int]]:
    """The tracks that have rows to count, whose these are, after which id and up to which to go now."""
    marks, steps = _marks(connection), []
    for track, source in _TRACKS:
        low = marks.get(track, 0)
        if high := connection.scalar(_next(source), {"low": low, "rows": rows}):
            steps.append((track, source, low, high))
    return steps


@cache
def _next(source: Table) -> Select[Any]:
    ids = (
        select(source.c.id)
        .where(source.c.id > bindparam("low"))
        .order_by(source.c.id)
        .limit(bindparam("rows"))
        .subquery()
    )
    return select(func.max(ids.c.id))


def _count(connection: Connection, track: str, source: Table, low: int, high: int) -> None:
    _add(connection, track, source, low, high)
    connection.execute(_mark(), {"source": track, "up_to": high})


@cache
def _mark() -> Insert:
    statement = insert(schema.rollup_marks)
    return statement.on_conflict_do_update(["source"], set_={"up_to": statement.excluded.up_to})


_MARKS: Final = select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to)


def _marks(connection: Connection) -> dict[str, int]:
    return {row.source: row.up_to for row in connection.execute(_MARKS)}


def _add(connection: Connection, track: str, source: Table, low: int, high: int, sign: int = 1) -> None:
    marks = _marks(connection)
    decided = marks.get("decisions", 0)
    for rollup in ROLLUPS:
        if rollup.mark == track:
            count(connection, rollup, low, high, decided, sign)
    if track != source.name:
        return
    if source is schema.decisions:
        # Afterwards, as the mark has it: those before these, or, when these are taken out, all.
        count_late(connection, marks.get("spans", 0), low, high, low if sign > 0 else decided, sign)
    if source in seen.SOURCES and sign > 0:
        seen.add(connection, source, low, high)


def _prepare(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.create_function("latency_bin", 1, latency_bin, deterministic=True)
