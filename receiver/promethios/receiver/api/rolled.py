"""Counts over a range: of whole buckets from the rollups, of what they do not hold from rows.

The sum is exact, whatever the range's edges and however far the rollups are filled: a question reads the
marks and everything else in one transaction, and every row is in exactly one of these parts.

    rows before the mark, in the range's first and last part of a minute
    buckets in between
    rows after the mark
    what decisions after the mark govern among spans that are in those buckets
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Executable, Select, Subquery, func, select

from promethios.receiver.api.parts import Shape, Whose, counted_by, value
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.rollups.cover import cover, up
from promethios.receiver.rollups.facts import DAY, HOUR, MINUTE, SECOND, Rollup
from promethios.receiver.store import schema

_MILLISECOND: Final = 1_000_000
_MINUTE: Final = MINUTE * SECOND
#: What a range is widened to where that changes nothing.
_WHOLE: Final = (DAY * SECOND, HOUR * SECOND)
_LATEST: Final = 2**63 - 1
_MARKS: Final = select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to)

#: So many buckets are looked up one by one; for more, all rows of a stretch are read.
_LOOKED_UP: Final = 20_000
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
        self._step = step or 1
        self._marks: Mapping[str, int] = {row.source: row.up_to for row in view.rows(_MARKS)}
        self._mark = self._marks.get(rollup.mark, 0)
        self._start, self._end = question.start * _MILLISECOND, (question.end + 1) * _MILLISECOND
        self._cover = cover(*self._outer(), step)

    def count(
        self, *by: str, filters: Mapping[str, str] | None = None, measures: Sequence[str] = ()
    ) -> Subquery:
        """The measures, merged by some of `at` (the start of a step, milliseconds), `agent_id` and the keys.

        The same subquery for each question of the same shape; `parameters` has this question's values.

        Args:
            by: What to count apart.
            filters: From a key to the question's filter that applies to it.
            measures: Those that are wanted, where not all of the rollup's.
        """
        self._filters = {
            key: self._question.filters[name]
            for key, name in (filters or {}).items()
            if self._question.filters.get(name)
        }
        first, last = self._cover.whole
        shape = Shape(
            rollup=self._rollup,
            by=by,
            measures=tuple(measures or self._rollup.measures),
            filters=tuple(self._filters),
            stretches=len(self._cover.buckets),
            before=self._start < first,
            after=last < self._end,
            whose=self._whose(by),
            one_by_one=self._one_by_one(by),
            asked=bool(self._agents()),
            one_agent=self._view.agent_id is not None,
            short_tail=self._tail_is_short(),
        )
        return counted_by(shape)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the parameters of the latest `count`."""
        first, last = self._cover.whole
        values: dict[str, Any] = {
            "start": self._start,
            "end": self._end,
            "first": first,
            "last": last,
            "latest": _LATEST,
            "mark": self._mark,
            "decided": self._marks.get("decisions", 0),
            "step_ns": self._step * _MILLISECOND,
            "step_ms": self._step,
            "agents": list(self._agents()),
        }
        for number, stretch in enumerate(self._cover.buckets):
            edges = {"first": stretch[0], "last": stretch[-1], "width": stretch.step}
            values |= {f"{name}{number}": edge for name, edge in edges.items()}
        return values | {f"only_{key}": list(allowed) for key, allowed in self._filters.items()}

    def rows(self, statement: Executable) -> list[dict[str, Any]]:
        """The rows of a statement on the latest `count`."""
        rows = self._view.rows(statement, self.parameters)
        # A row's own mapping takes four times as long, for some thousands of rows.
        names = rows[0]._fields if rows else ()
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _agents(self) -> tuple[str, ...]:
        """Which agents are asked for; none for all."""
        own = self._view.agent_id
        return self._question.filters.get("agent", ()) or (() if own is None else (own,))

    def _whose(self, by: tuple[str, ...]) -> Whose:
        if self._agents():
            return Whose.SOME
        apart = "agent_id" in by or set(by) & set(self._rollup.everyone)
        return Whose.EACH if apart else Whose.EVERYONE

    def _one_by_one(self, by: tuple[str, ...]) -> bool:
        longest = max((len(stretch) for stretch in self._cover.buckets), default=0)
        return self._whose(by) is not Whose.EACH and longest * max(1, len(self._agents())) <= _LOOKED_UP

    def _tail_is_short(self) -> bool:
        newest = self._view.value(_newest(self._rollup)) or 0
        return bool(newest - self._mark <= _SHORT_TAIL)

    def _outer(self) -> tuple[int, int]:
        """A range with the same rows, and edges that are those of buckets where that can be.

        Most ranges end now: the day that is not over yet can then be taken whole, as nothing comes after.
        """
        within = {"start": self._start, "end": self._end}
        first = self._view.value(_edge(self._rollup, last=False), within)
        if first is None:
            return self._end, self._end
        last = self._view.value(_edge(self._rollup, last=True), within)
        return self._begin(first), self._finish(last)

    def _begin(self, first: int) -> int:
        edges = (first // width * width for width in _WHOLE)
        return next((edge for edge in edges if edge >= self._start), self._start)

    def _finish(self, last: int) -> int:
        beyond = {"start": self._end, "end": min(up(last + 1, _WHOLE[0]), _LATEST)}
        following = self._view.value(_edge(self._rollup, last=False), beyond)
        edges = (min(up(last + 1, width), _LATEST) for width in (*_WHOLE, _MINUTE))
        return next((edge for edge in edges if following is None or edge <= following), self._end)


def counted(
    view: View,
    question: Question,
    rollup: Rollup,
    *by: str,
    step: int | None = None,
    filters: Mapping[str, str] | None = None,
    measures: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Rows of `Rolled.count`."""
    rolled = Rolled(view, question, rollup, step)
    return rolled.rows(_all(rolled.count(*by, filters=filters, measures=measures)))


@cache
def _all(counts: Subquery) -> Select[Any]:
    return select(counts)


@cache
def _edge(rollup: Rollup, *, last: bool) -> Select[Any]:
    """The first or last time in a range, of any agent: where the rows are, not what they say."""
    source = Eyes(one_agent=False).of(rollup.source)
    at = source.c[rollup.time]
    return select((func.max if last else func.min)(at)).where(at >= value("start"), at < value("end"))


@cache
def _newest(rollup: Rollup) -> Select[Any]:
    return select(func.max(rollup.source.c.id))
