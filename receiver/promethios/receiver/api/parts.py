"""The statement that counts over a range, by its shape: made once for each, filled in by each question.

To put such a statement together takes longer than most of them take the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, bindparam, select, union_all

from promethios.receiver.api.view import Eyes
from promethios.receiver.rollups.facts import EVERYONE, SECOND, SPANS, Rollup, governed_late, merge
from promethios.receiver.store.schema import Int64


class Whose(Enum):
    """Which rows of a rollup are read."""

    EVERYONE = 1  # all agents together
    SOME = 2  # those that are asked for
    EACH = 3  # every agent's


@dataclass(frozen=True, slots=True)
class Shape:
    """What two questions have in common when they differ only in their values.

    Args:
        rollup: What is counted.
        by: What is counted apart.
        measures: Which of its measures; each takes the database time for every row.
        filters: The keys that are filtered.
        stretches: How many stretches of buckets there are; without one all is counted from rows.
        before, after: Whether rows before, or after, the buckets are in the range.
        whose: Which rows of the rollup are read.
        one_by_one: Whether these are looked up bucket by bucket, or found among all rows of a stretch.
        asked: Whether rows are filtered by agent.
        one_agent: Whether the key sees one agent only.
        short_tail: Whether the rows that are not counted yet are so few that they are read by their ids.
    """

    rollup: Rollup
    by: tuple[str, ...]
    measures: tuple[str, ...]
    filters: tuple[str, ...]
    stretches: int
    before: bool
    after: bool
    whose: Whose
    one_by_one: bool
    asked: bool
    one_agent: bool
    short_tail: bool


@cache
def counted_by(shape: Shape) -> Subquery:
    """The measures, merged by `shape.by`. See `Rolled` for its parameters."""
    parts = union_all(*_parts(shape)).subquery("parts")
    measures = [merge(parts.c[name]).label(name) for name in shape.measures]
    return (
        select(*(parts.c[name] for name in shape.by), *measures)
        .group_by(*(parts.c[name] for name in shape.by))
        .subquery("counted")
    )


def _parts(shape: Shape) -> Iterator[Select[Any]]:
    eyes = Eyes(shape.one_agent)
    for number in range(shape.stretches):
        yield _merged(shape, _buckets(shape, eyes, number))
    for facts in _rows(shape, eyes):
        agent = facts.selected_columns.agent_id
        yield _merged(shape, facts.where(agent.in_(_many("agents"))) if shape.asked else facts)


def _merged(shape: Shape, rows: Select[Any]) -> Select[Any]:
    table = rows.subquery("rows")
    keys = {name: _step(table.c.at) if name == "at" else table.c[name] for name in shape.by}
    return (
        select(
            *(key.label(name) for name, key in keys.items()),
            *(merge(table.c[name]).label(name) for name in shape.measures),
        )
        .where(*(table.c[name].in_(_many(f"only_{name}")) for name in shape.filters))
        .group_by(*keys.values())
    )


def _step(nanoseconds: ColumnElement[Any]) -> ColumnElement[Any]:
    return nanoseconds // value("step_ns") * value("step_ms")


def _buckets(shape: Shape, eyes: Eyes, number: int) -> Select[Any]:
    table = eyes.of(shape.rollup.table)
    first, last, width = (value(f"{name}{number}") for name in ("first", "last", "width"))
    if shape.whose is Whose.EACH:
        whose = table.c.agent_id != EVERYONE
    elif shape.whose is Whose.EVERYONE:
        whose = table.c.agent_id == EVERYONE
    else:
        whose = table.c.agent_id.in_(_many("agents"))
    each = _each(first, last, width, f"every{number}") if shape.one_by_one else None
    return select(
        (table.c.bucket * SECOND).label("at"),
        table.c.agent_id,
        *(table.c[name] for name in (*shape.rollup.keys, *shape.rollup.measures)),
    ).where(
        table.c.width == width,
        table.c.bucket.between(first, last) if each is None else table.c.bucket.in_(each),
        whose,
    )


def _each(
    first: ColumnElement[int], last: ColumnElement[int], width: ColumnElement[int], name: str
) -> Select[Any]:
    """Each start of a bucket in a stretch."""
    start = select(first.label("bucket")).cte(name, recursive=True)
    each = start.union_all(select(start.c.bucket + width).where(start.c.bucket < last))
    return select(each.c.bucket)


def _rows(shape: Shape, eyes: Eyes) -> Iterator[Select[Any]]:
    """The rows of the range that are in none of the buckets."""
    facts = shape.rollup.facts(eyes)
    row_id, at = facts.selected_columns.id, facts.selected_columns.at.element
    start, end, first, last, mark = map(value, ("start", "end", "first", "last", "mark"))
    if not shape.stretches:
        yield facts.where(at >= start, at < end)
        return
    # With the id as it is, the database would rather read all rows up to the mark than these by time.
    counted = row_id + 0 <= mark
    if shape.before:
        yield facts.where(at >= start, at < first, counted)
    if shape.after:
        yield facts.where(at >= last, at < end, counted)
    fresh = shape.rollup.facts(Eyes(shape.one_agent, by_id=shape.short_tail))
    row_id, at = fresh.selected_columns.id, fresh.selected_columns.at.element
    moment = at + 0 if shape.short_tail else at
    yield fresh.where(row_id > mark, moment >= start, moment < end)
    if shape.rollup is SPANS:
        late = governed_late(eyes, mark, value("decided"), value("latest"), value("decided"))
        moment = late.selected_columns.at.element
        yield late.where(moment >= first, moment < last)


def value(name: str) -> ColumnElement[int]:
    """A number that each question fills in."""
    return bindparam(name, type_=Int64)


def _many(name: str) -> Any:
    return bindparam(name, expanding=True)
