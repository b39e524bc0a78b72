"""A scripted receiver, and small deliveries to it that retry at once."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from promethios.exporter.batch import Batch, Signal
from promethios.exporter.delivery import Delivery
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.settings import ENVIRONMENT, Settings
from promethios.exporter.testing import OtlpSink

AT_ONCE = RetryPolicy(initial=0.01, longest=0.02)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (name for names in ENVIRONMENT.values() for name in names):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that refuses connections until a sink listens on it, and that no other test is given."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def batch() -> Callable[..., Batch]:
    """Makes a batch of so many spans that are named after it."""

    def make(name: str = "hello", items: int = 1) -> Batch:
        request = ExportTraceServiceRequest()
        spans = request.resource_spans.add().scope_spans.add().spans
        for number in range(items):
            spans.add(name=name, trace_id=bytes(15) + b"\1", span_id=number.to_bytes(8, "big"))
        return Batch.pack(Signal.TRACES, items, request.SerializeToString())

    return make


@pytest.fixture
def deliver(sink: OtlpSink) -> Iterator[Callable[..., Delivery]]:
    """Opens deliveries to the sink, and closes them in the end."""
    opened: list[Delivery] = []

    def open_delivery(**settings: Any) -> Delivery:
        given = {"endpoint": sink.url, "api_key": "pmk_test_key", "timeout": 5.0, **settings}
        opened.append(Delivery(Settings.load(**given), AT_ONCE))
        return opened[-1]

    yield open_delivery
    for delivery in opened:
        delivery.close(time.monotonic())


@pytest.fixture
def soon() -> Callable[[], float]:
    """A deadline that is never reached where things work."""
    return lambda: time.monotonic() + 20
