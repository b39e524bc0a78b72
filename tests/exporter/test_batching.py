"""The queue between an application and its exporter: bounded in items and in bytes, and never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from promethios.exporter import DropReason
from promethios.exporter.batching import (
    LARGEST_BYTES,
    LARGEST_QUEUE,
    Batcher,
    LogBatches,
    SpanBatches,
    weight_of_span,
)

MIB = 1024 * 1024


class _Slow:
    """An exporter that is held until it is let go, and what is dropped meanwhile."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.exported = 0
        self.dropped: dict[DropReason, int] = {}

    def export(self, items: Sequence[object]) -> None:
        self.entered.set()
        self.gate.wait(60)
        self.exported += len(items)

    def drop(self, items: int, reason: DropReason) -> None:
        if items:
            self.dropped[reason] = self.dropped.get(reason, 0) + items


@pytest.fixture
def slow() -> Iterator[_Slow]:
    slow = _Slow()
    yield slow
    slow.gate.set()


def _span(**attributes: object) -> ReadableSpan:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s", attributes=attributes)  # type: ignore[arg-type]
    span.end()
    assert isinstance(span, ReadableSpan)
    return span


def test_G01_a_queue_that_is_full_of_large_spans_drops_and_counts(slow: _Slow) -> None:
    batches = SpanBatches(slow.export, slow.drop)
    large = _span(text="x" * MIB)
    for _ in range(100):
        batches.on_end(large)
    slow.gate.set()
    batches.shutdown()
    assert slow.exported + slow.dropped[DropReason.QUEUE_FULL] == 100
    assert 100 - slow.dropped[DropReason.QUEUE_FULL] <= 2 * LARGEST_BYTES // MIB


def test_G01_a_queue_that_is_full_of_spans_drops_and_counts(slow: _Slow) -> None:
    batches = SpanBatches(slow.export, slow.drop)
    small = _span()
    for _ in range(LARGEST_QUEUE * 2):
        batches.on_end(small)
    slow.gate.set()
    batches.shutdown()
    assert slow.exported + slow.dropped[DropReason.QUEUE_FULL] == LARGEST_QUEUE * 2
    assert slow.dropped[DropReason.QUEUE_FULL] >= LARGEST_QUEUE - 512


def test_a_queue_that_was_full_takes_again_what_comes_later(slow: _Slow) -> None:
    batches = SpanBatches(slow.export, slow.drop)
    large = _span(text="x" * MIB)
    for _ in range(100):
        batches.on_end(large)
    slow.gate.set()
    assert batches.force_flush(20_000)
    before, dropped = slow.exported, dict(slow.dropped)
    batches.on_end(large)
    assert batches.force_flush(20_000)
    assert (slow.exported, slow.dropped) == (before + 1, dropped)
    batches.shutdown()


def test_texts_in_lists_and_bodies_have_their_weight_too(slow: _Slow) -> None:
    assert weight_of_span(_span(texts=("x" * MIB, "y" * MIB))) > 2 * MIB
    provider = LoggerProvider(shutdown_on_exit=False)
    batches = LogBatches(slow.export, slow.drop)
    provider.add_log_record_processor(batches)
    for _ in range(100):
        provider.get_logger("t").emit(body={"messages": [{"content": "x" * MIB}]})
    slow.gate.set()
    batches.shutdown()
    assert slow.exported + slow.dropped[DropReason.QUEUE_FULL] == 100


def test_an_exporter_that_raises_costs_its_batch_and_nothing_else(slow: _Slow) -> None:
    def fail(items: Sequence[object]) -> None:
        raise RuntimeError("no")

    batcher = Batcher[int](fail, slow.drop, lambda _: 1)
    batcher.add(1)
    assert batcher.flush(time.monotonic() + 20)
    assert slow.dropped == {DropReason.NOT_ENCODED: 1}
    batcher.close(time.monotonic() + 20)


def test_closing_counts_what_an_exporter_that_hangs_leaves_behind(slow: _Slow) -> None:
    batcher = Batcher[int](slow.export, slow.drop, lambda _: 1)
    batcher.add(1)
    assert slow.entered.wait(20)
    batcher.add(2)
    batcher.close(time.monotonic() + 0.05)
    assert slow.dropped == {DropReason.SHUTDOWN: 1}
    batcher.add(3)
    assert slow.dropped == {DropReason.SHUTDOWN: 2}
