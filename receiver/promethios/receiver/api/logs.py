"""``/logs``: what agents wrote, newest first."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import case, func, select

from promethios.receiver.api.columns import hexadecimal, millis
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema

#: The first severity number of each name (https://opentelemetry.io/docs/specs/otel/logs/data-model/).
_SEVERITIES: Final = {21: "FATAL", 17: "ERROR", 13: "WARN", 9: "INFO", 5: "DEBUG", 1: "TRACE"}


def logs(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each log record."""
    table = view.of(schema.logs)
    named = case(
        *((table.c.severity_number >= number, name) for number, name in _SEVERITIES.items()), else_=""
    )
    severity = func.coalesce(func.nullif(table.c.severity_text, ""), named)
    statement = select(
        millis(table.c.time_unix_nano).label("time"),
        severity.label("severity"),
        table.c.agent_id,
        table.c.body,
        table.c.event_name,
        hexadecimal(table.c.trace_id).label("trace_id"),
        hexadecimal(table.c.span_id).label("span_id"),
    ).where(question.matches("agent", table.c.agent_id), question.matches("severity", severity))
    return page(view, question, statement, table.c.time_unix_nano, table.c.id)
