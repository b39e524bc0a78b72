"""``/policies``: which policies matched, in which version and mode, and what was done about it."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import orjson
from sqlalchemy import Select, Subquery, func, select

from promethios.receiver.api.columns import millis
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import Rolled
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import POLICIES
from promethios.receiver.services import Services

#: The mode of a policy that is evaluated and not enforced.
SHADOW: Final = "shadow"
_KEYS: Final = ("policy_id", "policy_version", "severity", "action", "mode", "controls")
_SUMS: Final = ("violations", "blocked", "redacted", "flagged", "approved", "failed")
_FILTERS: Final = {"severity": "severity", "policy_id": "policy"}
#: By what agents are counted apart: to do so by every key takes as long again for the same numbers, as a
#: version of a policy has one severity and one set of controls.
_SHARED: Final = ("policy_id", "policy_version", "action", "mode")


def policies(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each policy that matched, of each version, severity, action and mode; most matches first."""
    rolled = Rolled(view, question, POLICIES)
    matches = rolled.rows(_by_policy(rolled.count(*_KEYS, filters=_FILTERS)))
    agents = rolled.rows(_numbers(rolled.count("agent_id", *_SHARED, filters=_FILTERS)))
    numbers = {tuple(row[name] for name in _SHARED): row["agents"] for row in agents}
    return {"data": [_row(row, numbers[tuple(row[name] for name in _SHARED)]) for row in matches]}


def _row(row: dict[str, Any], agents: int) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name != "policy_version"}
    return {
        **told,
        "version": row["policy_version"],
        "controls": ", ".join(map(str, orjson.loads(row["controls"] or "[]"))),
        "shadow": row["violations"] if row["mode"] == SHADOW else 0,
        "agents": agents,
    }


@cache
def _by_policy(counts: Subquery) -> Select[Any]:
    return select(
        *(counts.c[name] for name in (*_KEYS, *_SUMS)),
        millis(counts.c.first).label("first_seen"),
        millis(counts.c.last).label("last_seen"),
    ).order_by(counts.c.violations.desc(), *(counts.c[name] for name in _KEYS))


@cache
def _numbers(agents: Subquery) -> Select[Any]:
    keys = [agents.c[name] for name in _SHARED]
    return select(*keys, func.count().label("agents")).group_by(*keys)
