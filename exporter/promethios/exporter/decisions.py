"""Decisions on their way: those that matter most are on disk before whoever asked for them sees them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.batching import Batcher, weight_of_span
from promethios.exporter.cutting import VALUE_BYTES
from promethios.exporter.delivery import Delivery
from promethios.exporter.encoding import TRACES
from promethios.exporter.spans import head, write
from promethios.governance import semconv
from promethios.governance.decision import Verdict


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
    """Encodes a decision's span as a request of its own. Its resource is that of the one before it."""

    def __init__(self) -> None:
        self._head: tuple[Resource | None, bytes] = (None, b"")

    def __call__(self, span: ReadableSpan) -> bytes | None:
        """The encoded request; None where it cannot be."""
        resource, start = self._head
        if resource is not span.resource:
            start = head(span)
            self._head = span.resource, start
        request = ExportTraceServiceRequest.FromString(start)
        try:
            write(span, request.resource_spans[0].scope_spans[0].spans.add())
        except (TypeError, ValueError):
            return None
        return request.SerializeToString()
