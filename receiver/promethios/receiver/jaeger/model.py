"""Traces as Jaeger's JSON has them (`model/json` of Jaeger: times and durations are whole microseconds)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import select

from promethios.governance import semconv
from promethios.governance.decision import Verdict
from promethios.receiver.api.view import View
from promethios.receiver.jaeger.tags import KINDS, STATUSES, UNKNOWN
from promethios.receiver.store import schema

#: The most spans of one trace, where it is all that is asked for, and of all traces of an answer.
MOST_SPANS: Final = 10_000
#: The most decisions that are told of one trace.
_MOST_DECISIONS: Final = 10_000
#: Whole numbers that JavaScript has no room for are text, as Jaeger writes them.
_SAFE: Final = 2**53 - 1
_KINDS: Final = {number: name for name, number in KINDS.items()}
_STATUSES: Final = {number: name for name, number in STATUSES.items()}
_ERROR: Final = 2

Json = dict[str, Any]


def traces(view: View, keys: Sequence[bytes]) -> list[Json]:
    """These traces, in this order; what has no span that may be seen is left out."""
    most = max(1, MOST_SPANS // max(1, len(keys)))
    return [found for key in keys if (found := _trace(view, key, most)) is not None]


def _trace(view: View, key: bytes, most: int) -> Json | None:
    rows = _spans(view, key, most + 1)
    if not rows:
        return None
    decided = _decisions(view, key)
    processes: dict[int, str] = {}
    spans = [_span(row, decided.get(row.span_id, ()), processes) for row in rows[:most]]
    cut = f"this trace has more than {most} spans: the first {most} are shown"
    return {
        "traceID": key.hex(),
        "spans": spans,
        "processes": _processes(view, processes),
        "warnings": [cut] if len(rows) > most else None,
    }


def _spans(view: View, key: bytes, most: int) -> Sequence[Any]:
    spans, scopes = view.by_trace(schema.spans), view.eyes.of_everyone(schema.scopes)
    return view.rows(
        select(spans, scopes.c.name.label("scope"), scopes.c.version.label("scope_version"))
        .outerjoin(scopes, scopes.c.id == spans.c.scope_id)
        .where(spans.c.trace_id == key)
        # As it is, the time would have SQLite read all spans by their times to find those of the trace.
        .order_by(spans.c.start_unix_nano + 0, spans.c.id)
        .limit(most)
    )


def _decisions(view: View, key: bytes) -> Mapping[bytes, list[Any]]:
    """What was decided in a trace, by the span that it was about; the most severe last."""
    table = view.by_trace(schema.decisions)
    rows = view.rows(select(table).where(table.c.trace_id == key).limit(_MOST_DECISIONS))
    found: dict[bytes, list[Any]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (Verdict(row.verdict).rank, row.id)):
        found[row.span_id].append(row)
    return found


def _processes(view: View, names: Mapping[int, str]) -> Json:
    """The resources of the spans, by what each is called in this trace."""
    table = view.eyes.of_everyone(schema.resources)
    rows = {row.id: row for row in view.rows(select(table).where(table.c.id.in_(names)))}
    return {name: _process(rows.get(resource_id)) for resource_id, name in names.items()}


def _process(row: Any) -> Json:
    if row is None:
        return {"serviceName": UNKNOWN, "tags": []}
    attributes = orjson.loads(row.attributes)
    attributes.pop(semconv.SERVICE_NAME, None)
    return {"serviceName": row.service_name or UNKNOWN, "tags": _tags(attributes)}


def _span(row: Any, decided: Sequence[Any], processes: dict[int, str]) -> Json:
    took = row.end_unix_nano - row.start_unix_nano
    attributes = orjson.loads(row.attributes)
    return {
        "traceID": row.trace_id.hex(),
        "spanID": row.span_id.hex(),
        "flags": row.flags,
        "operationName": row.name,
        "references": _references(row),
        "startTime": row.start_unix_nano // 1_000,
        "duration": max(0, took) // 1_000,
        "tags": _tags({**attributes, **_stamped(attributes, decided), **_told(row)}),
        "logs": _logs(row, decided),
        "processID": processes.setdefault(row.resource_id, f"p{len(processes) + 1}"),
        "warnings": ["it ends before it begins"] if took < 0 else None,
    }


def _references(row: Any) -> list[Json]:
    """The parent, and what the span links to."""
    found = []
    if row.parent_span_id:
        found.append(_reference("CHILD_OF", row.trace_id.hex(), row.parent_span_id.hex()))
    links = orjson.loads(row.links or "[]")
    return found + [_reference("FOLLOWS_FROM", link["trace_id"], link["span_id"]) for link in links]


def _reference(kind: str, trace_id: str, span_id: str) -> Json:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


def _stamped(attributes: Json, decided: Sequence[Any]) -> Json:
    """The most severe decision about a span, where none is stamped on it."""
    if not decided or semconv.DECISION_ID in attributes:
        return {}
    latest = decided[-1]
    return {
        semconv.DECISION_ID: latest.decision_id,
        semconv.DECISION_VERDICT: latest.verdict,
        semconv.DECISION_ENFORCED: latest.enforced,
    }


def _told(row: Any) -> Json:
    """What Jaeger has tags for, and OTLP fields."""
    found: Json = {}
    if row.kind in _KINDS:
        found["span.kind"] = _KINDS[row.kind]
    if row.status_code in (STATUSES["OK"], STATUSES["ERROR"]):
        found["otel.status_code"] = _STATUSES[row.status_code]
    if row.status_code == _ERROR:
        found["error"] = True
    texts = {
        "otel.status_description": row.status_message,
        "otel.scope.name": row.scope,
        "otel.scope.version": row.scope_version,
        "w3c.tracestate": row.trace_state,
    }
    return {**found, **{name: text for name, text in texts.items() if text}}


def _logs(row: Any, decided: Sequence[Any]) -> list[Json]:
    """The span's events, and the decisions about it, by time."""
    found = [
        _log(event["time"], {"event": event["name"], **event["attributes"]})
        for event in orjson.loads(row.events or "[]")
    ]
    found += [_log(decision.time_unix_nano, _decided(decision)) for decision in decided]
    return sorted(found, key=lambda log: log["timestamp"])


def _decided(decision: Any) -> Json:
    return {
        "event": semconv.DECISION_SPAN,
        semconv.DECISION_ID: decision.decision_id,
        semconv.DECISION_POINT: decision.point,
        semconv.DECISION_VERDICT: decision.verdict,
        semconv.DECISION_ENFORCED: decision.enforced,
        semconv.DECISION_MODE: decision.mode,
        "policies": decision.policies,
        "reason": decision.reason,
    }


def _log(nanoseconds: int, fields: Json) -> Json:
    return {"timestamp": nanoseconds // 1_000, "fields": _tags(fields)}


def _tags(attributes: Json) -> list[Json]:
    return [{"key": key, **_typed(value)} for key, value in attributes.items()]


def _typed(value: Any) -> Json:
    if isinstance(value, bool):
        return {"type": "bool", "value": value}
    if isinstance(value, int):
        return {"type": "int64", "value": value if abs(value) <= _SAFE else str(value)}
    if isinstance(value, float):
        return {"type": "float64", "value": value}
    if isinstance(value, str):
        return {"type": "string", "value": value}
    return {"type": "string", "value": orjson.dumps(value).decode()}
