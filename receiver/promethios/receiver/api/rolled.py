"""Counts over a range: of whole buckets from the rollups, of what they do not hold from rows.

The sum is exact, whatever the range's edges and however far the rollups are filled: a question reads the
marks and everything else in one transaction, and every row is in exactly one of these parts.

    rows before the mark, in the range's first and last part of a minute
    buckets in between
    rows after the mark
    what decisions after the mark govern among spans that are in those buckets
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, literal, select, union_all

from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.rollups.cover import cover
from promethios.receiver.rollups.facts import (
    EVERYONE,
    HOUR,
    MINUTE,
    SECOND,
    SPANS,
    Rollup,
    governed_late,
    merge,
)
from promethios.receiver.store import schema

_MILLISECOND: Final = 1_000_000
_MINUTE: Final = MINUTE * SECOND
_HOUR: Final = HOUR * SECOND
_LATEST: Final = 2**63 - 1

_MARKS: Final = select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to)

#: Of so many agents the buckets are looked up one by one; of more, all of a stretch are read.
_FEW: Final = 8
#: So many rows after the mark are read by their ids; more of them by their times.
_SHORT_TAIL: Final = 50_000


class Rolled:
    """Counts of one kind, over a question's range and agents.

    Args:
        view: Whose eyes.
        question: The range, the agents, and the filters.
        rollup: What is counted.
        step: The steps of a series, milliseconds; None for the whole range.
    """

    def __init__(self, view: View, question: Question, rollup: Rollup, step: int | None = None) -> None:
        self._view = view
        self._question = question
        self._rollup = rollup
        self._step = step
        self._marks: Mapping[str, int] = {row.source: row.up_to for row in view.rows(_MARKS)}
        self._mark = self._marks.get(rollup.source.name, 0)
        self._start, self._end = question.start * _MILLISECOND, (question.end + 1) * _MILLISECOND
        self._cover = cover(*self._outer(), step)

    def count(self, *by: str, filters: Sequence[tuple[str, str]] = ()) -> Subquery:
        """The measures, merged by some of `at` (the start of a step, milliseconds), `agent_id` and the keys.

        Args:
            by: What to count apart.
            filters: The question's filters that apply to a key: name and key.
        """
        parts = union_all(*self._parts(by, filters)).subquery("parts")
        measures = [merge(parts.c[name]).label(name) for name in self._rollup.measures]
        return (
            select(*(parts.c[name] for name in by), *measures)
            .group_by(*(parts.c[name] for name in by))
            .subquery("counted")
        )

    def _parts(self, by: Sequence[str], filters: Sequence[tuple[str, str]]) -> Iterator[Select[Any]]:
        agents = self._agents(by)
        for number, stretch in enumerate(self._cover.buckets):
            yield self._merged(by, filters, self._buckets(stretch, agents, f"every{number}"))
        for facts in self._rows():
            matches = self._question.matches("agent", facts.selected_columns.agent_id)
            yield self._merged(by, filters, facts.where(matches))

    def _merged(
        self, by: Sequence[str], filters: Sequence[tuple[str, str]], rows: Select[Any]
    ) -> Select[Any]:
        table = rows.subquery("rows")
        keys = [self._at(table.c.at).label("at") if name == "at" else table.c[name] for name in by]
        return (
            select(*keys, *(merge(table.c[name]).label(name) for name in self._rollup.measures))
            .where(*(self._question.matches(name, table.c[key]) for name, key in filters))
            .group_by(*(key.element if key.name == "at" else key for key in keys))
        )

    def _at(self, nanoseconds: ColumnElement[Any]) -> ColumnElement[Any]:
        step = self._step or 1
        return nanoseconds // (step * _MILLISECOND) * step

    def _agents(self, by: Sequence[str]) -> tuple[str, ...]:
        """Whose buckets to read; none for each agent's."""
        asked = self._question.filters.get("agent", ())
        if asked or self._view.agent_id is not None:
            return asked or (self._view.agent_id or "",)
        return () if "agent_id" in by or set(by) & set(self._rollup.everyone) else (EVERYONE,)

    def _buckets(self, stretch: range, agents: tuple[str, ...], name: str) -> Select[Any]:
        table = self._view.of(self._rollup.table)
        whose = table.c.agent_id.in_(agents) if agents else table.c.agent_id != EVERYONE
        when = (
            table.c.bucket.in_(_each(stretch, name))
            if 0 < len(agents) <= _FEW
            else table.c.bucket.between(stretch[0], stretch[-1])
        )
        return select(
            (table.c.bucket * SECOND).label("at"),
            table.c.agent_id,
            *(table.c[key] for key in (*self._rollup.keys, *self._rollup.measures)),
        ).where(table.c.width == stretch.step, when, whose)

    def _rows(self) -> Iterator[Select[Any]]:
        """The rows of the range that are in none of the buckets."""
        facts = self._rollup.facts(self._view)
        row_id, at = facts.selected_columns.id, facts.selected_columns.at.element
        first, last = self._cover.whole
        if first >= last:
            yield facts.where(self._within(at))
            return
        # With the id as it is, the database would rather read all rows up to the mark than these by time.
        counted = row_id + 0 <= self._mark
        for start, end in ((self._start, first), (last, self._end)):
            if start < end:
                yield facts.where(at >= start, at < end, counted)
        yield facts.where(row_id > self._mark, self._within(at + 0 if self._tail_is_short() else at))
        if self._rollup is SPANS:
            yield self._governed_late(first, last)

    def _governed_late(self, first: int, last: int) -> Select[Any]:
        decided = self._marks.get("decisions", 0)
        late = governed_late(self._view, self._mark, decided, _LATEST, decided)
        at = late.selected_columns.at.element
        return late.where(at >= first, at < last)

    def _within(self, at: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(at >= self._start, at < self._end)

    def _tail_is_short(self) -> bool:
        newest = self._view.value(select(func.max(self._rollup.source.c.id))) or 0
        return bool(newest - self._mark <= _SHORT_TAIL)

    def _outer(self) -> tuple[int, int]:
        """A range with the same rows, and edges that are those of buckets where that can be.

        Most ranges end now: the hour that is not over yet can then be taken whole, as nothing comes after.
        """
        source = self._view.of_everyone(self._rollup.source)
        at = source.c[self._rollup.time]
        first = self._view.value(select(func.min(at)).where(self._within(at)))
        if first is None:
            return self._end, self._end
        last = self._view.value(select(func.max(at)).where(self._within(at)))
        start = max(self._start, first // _HOUR * _HOUR)
        hour = min(_up(last + 1, _HOUR), _LATEST)
        following = None
        if hour > self._end:
            following = self._view.value(select(func.min(at)).where(at >= self._end, at < hour))
        if following is None:
            return start, hour
        minute = _up(last + 1, _MINUTE)
        return start, minute if minute <= following else self._end


def counted(
    view: View,
    question: Question,
    rollup: Rollup,
    *by: str,
    step: int | None = None,
    filters: Sequence[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """Rows of `Rolled.count`."""
    statement = select(Rolled(view, question, rollup, step).count(*by, filters=filters))
    return [dict(row._mapping) for row in view.rows(statement)]


def _each(stretch: range, name: str) -> Select[Any]:
    """Each start of a bucket in a stretch."""
    start = select(literal(stretch[0]).label("bucket")).cte(name, recursive=True)
    each = start.union_all(select(start.c.bucket + stretch.step).where(start.c.bucket < stretch[-1]))
    return select(each.c.bucket)


def _up(number: int, width: int) -> int:
    return -(-number // width) * width
