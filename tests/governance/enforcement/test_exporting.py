"""Exporters that redact: the last line, for what went past the processors."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, StatusCode
from tests.support.governed import CARD, Traced

from promethios.governance import Governor
from promethios.governance.enforcement.exporting import RedactingLogExporter, RedactingSpanExporter

OTHER = SpanContext(1, 1, is_remote=False)


@pytest.fixture
def traced(governor: Governor) -> Traced:
    """A provider that nobody governs, and an exporter that redacts."""
    traced = Traced(TracerProvider())
    exporter = RedactingSpanExporter(traced.exporter, governor)
    traced.provider.add_span_processor(SimpleSpanProcessor(exporter))
    return traced


def shown(span: ReadableSpan) -> str:
    parts = [*span.events, *span.links]
    return f"{span.to_json()} {[dict(part.attributes or {}) for part in parts]}"


def test_every_place_of_a_span_is_redacted(traced: Traced) -> None:
    span = traced.provider.get_tracer("any").start_span(f"pay {CARD}", links=[Link(OTHER, {"text": CARD})])
    span.set_attributes({"text": CARD, "texts": ["a", CARD], f"card {CARD}": 1})
    span.add_event(f"paid {CARD}", {"text": CARD})
    span.set_status(StatusCode.ERROR, f"failed on {CARD}")
    span.end()
    (exported,) = traced.exporter.get_finished_spans()
    assert " 1111" not in shown(exported)
    assert exported.name == "pay [REDACTED:pii.card]"


def test_what_others_hold_of_a_span_stays_as_it_was(governor: Governor) -> None:
    plain = InMemorySpanExporter()
    traced = Traced(TracerProvider())
    traced.provider.add_span_processor(SimpleSpanProcessor(RedactingSpanExporter(traced.exporter, governor)))
    traced.provider.add_span_processor(SimpleSpanProcessor(plain))
    traced.provider.get_tracer("any").start_span("work", attributes={"text": CARD}).end()
    assert dict(plain.get_finished_spans()[0].attributes or {}) == {"text": CARD}


def test_a_clean_span_is_the_very_same(governor: Governor) -> None:
    seen: list[ReadableSpan] = []

    class Remember(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.append(span)

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(Remember())
    provider.add_span_processor(SimpleSpanProcessor(RedactingSpanExporter(exporter, governor)))
    provider.get_tracer("any").start_span("work", attributes={"text": "nothing"}).end()
    assert exporter.get_finished_spans()[0] is seen[0]


def test_a_span_that_cannot_be_read_is_withheld_and_not_dropped(
    governor: Governor, caplog: pytest.LogCaptureFixture
) -> None:
    class Hostile(dict[str, Any]):
        def keys(self) -> Any:
            raise RuntimeError("no")

    exporter = InMemorySpanExporter()
    span = ReadableSpan(name=CARD, context=OTHER, attributes=Hostile(a=CARD))
    RedactingSpanExporter(exporter, governor).export([span])
    (exported,) = exporter.get_finished_spans()
    assert (exported.name, dict(exported.attributes or {})) == (
        "[REDACTED:unreadable]",
        {"[REDACTED:unreadable]": True},
    )
    assert "cannot redact a span" in caplog.text


def test_log_records_are_redacted_in_a_copy(governor: Governor) -> None:
    exporter, plain = InMemoryLogRecordExporter(), InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(RedactingLogExporter(exporter, governor)))
    provider.add_log_record_processor(SimpleLogRecordProcessor(plain))
    provider.get_logger("any").emit(LogRecord(body={"text": CARD}, attributes={"card": CARD, "n": 1}))
    record = exporter.get_finished_logs()[0].log_record
    assert record.body == {"text": "[REDACTED:pii.card]"}
    assert dict(record.attributes or {}) == {"card": "[REDACTED:pii.card]", "n": 1}
    assert plain.get_finished_logs()[0].log_record.body == {"text": CARD}
    provider.shutdown()
