"""``/stats``: the numbers at the top of an overview, in one row."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from promethios.receiver.api.agents import agents
from promethios.receiver.api.quantiles import QUANTILES, durations
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def stats(services: Services, view: View, question: Question) -> dict[str, Any]:
    """One row, over the range and the agents asked for."""
    rows = agents(services, view, question)["data"]
    states = Counter(row["status"] for row in rows)
    calls = _sum(rows, "calls")
    quantiles = durations(view, question).get(0, {})
    return {
        "data": [
            {
                **{f"agents_{state}": states[state] for state in ("live", "stale", "down")},
                **{
                    name: _sum(rows, name)
                    for name in ("decisions", "blocked", "redacted", "flagged", "violations")
                },
                "critical": _critical(view, question),
                "coverage": _sum(rows, "governed") / calls if calls else None,
                **{f"{name}_us": quantiles.get(name) for name in QUANTILES},
                **{name: _sum(rows, name) for name in ("input_tokens", "output_tokens")},
            }
        ]
    }


def _sum(rows: list[dict[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)


def _critical(view: View, question: Question) -> int:
    table = view.of(schema.violations)
    count: int = view.value(
        select(func.count())
        .select_from(table)
        .where(
            table.c.severity == "critical",
            question.within(table.c.time_unix_nano),
            question.matches("agent", table.c.agent_id),
        )
    )
    return count
