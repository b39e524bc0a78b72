"""``/traces/{id}``: one trace, span by span."""

from __future__ import annotations

from typing import Any, Final

import orjson
from sqlalchemy import select

from promethios.governance.decision import Verdict
from promethios.receiver.api.ids import trace_key
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store import schema

_MOST_SPANS: Final = 10_000

#: The decision of a span: its id and its verdict.
Decided = tuple[str | None, str | None]


def trace(_: Services, view: View, __: Question, trace_id: str) -> dict[str, Any]:
    """Every span of a trace, by start.

    Raises:
        Refusal: The id is not one, or no span has it.
    """
    key = trace_key(trace_id)
    spans, resources, scopes = view.by_trace(schema.spans), view.of(schema.resources), view.of(schema.scopes)
    rows = view.rows(
        select(spans, resources.c.service_name, scopes.c.name.label("scope"))
        .outerjoin(resources, resources.c.id == spans.c.resource_id)
        .outerjoin(scopes, scopes.c.id == spans.c.scope_id)
        .where(spans.c.trace_id == key)
        # As it is, the time would have SQLite read all spans by their times to find those of the trace.
        .order_by(spans.c.start_unix_nano + 0, spans.c.id)
        .limit(_MOST_SPANS)
    )
    if not rows:
        raise Refusal(Kind.NOT_FOUND, f"no trace {trace_id.lower()}")
    decided = _decisions(view, key)
    return {"data": [_row(row._mapping, decided) for row in rows]}


def _decisions(view: View, trace_id: bytes) -> dict[bytes, Decided]:
    """The most severe decision by the span that it was made for."""
    table = view.by_trace(schema.decisions)
    statement = select(table.c.span_id, table.c.decision_id, table.c.verdict).where(
        table.c.trace_id == trace_id
    )
    rows = sorted(view.rows(statement), key=lambda row: Verdict(row.verdict).rank)
    return {row.span_id: (row.decision_id, row.verdict) for row in rows}


def _row(row: Any, decided: dict[bytes, Decided]) -> dict[str, Any]:
    stamped = (row["decision_id"], row["verdict"])
    decision_id, verdict = stamped if stamped[0] else decided.get(row["span_id"], stamped)
    return {
        "traceID": row["trace_id"].hex(),
        "spanID": row["span_id"].hex(),
        "parentSpanID": (row["parent_span_id"] or b"").hex(),
        "operationName": row["name"],
        "serviceName": row["service_name"] or "",
        "startTime": row["start_unix_nano"] / 1e6,
        "duration": (row["end_unix_nano"] - row["start_unix_nano"]) / 1e6,
        "statusCode": row["status_code"],
        "statusMessage": row["status_message"],
        "kind": row["kind"],
        "scope": row["scope"] or "",
        "agent_id": row["agent_id"],
        "decision_id": decision_id,
        "verdict": verdict,
        "attributes": orjson.loads(row["attributes"]),
        "events": [_event(event) for event in orjson.loads(row["events"] or "[]")],
    }


def _event(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "time": event["time"] / 1e6}
