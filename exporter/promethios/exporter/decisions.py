"""Decisions on their way: those that matter most are on disk before whoever asked for them sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.batching import Batcher, weight_of_span
from promethios.exporter.cutting import VALUE_BYTES
from promethios.exporter.delivery import Delivery
from promethios.exporter.encoding import TRACES
from promethios.governance import semconv
from promethios.governance.decision import Verdict

#: https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
_KNOWS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200


class DecisionBatches(SpanProcessor):
    """Hands the spans of decisions to a delivery, in the lane that is sent first and dropped last.

    Those that are durable (the setting `durable_decisions`) are in the spool when `on_end` returns; the
    others are collected like any span.

    Args:
        delivery: Where to.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._all = delivery.settings.durable_decisions == "all"
        self._spooled = delivery.settings.spool_dir is not None
        self._encode = _SpanEncoder()
        self._batcher = Batcher(self._export, delivery.drop, weight_of_span)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the decision at once, or queue it."""
        if self._spooled and self._durable(span.attributes or {}):
            self._keep(span)
        else:
            self._batcher.add(span)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Hand over what is queued."""
        return self._batcher.flush(time.monotonic() + timeout_millis / 1000)

    def shutdown(self) -> None:
        """Hand over what is queued, and take no more."""
        self._batcher.close(time.monotonic() + 1)

    def _durable(self, attributes: Mapping[str, Any]) -> bool:
        return self._all or attributes.get(semconv.DECISION_ENFORCED) != Verdict.ALLOW._value_

    def _keep(self, span: ReadableSpan) -> None:
        request = self._encode(span)
        if request is None or len(request) > VALUE_BYTES:
            self._export([span])
        else:
            self._delivery.submit(Batch(Signal.TRACES, 1, request, Lane.DECISIONS, packed=False))

    def _export(self, spans: Sequence[ReadableSpan]) -> None:
        limit = self._delivery.settings.max_request_bytes
        for batch in TRACES.batches(spans, limit, self._delivery.drop, Lane.DECISIONS):
            self._delivery.submit(batch)


class _SpanEncoder:
    """Encodes a decision's span as a request of its own, in a fifth of the time that the SDK's encoder takes.

    It may, because we made the span: its attributes are flat, and its resource is that of the one before it.
    """

    def __init__(self) -> None:
        self._head: tuple[Resource | None, bytes] = (None, b"")

    def __call__(self, span: ReadableSpan) -> bytes | None:
        """The encoded request; None where the span is not of the kind that we make."""
        try:
            return self._encode(span)
        except (TypeError, ValueError, AttributeError):
            return None

    def _encode(self, span: ReadableSpan) -> bytes | None:
        if span.context is None or span.links or not span.status.is_unset:
            return None
        request = ExportTraceServiceRequest.FromString(self._start(span))
        encoded = request.resource_spans[0].scope_spans[0].spans.add()
        encoded.trace_id = span.context.trace_id.to_bytes(16, "big")
        encoded.span_id = span.context.span_id.to_bytes(8, "big")
        encoded.trace_state = span.context.trace_state.to_header()
        if span.parent:
            encoded.parent_span_id = span.parent.span_id.to_bytes(8, "big")
        remote = span.parent is not None and span.parent.is_remote
        encoded.flags = cast(Any, _KNOWS_REMOTE | (_IS_REMOTE if remote else 0))
        encoded.status.SetInParent()
        encoded.name, encoded.kind = span.name, Span.SPAN_KIND_INTERNAL
        encoded.start_time_unix_nano, encoded.end_time_unix_nano = span.start_time or 0, span.end_time or 0
        if not _put(encoded.attributes, span.attributes or {}):
            return None
        for event in span.events:
            told = encoded.events.add(name=event.name, time_unix_nano=event.timestamp)
            if not _put(told.attributes, event.attributes or {}):
                return None
        return request.SerializeToString()

    def _start(self, span: ReadableSpan) -> bytes:
        """The request with the span's resource and scope, and without the span."""
        resource, head = self._head
        if resource is not span.resource:
            request = encode_spans([span])
            del request.resource_spans[0].scope_spans[0].spans[:]
            head = request.SerializeToString()
            self._head = span.resource, head
        return head


def _put(target: Any, attributes: Mapping[str, Any]) -> bool:
    """Add attributes to a message; False where one has a value that ours never have."""
    for name, value in attributes.items():
        if (put := _PUT.get(type(value))) is None:
            return False
        put(target.add(key=name).value, value)
    return True


def _put_text(target: Any, value: str) -> None:
    target.string_value = value


def _put_bool(target: Any, value: bool) -> None:
    target.bool_value = value


def _put_int(target: Any, value: int) -> None:
    target.int_value = value


def _put_float(target: Any, value: float) -> None:
    target.double_value = value


def _put_texts(target: Any, value: tuple[str, ...]) -> None:
    for text in value:
        target.array_value.values.add(string_value=text)


_PUT: Final[dict[type, Callable[[Any, Any], None]]] = {
    str: _put_text,
    bool: _put_bool,
    int: _put_int,
    float: _put_float,
    tuple: _put_texts,
}
