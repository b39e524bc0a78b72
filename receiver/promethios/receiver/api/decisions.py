"""``/decisions``: what was decided, newest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from promethios.receiver.api.columns import hexadecimal, millis
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
        question.matches("agent", table.c.agent_id),
        question.matches("verdict", table.c.verdict),
        question.matches("point", table.c.point),
    )
    return page(view, question, statement, table.c.time_unix_nano, table.c.id)
