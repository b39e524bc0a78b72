"""``/violations``: which policies matched, newest first, and counted by policy."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, select, true

from promethios.receiver.api.columns import hexadecimal, millis
from promethios.receiver.api.ids import of_traces
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
        *(question.matches(name, table.c[column]) for name, column in _FILTERS.items()),
        of_traces(question, table.c.trace_id),
        _of_conversations(view, question, table),
    )
    return page(view, question, statement, table.c.time_unix_nano, table.c.id)


#: From a filter to the column that it is about.
_FILTERS = {
    "agent": "agent_id",
    "severity": "severity",
    "policy": "policy_id",
    "mode": "mode",
    "tool": "tool",
    "model": "model",
}


def _of_conversations(view: View, question: Question, table: Subquery) -> ColumnElement[bool]:
    """The condition that the decision belongs to one of the conversations that the filter allows."""
    if not question.filters.get("conversation"):
        return true()
    decided = view.of(schema.decisions)
    return table.c.decision_id.in_(
        select(decided.c.decision_id).where(question.matches("conversation", decided.c.conversation_id))
    )


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
