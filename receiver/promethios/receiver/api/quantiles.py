"""Quantiles of how long decisions took, over the whole range or step by step, by nearest rank."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select

from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.store import schema

#: In per cent, so that the rank is found in whole numbers.
QUANTILES: Final = {"p50": 50, "p95": 95, "p99": 99}


def durations(view: View, question: Question, step: int | None = None) -> dict[int, dict[str, float]]:
    """Quantiles in microseconds by the start of the step (milliseconds); without a step all under 0."""
    table = view.of(schema.decisions)
    key: ColumnElement[Any] = table.c.time_unix_nano // (step * 1_000_000 if step else 2**62)
    ranked = (
        select(
            key.label("key"),
            table.c.duration_us,
            func.row_number().over(partition_by=key, order_by=table.c.duration_us).label("rank"),
            func.count().over(partition_by=key).label("number"),
        )
        .where(question.within(table.c.time_unix_nano), question.matches("agent", table.c.agent_id))
        .subquery("ranked")
    )
    ranks = {name: (ranked.c.number * part + 99) // 100 for name, part in QUANTILES.items()}
    statement = select(
        ranked.c.key,
        ranked.c.duration_us,
        *((ranked.c.rank == rank).label(name) for name, rank in ranks.items()),
    ).where(or_(*(ranked.c.rank == rank for rank in ranks.values())))
    found: dict[int, dict[str, float]] = {}
    for row in view.rows(statement):
        hits = {name: row.duration_us for name in QUANTILES if row._mapping[name]}
        found.setdefault(row.key * (step or 0), {}).update(hits)
    return found
