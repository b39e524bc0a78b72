"""``/violations``: which policies matched, newest first, and counted by policy."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, Subquery, func, select

from promethios.receiver.api.columns import hexadecimal, millis
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import Rolled
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import VIOLATIONS
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def violations(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each match of a policy."""
    table = view.of(schema.violations)
    statement = select(
        millis(table.c.time_unix_nano).label("time"),
        table.c.severity,
        table.c.agent_id,
        table.c.policy_id,
        table.c.action,
        table.c.enforced,
        table.c.mode,
        table.c.reason,
        table.c.detector,
        table.c.point,
        table.c.model,
        table.c.tool,
        table.c.decision_id,
        hexadecimal(table.c.trace_id).label("trace_id"),
        hexadecimal(table.c.span_id).label("span_id"),
    ).where(
        question.matches("agent", table.c.agent_id),
        question.matches("severity", table.c.severity),
        question.matches("policy", table.c.policy_id),
    )
    return page(view, question, statement, table.c.time_unix_nano, table.c.id)


def by_policy(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each policy that matched and severity, most matches first."""
    rolled = Rolled(view, question, VIOLATIONS)
    agents = rolled.count(
        "agent_id", "policy_id", "severity", filters={"severity": "severity", "policy_id": "policy"}
    )
    return {"data": rolled.rows(_policies(agents))}


@cache
def _policies(agents: Subquery) -> Select[Any]:
    number = func.sum(agents.c.violations)
    return select(
        agents.c.policy_id,
        agents.c.severity,
        number.label("violations"),
        func.sum(agents.c.blocked).label("blocked"),
        func.count().label("agents"),
        millis(func.max(agents.c.last)).label("last_seen"),
    ).group_by(agents.c.policy_id, agents.c.severity)
