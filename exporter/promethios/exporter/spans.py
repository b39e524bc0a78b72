"""Spans as OTLP, in less than half of the time that OpenTelemetry's own encoder takes, and politely.

While it works, an application's threads wait: only one thread runs Python at a time, and one that does not
stop by itself keeps the others waiting for 5 ms (`sys.getswitchinterval`). So it stops after a few spans.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind

#: After how many spans others may run, and for how long, in seconds: time enough for a thread to wake up.
_AT_A_TIME: Final = 8
_PAUSE: Final = 50e-6
#: A batch that is full says that more comes than goes: then memory matters more than others' time.
_MANY: Final = 512

#: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
_KNOWS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
_KINDS: Final = {
    SpanKind.INTERNAL: Span.SPAN_KIND_INTERNAL,
    SpanKind.SERVER: Span.SPAN_KIND_SERVER,
    SpanKind.CLIENT: Span.SPAN_KIND_CLIENT,
    SpanKind.PRODUCER: Span.SPAN_KIND_PRODUCER,
    SpanKind.CONSUMER: Span.SPAN_KIND_CONSUMER,
}


def encode(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """The request with `spans`, each below its resource and scope.

    An attribute that OTLP has no value for is left out, and counted as dropped in its span.

    Raises:
        ValueError: A span has something else that cannot be encoded, such as half a character in its name.
        TypeError: So has one.
    """
    request = ExportTraceServiceRequest()
    resources: dict[int, ResourceSpans] = {}
    scopes: dict[tuple[int, int], ScopeSpans] = {}
    for number, span in enumerate(spans, start=1):
        place = id(span.resource), id(span.instrumentation_scope)
        if (scope := scopes.get(place)) is None:
            scope = scopes[place] = _add_scope(request, resources, span)
        write(span, scope.spans.add())
        if number % _AT_A_TIME == 0 and len(spans) < _MANY:
            time.sleep(_PAUSE)
    return request


def head(span: ReadableSpan) -> bytes:
    """The encoded request with the resource and the scope of `span`, and without a span."""
    request = ExportTraceServiceRequest()
    _add_scope(request, {}, span)
    return request.SerializeToString()


def write(span: ReadableSpan, target: Span) -> None:
    """Write `span` into an empty message."""
    context = span.context
    if context is None:
        raise ValueError("a span without a context")
    target.trace_id = context.trace_id.to_bytes(16, "big")
    target.span_id = context.span_id.to_bytes(8, "big")
    if context.trace_state:
        target.trace_state = ",".join([f"{key}={value}" for key, value in context.trace_state.items()])
    if span.parent:
        target.parent_span_id = span.parent.span_id.to_bytes(8, "big")
    target.flags = _flags(span.parent)
    target.name = span.name
    target.kind = _KINDS[span.kind]
    target.start_time_unix_nano = span.start_time or 0
    target.end_time_unix_nano = span.end_time or 0
    target.dropped_attributes_count = span.dropped_attributes + _put(target.attributes, span._attributes)
    target.dropped_events_count = span.dropped_events
    target.dropped_links_count = span.dropped_links
    for event in span.events:
        _write_event(event, target.events.add())
    for link in span.links:
        _write_link(link, target.links.add())
    target.status.SetInParent()
    if not span.status.is_unset:
        target.status.code = cast(Any, span.status.status_code.value)
        target.status.message = span.status.description or ""


def _add_scope(
    request: ExportTraceServiceRequest, resources: dict[int, ResourceSpans], span: ReadableSpan
) -> ScopeSpans:
    resource = resources.get(id(span.resource))
    if resource is None:
        resource = resources[id(span.resource)] = request.resource_spans.add()
        resource.resource.SetInParent()
        resource.schema_url = span.resource.schema_url
        _put(resource.resource.attributes, span.resource.attributes)
    added = resource.scope_spans.add()
    added.scope.SetInParent()
    if scope := span.instrumentation_scope:
        added.scope.name = scope.name
        added.scope.version = scope.version or ""
        added.schema_url = scope.schema_url or ""
        _put(added.scope.attributes, scope.attributes)
    return added


def _write_event(event: Event, target: Span.Event) -> None:
    target.name = event.name
    target.time_unix_nano = event.timestamp
    target.dropped_attributes_count = event.dropped_attributes + _put(target.attributes, event.attributes)


def _write_link(link: Link, target: Span.Link) -> None:
    target.trace_id = link.context.trace_id.to_bytes(16, "big")
    target.span_id = link.context.span_id.to_bytes(8, "big")
    target.flags = _flags(link.context)
    target.dropped_attributes_count = link.dropped_attributes + _put(target.attributes, link.attributes)


def _flags(context: SpanContext | None) -> Any:
    return _KNOWS_REMOTE | (_IS_REMOTE if context and context.is_remote else 0)


def _put(target: Any, attributes: Mapping[str, Any] | None) -> int:
    """Add attributes to a message; returns how many could not be."""
    left_out = 0
    # Those of the SDK are read past its lock and its copies: what they belong to has ended.
    for name, value in (getattr(attributes, "_dict", attributes) or {}).items():
        try:
            (_PUT.get(type(value)) or _put_value)(target.add(key=name).value, value)
        except (TypeError, ValueError):
            left_out += 1
            if len(target) and target[-1].key == name:
                del target[-1]
    return left_out


def _put_value(target: Any, value: Any) -> None:
    put = _PUT.get(type(value))
    if put is None:
        # Of a type that is made of one that OTLP has, such as an enumeration's.
        put = next((put for kind, put in _PUT.items() if isinstance(value, kind)), None)
    if put is not None:
        put(target, value)
    elif isinstance(value, Sequence):
        _put_list(target, value)
    elif isinstance(value, Mapping):
        _put_map(target, value)
    else:
        raise TypeError(f"OTLP has no value for a {type(value).__name__}")


def _put_text(target: Any, value: str) -> None:
    target.string_value = value


def _put_bool(target: Any, value: bool) -> None:
    target.bool_value = value


def _put_int(target: Any, value: int) -> None:
    target.int_value = value


def _put_float(target: Any, value: float) -> None:
    target.double_value = value


def _put_bytes(target: Any, value: bytes) -> None:
    target.bytes_value = value


def _put_list(target: Any, value: Sequence[Any]) -> None:
    target.array_value.SetInParent()
    for each in value:
        _put_value(target.array_value.values.add(), each)


def _put_map(target: Any, value: Mapping[str, Any]) -> None:
    target.kvlist_value.SetInParent()
    for key, each in value.items():
        _put_value(target.kvlist_value.values.add(key=str(key)).value, each)


def _put_nothing(target: Any, value: None) -> None:
    """OTLP's empty value, which is there."""
    target.SetInParent()


_PUT: Final[dict[type, Callable[[Any, Any], None]]] = {
    str: _put_text,
    bool: _put_bool,
    int: _put_int,
    float: _put_float,
    bytes: _put_bytes,
    tuple: _put_list,
    list: _put_list,
    dict: _put_map,
    type(None): _put_nothing,
}
