"""Deliveries to scripted sinks, for tests of what a client does on the wire."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from promethios.exporter.batch import Batch, Signal
from promethios.exporter.delivery import Delivery
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.settings import Settings

KEY = "pmk_test_0123456789"
#: Tries again at once, where a test is not about how long that takes.
AT_ONCE = RetryPolicy(initial=0.01, longest=0.02, probe=0.05)


def batch(name: str = "hello", items: int = 1) -> Batch:
    """A batch of so many spans that are named after it."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    trace_id = hashlib.sha256(name.encode()).digest()[:16]
    for number in range(1, items + 1):
        spans.add(name=name, trace_id=trace_id, span_id=number.to_bytes(8, "big"))
    return Batch.pack(Signal.TRACES, items, request.SerializeToString())


def soon() -> float:
    """A deadline that is never reached where things work."""
    return time.monotonic() + 30


@contextmanager
def delivering(endpoint: str, retry: RetryPolicy = AT_ONCE, **settings: Any) -> Iterator[Delivery]:
    """An open delivery, with nothing from the environment."""
    given: dict[str, Any] = {"endpoint": endpoint, "api_key": KEY, "timeout": 5.0, **settings}
    delivery = Delivery(Settings.load({}, **given), retry)
    try:
        yield delivery
    finally:
        delivery.close(time.monotonic())
