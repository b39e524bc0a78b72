"""Quantiles of how long decisions and calls took, over the whole range or step by step, by nearest rank.

Of what is in the rollups only the bin is known, with its least and its greatest duration: a
quantile is off by less than the bin is wide, `latency.GROWTH`, and exact where a bin holds one value or two.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Select, Subquery, case, cast, func, or_, select

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import Rolled
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import TIMES, Rollup

#: In per cent, so that the rank is found in whole numbers.
QUANTILES: Final = {"p50": 50, "p95": 95, "p99": 99}


def durations(view: View, question: Question, step: int | None = None) -> dict[int, dict[str, float]]:
    """Quantiles of decisions in microseconds by the start of the step (milliseconds), or all under 0."""
    by = ("at",) if step else ()
    found = durations_by(view, question, TIMES, *by, step=step, parts=tuple(QUANTILES.items()))
    return {key[0] if key else 0: hits for key, hits in found.items()}


def durations_by(
    view: View,
    question: Question,
    rollup: Rollup,
    *by: str,
    step: int | None = None,
    parts: tuple[tuple[str, int], ...] = (("p95", 95),),
) -> dict[tuple[Any, ...], dict[str, float]]:
    """Quantiles of a rollup that has bins, in its unit, by some of `at`, `agent_id` and its keys.

    Args:
        view: Whose eyes.
        question: The range and the agents.
        rollup: Has `bin`, `least` and `most`; its first measure is how many there are.
        by: What to tell apart.
        step: The steps of a series, milliseconds.
        parts: The quantiles' names, and which they are in per cent.
    """
    rolled = Rolled(view, question, rollup, step)
    statement = _quantiles(rolled.count(*by, "bin"), by, rollup.measures[0], parts)
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in rolled.rows(statement):
        hits = {name: row[name] for name, _ in parts if row[name] is not None}
        found.setdefault(tuple(row[name] for name in by), {}).update(hits)
    return found


@cache
def _quantiles(
    bins: Subquery, by: tuple[str, ...], number: str, parts: tuple[tuple[str, int], ...]
) -> Select[Any]:
    """The bins that a quantile is in, and its value there."""
    keys = [bins.c[name] for name in by]
    times = bins.c[number]
    placed = select(
        *keys,
        times.label("times"),
        bins.c.least,
        bins.c.most,
        func.sum(times).over(partition_by=keys or None, order_by=(bins.c.least, bins.c.bin)).label("upto"),
        func.sum(times).over(partition_by=keys or None).label("number"),
    ).subquery("placed")
    values = {name: _at_rank(placed, (placed.c.number * part + 99) // 100) for name, part in parts}
    return select(
        *(placed.c[name] for name in by), *(value.label(name) for name, value in values.items())
    ).where(or_(*(value.is_not(None) for value in values.values())))


def _at_rank(placed: Any, rank: ColumnElement[Any]) -> ColumnElement[Any]:
    """The value at a rank, if it is in this bin, whose values are taken to lie evenly between its bounds."""
    before = placed.c.upto - placed.c.times
    place = cast(rank - before - 1, Float) / func.max(placed.c.times - 1, 1)
    value = placed.c.least + (placed.c.most - placed.c.least) * place
    return case(((rank > before) & (rank <= placed.c.upto), value))
