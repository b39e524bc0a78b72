"""Spans as rows."""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from promethios.governance import semconv
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.decisions import add_decision
from promethios.receiver.ingest.dialects import MARKERS, add_others_of_span
from promethios.receiver.ingest.envelope import with_resource, with_scope
from promethios.receiver.ingest.normalise import genai_of
from promethios.receiver.ingest.values import ItemError, attributes_of, int64, json_text, text_hash

MOST_EVENTS: Final = 1_024
MOST_LINKS: Final = 1_024
_DECISION: Final = (semconv.DECISION_ID, semconv.DECISION_VERDICT, semconv.DECISION_ENFORCED)
_DECIDED: Final = frozenset(_DECISION)
_UNDECIDED: Final = (None,) * len(_DECISION)
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
#: Parent, resource, scope, start and end; kind, status and flags.
_NUMBERS: Final = Struct("<8s4q2iI").pack


def add_spans(batch: Batch, origin: Origin, request: ExportTraceServiceRequest) -> None:
    """Add every span of a request to `batch`, or refuse it there."""
    for resource_spans in request.resource_spans:
        try:
            here = with_resource(batch, origin, resource_spans.resource)
        except ItemError as error:
            for scope_spans in resource_spans.scope_spans:
                _reject_all(batch, scope_spans.spans, f"its resource has {error}")
            continue
        for scope_spans in resource_spans.scope_spans:
            try:
                there = with_scope(batch, here, scope_spans.scope)
            except ItemError as error:
                _reject_all(batch, scope_spans.spans, f"its scope has {error}")
                continue
            for span in scope_spans.spans:
                _add_span(batch, there, span)


def _reject_all(batch: Batch, spans: Any, reason: str) -> None:
    for span in spans:
        batch.reject(f"span {span.name[:60]!r}", reason)


def _add_span(batch: Batch, origin: Origin, span: Span) -> None:
    try:
        attributes = attributes_of(span.attributes)
        row = _row(batch, origin, span, attributes)
    except ItemError as error:
        batch.reject(f"span {span.name[:60]!r}", error)
        return
    batch.add("spans", row)
    if span.name == semconv.DECISION_SPAN:
        add_decision(batch, origin, span, attributes)
    elif span.events or not MARKERS.isdisjoint(attributes):
        add_others_of_span(batch, origin, span, attributes)


def _row(batch: Batch, origin: Origin, span: Span, attributes: dict[str, Any]) -> tuple[Any, ...]:
    trace_id, span_id, parent = _ids(span)
    start = int64(span.start_time_unix_nano, "the start time")
    end = int64(span.end_time_unix_nano, "the end time")
    name, kind, state, flags, status = span.name, span.kind, span.trace_state, span.flags, span.status
    code, message = status.code, status.message
    told, events, links = json_text(attributes), _events(span), _links(span)
    happened, linked = events or "", links or ""
    # Over what the span says, and not over what is read from it: that may be read better one day.
    content_hash = text_hash(
        _NUMBERS(parent, origin.resource_id, origin.scope_id, start, end, kind, code, flags),
        f"{len(name)} {len(message)} {len(state)} {len(told)} {len(happened)} {len(linked)}",
        f"{name}{message}{state}{told}{happened}{linked}",
    )
    return (
        origin.tenant_id,
        trace_id,
        span_id,
        parent or None,
        origin.resource_id,
        origin.scope_id,
        name,
        kind,
        start,
        end,
        code,
        message,
        state,
        flags,
        batch.agent(origin, attributes, end),
        *genai_of(attributes),
        *_decided(attributes),
        told,
        events,
        links,
        content_hash,
    )


def _ids(span: Span) -> tuple[bytes, bytes, bytes]:
    """Trace, span and parent id, as long as the protocol says and not all zero; a root's parent is empty."""
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        raise ItemError(f"its trace id must be 16 bytes, not all zero, and has {len(trace_id)}")
    if len(span_id) != 8 or span_id == _NO_SPAN:
        raise ItemError(f"its span id must be 8 bytes, not all zero, and has {len(span_id)}")
    if len(parent) not in (0, 8):
        raise ItemError(f"its parent span id must be 0 or 8 bytes and has {len(parent)}")
    return trace_id, span_id, parent


def _decided(attributes: dict[str, Any]) -> tuple[str | None, ...]:
    """The decision's id, and what it was: told on the span itself, and on the operation's."""
    if _DECIDED.isdisjoint(attributes):
        return _UNDECIDED
    told = map(attributes.get, _DECISION)
    return tuple(value if isinstance(value, str) else None for value in told)


def _events(span: Span) -> str | None:
    if not span.events:
        return None
    if len(span.events) > MOST_EVENTS:
        raise ItemError(f"more than {MOST_EVENTS} events")
    return json_text(
        [
            {
                "time": int64(event.time_unix_nano, "an event's time"),
                "name": event.name,
                "attributes": attributes_of(event.attributes),
            }
            for event in span.events
        ]
    )


def _links(span: Span) -> str | None:
    if not span.links:
        return None
    if len(span.links) > MOST_LINKS:
        raise ItemError(f"more than {MOST_LINKS} links")
    return json_text(
        [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "trace_state": link.trace_state,
                "attributes": attributes_of(link.attributes),
            }
            for link in span.links
        ]
    )
