"""``/policies``: which policies matched, in which version and mode, and what was done about it."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import orjson
from sqlalchemy import Select, Subquery, case, func, select

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


def policies(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each policy that matched, of each version, severity, action and mode; most matches first."""
    rolled = Rolled(view, question, POLICIES)
    agents = rolled.count("agent_id", *_KEYS, filters={"severity": "severity", "policy_id": "policy"})
    return {"data": [_row(row) for row in rolled.rows(_by_policy(agents))]}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "controls": ", ".join(map(str, orjson.loads(row["controls"] or "[]")))}


@cache
def _by_policy(agents: Subquery) -> Select[Any]:
    keys = [agents.c[name] for name in _KEYS]
    number = func.sum(agents.c.violations)
    return (
        select(
            agents.c.policy_id,
            agents.c.policy_version.label("version"),
            *(agents.c[name] for name in ("severity", "action", "mode")),
            *(func.sum(agents.c[name]).label(name) for name in _SUMS),
            func.sum(case((agents.c.mode == SHADOW, agents.c.violations), else_=0)).label("shadow"),
            func.count().label("agents"),
            agents.c.controls,
            millis(func.min(agents.c.first)).label("first_seen"),
            millis(func.max(agents.c.last)).label("last_seen"),
        )
        .group_by(*keys)
        .order_by(number.desc(), *keys)
    )
