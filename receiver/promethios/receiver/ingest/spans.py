"""Spans as rows."""

from __future__ import annotations

from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from promethios.governance import semconv
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.decisions import add_decision
from promethios.receiver.ingest.dialects import MARKERS, add_others_of_span
from promethios.receiver.ingest.envelope import with_resource, with_scope
from promethios.receiver.ingest.normalise import genai_of
from promethios.receiver.ingest.values import ItemError, attributes_of, content_hash, int64, json_text

MOST_EVENTS: Final = 1_024
MOST_LINKS: Final = 1_024
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


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
        _check_ids(span)
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
    start = int64(span.start_time_unix_nano, "the start time")
    end = int64(span.end_time_unix_nano, "the end time")
    row = (
        origin.tenant_id,
        span.trace_id,
        span.span_id,
        span.parent_span_id or None,
        origin.resource_id,
        origin.scope_id,
        span.name,
        span.kind,
        start,
        end,
        span.status.code,
        span.status.message,
        span.trace_state,
        span.flags,
        batch.agent(origin, attributes, end),
        *genai_of(attributes),
        _text(attributes, semconv.DECISION_ID),
        _text(attributes, semconv.DECISION_VERDICT),
        _text(attributes, semconv.DECISION_ENFORCED),
        json_text(attributes),
        _events(span),
        _links(span),
    )
    return (*row, content_hash(row))


def _check_ids(span: Span) -> None:
    """Ids have the lengths that the protocol says, and are not all zero."""
    if len(span.trace_id) != 16 or span.trace_id == _NO_TRACE:
        raise ItemError(f"its trace id must be 16 bytes, not all zero, and has {len(span.trace_id)}")
    if len(span.span_id) != 8 or span.span_id == _NO_SPAN:
        raise ItemError(f"its span id must be 8 bytes, not all zero, and has {len(span.span_id)}")
    if len(span.parent_span_id) not in (0, 8):
        raise ItemError(f"its parent span id must be 0 or 8 bytes and has {len(span.parent_span_id)}")


def _text(attributes: dict[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None


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
