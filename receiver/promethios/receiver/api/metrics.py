"""``/metrics`` and ``/series/metric``: which metrics agents send, and how one of them went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select

from promethios.receiver.api.columns import millis
from promethios.receiver.api.question import Question
from promethios.receiver.api.series import steps
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store import schema

#: OTLP's temporality of sums and histograms that say what came since the point before.
_DELTA: Final = 1
#: So many series of one metric are looked at, the first by their ids.
_MOST_SERIES: Final = 1_000


def metrics(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each metric that has points in the range."""
    series, points = view.of(schema.metric_series), view.of(schema.metric_points)
    # By series: the points of one stand together in an index, which is all that is read.
    ours = _points_of(series, points, question)
    number = select(func.count()).where(ours).correlate(series).scalar_subquery()
    last = select(func.max(points.c.time_unix_nano)).where(ours).correlate(series).scalar_subquery()
    columns = (series.c.name, series.c.unit, series.c.type, series.c.agent_id)
    counted = (
        select(*columns, number.label("points"), last.label("last"))
        .where(question.matches("agent", series.c.agent_id), question.matches("name", series.c.name))
        .subquery("counted")
    )
    told = (counted.c.name, counted.c.unit, counted.c.type)
    rows = view.rows(
        select(
            *told,
            func.count(counted.c.agent_id.distinct()).label("agents"),
            func.sum(counted.c.points).label("points"),
            millis(func.max(counted.c.last)).label("last_seen"),
        )
        .where(counted.c.points > 0)
        .group_by(*told)
    )
    return {"data": [dict(row._mapping) for row in rows]}


def _points_of(series: Any, points: Any, question: Question) -> ColumnElement[bool]:
    return and_(points.c.series_id == series.c.id, question.within(points.c.time_unix_nano))


def series(_: Services, view: View, question: Question) -> dict[str, Any]:
    """One metric in each step, by agent; null where nothing came.

    Of a gauge, and of a sum that goes up and down, the last number, the mean of an agent's series; of a
    counter what it grew by, summed; of a distribution the mean of what was observed.

    Raises:
        Refusal: No name is given, or several.
    """
    name = _name(question)
    if name is None:
        return {"data": []}
    table = view.of(schema.metric_series)
    known = view.rows(
        select(table.c.id, table.c.agent_id, table.c.type, table.c.temporality, table.c.monotonic)
        .where(table.c.name == name, question.matches("agent", table.c.agent_id))
        .order_by(table.c.id)
        .limit(_MOST_SERIES)
    )
    found: dict[tuple[int, str], list[_Number]] = defaultdict(list)
    for each in known:
        for at, number in _numbers(view, question, each):
            found[at, each.agent_id].append(number)
    agents = sorted({each.agent_id for each in known})
    return {
        "data": [
            {"time": at, "agent_id": agent_id, "value": _together(found.get((at, agent_id), []))}
            for at in steps(question)
            for agent_id in agents
        ]
    }


def _name(question: Question) -> str | None:
    names = question.filters.get("name", ())
    if len(names) > 1:
        raise Refusal(Kind.UNDECODABLE, "'name' must be one metric: /api/v1/metrics lists them")
    return names[0] if names else None


@dataclass(frozen=True, slots=True)
class _Number:
    """What one series says in one step.

    Args:
        total: A number, or a sum of them.
        weight: What it is divided by, with that of the agent's other series; 0 for what adds up.
    """

    total: float
    weight: float


def _together(numbers: list[_Number]) -> float | None:
    """One agent's number in one step."""
    weight = sum(number.weight for number in numbers)
    total = sum(number.total for number in numbers)
    if not numbers:
        return None
    return total / weight if weight else total


def _numbers(view: View, question: Question, each: Any) -> Iterator[tuple[int, _Number]]:
    """What a series says, by the start of the step in milliseconds."""
    values = {
        "series": each.id,
        "first": question.start * 1_000_000,
        "last": question.end * 1_000_000 + 999_999,
    }
    values |= {"step_ns": question.step * 1_000_000, "step_ms": question.step}
    if each.temporality == _DELTA:
        for row in view.rows(_summed(view), values):
            yield row.at, _delta(each, row)
        return
    before = next(iter(view.rows(_latest_before(view), values)), None)
    for row in view.rows(_last(view), values):
        if (number := _cumulative(each, row, before)) is not None:
            yield row.at, number
        before = row


def _delta(each: Any, row: Any) -> _Number:
    return _Number(row.value or 0.0, 0.0) if each.type == "sum" else _Number(row.sum or 0.0, row.count or 0)


def _cumulative(each: Any, row: Any, before: Any) -> _Number | None:
    """What a point says beside the one before it: a counter that fell began anew."""
    if each.type == "gauge" or (each.type == "sum" and not each.monotonic):
        return None if row.value is None else _Number(row.value, 1.0)
    if each.type == "sum":
        return None if row.value is None else _grown(row.value, before and before.value)
    if row.count is None or row.sum is None:
        return None
    again = before is None or before.count is None or before.count > row.count
    count, total = (row.count, row.sum) if again else (row.count - before.count, row.sum - (before.sum or 0))
    return _Number(total, count) if count else None


def _grown(value: float, before: float | None) -> _Number | None:
    if before is None:
        return None
    return _Number(value - before if value >= before else value, 0.0)


def _last(view: View) -> Select[Any]:
    """The last point of a series in each step."""
    points, at = _points(view)
    # SQLite takes what stands beside the one `max` from the row that has it.
    return (
        select(at, func.max(points.c.time_unix_nano).label("last"), *_values(points))
        .where(_of_series(points))
        .group_by(at)
        .order_by(at)
    )


def _summed(view: View) -> Select[Any]:
    """All points of a series in each step, added up."""
    points, at = _points(view)
    return (
        select(at, *(func.sum(value).label(value.name) for value in _values(points)))
        .where(_of_series(points))
        .group_by(at)
    )


def _latest_before(view: View) -> Select[Any]:
    """The last point of a series before the range."""
    points, _ = _points(view)
    return (
        select(*_values(points))
        .where(
            points.c.series_id == bindparam("series", type_=schema.Int64),
            points.c.time_unix_nano < bindparam("first", type_=schema.Int64),
        )
        .order_by(points.c.time_unix_nano.desc())
        .limit(1)
    )


def _points(view: View) -> tuple[Any, ColumnElement[int]]:
    points = view.of(schema.metric_points)
    nanoseconds, milliseconds = (bindparam(name, type_=schema.Int64) for name in ("step_ns", "step_ms"))
    return points, (points.c.time_unix_nano // nanoseconds * milliseconds).label("at")


def _values(points: Any) -> list[Any]:
    number = func.coalesce(points.c.value_double, points.c.value_int).label("value")
    return [number, points.c["count"], points.c["sum"]]


def _of_series(points: Any) -> ColumnElement[bool]:
    first, last = (bindparam(name, type_=schema.Int64) for name in ("first", "last"))
    return and_(
        points.c.series_id == bindparam("series", type_=schema.Int64),
        points.c.time_unix_nano.between(first, last),
    )
