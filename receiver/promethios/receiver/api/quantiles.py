"""Quantiles of how long decisions took, over the whole range or step by step, by nearest rank.

Of decisions that are in the rollups only the bin is known, with its least and its greatest duration: a
quantile is off by less than `latency.GROWTH`, and exact where a bin holds one value or two.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Float, Select, Subquery, case, cast, func, literal, or_, select

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import Rolled
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import TIMES

#: In per cent, so that the rank is found in whole numbers.
QUANTILES: Final = {"p50": 50, "p95": 95, "p99": 99}


def durations(view: View, question: Question, step: int | None = None) -> dict[int, dict[str, float]]:
    """Quantiles in microseconds by the start of the step (milliseconds); without a step all under 0."""
    rolled = Rolled(view, question, TIMES, step)
    statement = _quantiles(rolled.count(*(("at", "bin") if step else ("bin",))))
    found: dict[int, dict[str, float]] = {}
    for row in rolled.rows(statement):
        hits = {name: row[name] for name in QUANTILES if row[name] is not None}
        found.setdefault(row["key"], {}).update(hits)
    return found


@cache
def _quantiles(bins: Subquery) -> Select[Any]:
    """The bins that a quantile is in, and its value there."""
    key: ColumnElement[Any] = bins.c.at if "at" in bins.c else literal(0)
    placed = select(
        key.label("key"),
        bins.c.decisions,
        bins.c.least,
        bins.c.most,
        func.sum(bins.c.decisions).over(partition_by=key, order_by=(bins.c.least, bins.c.bin)).label("upto"),
        func.sum(bins.c.decisions).over(partition_by=key).label("number"),
    ).subquery("placed")
    values = {
        name: _at_rank(placed, (placed.c.number * part + 99) // 100) for name, part in QUANTILES.items()
    }
    return select(placed.c.key, *(value.label(name) for name, value in values.items())).where(
        or_(*(value.is_not(None) for value in values.values()))
    )


def _at_rank(placed: Any, rank: ColumnElement[Any]) -> ColumnElement[Any]:
    """The value at a rank, if it is in this bin, whose values are taken to lie evenly between its bounds."""
    before = placed.c.upto - placed.c.decisions
    place = cast(rank - before - 1, Float) / func.max(placed.c.decisions - 1, 1)
    value = placed.c.least + (placed.c.most - placed.c.least) * place
    return case(((rank > before) & (rank <= placed.c.upto), value))
