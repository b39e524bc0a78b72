"""``/coverage``: how many calls of models and tools a decision was made for."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.series import filled
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import SPANS
from promethios.receiver.services import Services

_HOUR: Final = 3_600_000
#: Up to which length of a range, by which steps the last ungoverned call is looked for, milliseconds.
_FINE: Final = ((2 * _HOUR, _HOUR // 12), (24 * _HOUR, _HOUR))
_COARSE: Final = 24 * _HOUR


def coverage(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for every known agent; when its last ungoverned call was is told by the step it was in.

    The step is five minutes of a range of up to two hours, an hour of up to a day, else a day: whether a
    call is governed may change later, so that no time of a single one is kept.
    """
    length = question.end - question.start
    step = next((step for most, step in _FINE if length <= most), _COARSE)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in counted(view, question, SPANS, "agent_id", "at", step=step):
        found[row["agent_id"]].append(row)
    return {"data": [_row(agent, found[agent], question) for agent in view.agents(question)]}


def _row(agent: str, steps: list[dict[str, Any]], question: Question) -> dict[str, Any]:
    calls, governed = (sum(row[name] for row in steps) for name in ("calls", "governed"))
    missed = [row["at"] for row in steps if row["calls"] > row["governed"]]
    return {
        "agent_id": agent,
        "calls": calls,
        "governed": governed,
        "ungoverned": calls - governed,
        "share": governed / calls if calls else None,
        "last_ungoverned": max(question.start, max(missed)) if missed else None,
    }


def series(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Calls in each step, by whether a decision was made for them."""
    values = {}
    for row in counted(view, question, SPANS, "at", step=question.step):
        values[row["at"], "governed"] = row["governed"]
        values[row["at"], "ungoverned"] = row["calls"] - row["governed"]
    return filled(question, "kind", ("governed", "ungoverned"), values)
