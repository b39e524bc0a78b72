"""``/decisions``: what was decided, newest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, exists, select, true

from promethios.receiver.api.columns import hexadecimal, millis
from promethios.receiver.api.ids import looked_up, of_traces
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def decisions(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each decision."""
    table = view.of(schema.decisions)
    statement = select(
        millis(table.c.time_unix_nano).label("time"),
        table.c.decision_id,
        table.c.seq,
        table.c.agent_id,
        table.c.instance_id,
        table.c.point,
        table.c.verdict,
        table.c.enforced,
        table.c.mode,
        table.c.model,
        table.c.tool,
        table.c.conversation_id,
        table.c.policies,
        table.c.reason,
        table.c.duration_us,
        table.c.bundle_version,
        table.c.dialect,
        hexadecimal(table.c.trace_id).label("trace_id"),
        hexadecimal(table.c.span_id).label("span_id"),
    ).where(
        *(question.matches(name, table.c[column]) for name, column in _FILTERS.items()),
        of_traces(question, table.c.trace_id),
        _by_policies(view, question, table),
    )
    # As it is, the time would have SQLite read all decisions by their times to find those of a trace.
    when = table.c.time_unix_nano + 0 if looked_up(question, "trace", "conversation") else None
    return page(view, question, statement, table.c.time_unix_nano if when is None else when, table.c.id)


#: From a filter to the column that it is about.
_FILTERS = {
    "agent": "agent_id",
    "verdict": "verdict",
    "point": "point",
    "mode": "mode",
    "tool": "tool",
    "model": "model",
    "conversation": "conversation_id",
}


def _by_policies(view: View, question: Question, table: Subquery) -> ColumnElement[bool]:
    """The condition that one of the policies that the filter allows has matched."""
    if not question.filters.get("policy"):
        return true()
    matched = view.of(schema.violations)
    by_one = exists().where(
        matched.c.decision_id == table.c.decision_id, question.matches("policy", matched.c.policy_id)
    )
    return and_(table.c.policies != "", by_one)
