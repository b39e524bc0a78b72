"""Which spans are calls of a model or a tool, and which of these a decision was made for."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, FromClause, and_, exists, or_

from promethios.governance import semconv
from promethios.receiver.ingest.normalise import CALLS

#: The operation that calls a tool; all other `CALLS` are of models.
TOOL: Final = "execute_tool"


def is_call(spans: FromClause) -> ColumnElement[bool]:
    """A span of a model or tool call; not the governance span, which names the operation that it decided."""
    return and_(spans.c.operation.in_(CALLS), spans.c.name != semconv.DECISION_SPAN)


def is_governed(spans: FromClause, decisions: FromClause) -> ColumnElement[bool]:
    """A decision is stamped on the span, or names it."""
    decided = exists().where(
        decisions.c.tenant_id == spans.c.tenant_id,
        decisions.c.trace_id == spans.c.trace_id,
        decisions.c.span_id == spans.c.span_id,
    )
    return or_(spans.c.decision_id.is_not(None), decided)


def uses_tokens(spans: FromClause) -> ColumnElement[bool]:
    """Spans whose tokens count: an agent's span and a governance span repeat what model calls used."""
    counts = or_(spans.c.operation.is_(None), spans.c.operation.in_(CALLS))
    return and_(counts, spans.c.name != semconv.DECISION_SPAN)
