"""Every way that content gets into a span, and values that nobody expects there."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, StatusCode
from tests.support.governed import CARD, POLICIES, MakeTraced, Traced

from promethios.governance import GovernanceSpanProcessor, Governor
from promethios.governance.policies import parse_bundle

OTHER = SpanContext(1, 1, is_remote=False)
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
DIGITS = int(CARD.replace(" ", ""))


class Pair(NamedTuple):
    card: str
    number: int


class HostileMap(dict[str, str]):
    def items(self) -> Any:
        raise RuntimeError("no")


def nested(depth: int) -> Any:
    value: Any = CARD
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "write",
    [
        lambda span: span.update_name(f"pay {CARD}"),
        lambda span: span.add_event(f"paid {CARD}"),
        lambda span: span.add_link(OTHER, {"text": CARD}),
        lambda span: span.set_attribute("x", CARD.encode()),
        lambda span: span.set_attribute("x", DIGITS),
        lambda span: span.set_attribute("x", Pair(CARD, 1)),
        lambda span: span.set_attribute("x", {CARD: 1}),
        lambda span: span.set_attribute("x", nested(40)),
        lambda span: span.set_attributes({f"card {CARD}": 1}),
        lambda span: span.set_status(StatusCode.ERROR, ValueError(CARD)),
    ],
    ids=[
        "name", "event name", "link", "bytes", "number", "named tuple", "key", "deep", "attribute's name",
        "status that is no text",
    ],
)  # fmt: skip
def test_content_in_odd_places_is_redacted(traced: Traced, write: Any) -> None:
    span = traced.provider.get_tracer("acme").start_span("work")
    write(span)
    span.end()
    (ended,) = traced.exporter.get_finished_spans()
    everything = f"{ended.name} {ended.attributes} {ended.status.description} {ended.events} {ended.links}"
    shown = [
        *(dict(e.attributes or {}) for e in ended.events),
        *(dict(k.attributes or {}) for k in ended.links),
    ]
    assert " 1111" not in f"{everything} {shown} {[event.name for event in ended.events]}"


@pytest.mark.parametrize(
    "write",
    [
        lambda span: span.set_attribute("x", HostileMap(a=CARD)),
        lambda span: span.add_event("x", HostileMap(a=CARD)),
        lambda span: span.add_link(OTHER, HostileMap(a=CARD)),
    ],
    ids=["attribute", "event", "link"],
)
def test_g07_a_hostile_map_on_an_operations_span_neither_raises_nor_shows(traced: Traced, write: Any) -> None:
    span = traced.provider.get_tracer("acme").start_span("chat", attributes=CHAT)
    write(span)
    span.end()
    (ended,) = traced.spans("chat")
    assert " 1111" not in f"{ended.attributes} {[e.attributes for e in ended.events]}"
    assert "[REDACTED:unreadable]" in str(
        [ended.attributes, *(dict(part.attributes or {}) for part in (*ended.events, *ended.links))]
    )


def test_every_processor_sees_an_ended_span_redacted_in_whatever_order(governor: Governor) -> None:
    traced = Traced(TracerProvider())
    traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
    traced.provider.add_span_processor(GovernanceSpanProcessor(governor))
    traced.provider.get_tracer("acme").start_span("work", attributes={"x": CARD}).end()
    assert traced.spans("work")[0].attributes["x"] == "[REDACTED:pii.card]"
    traced.provider.shutdown()


def test_what_was_clean_is_looked_at_again_by_other_policies(traced: Traced, governor: Governor) -> None:
    tracer = traced.provider.get_tracer("acme")
    tracer.start_span("first", attributes={"x": "ann@example.com"}).end()
    governor.use(parse_bundle(POLICIES.replace('any: ["pii.card"]', 'any: ["pii.email"]')))
    tracer.start_span("second", attributes={"x": "ann@example.com"}).end()
    assert traced.spans("first")[0].attributes["x"] == "ann@example.com"
    assert traced.spans("second")[0].attributes["x"] == "[REDACTED:pii.email]"


@pytest.mark.parametrize("pattern", ["^EMP-[0-9]{6}$", r"\\AEMP-[0-9]{6}\\z"])
def test_a_detector_for_whole_values_redacts_a_value_among_others(pattern: str) -> None:
    detectors = f'detectors: [{{id: custom.employee, pattern: "{pattern}"}}]'
    policies = POLICIES.replace("  policies:\n", f"  {detectors}\n  policies:\n").replace(
        'any: ["pii.card"]', 'any: ["custom.employee"]'
    )
    traced = Traced(TracerProvider())
    traced.provider.add_span_processor(GovernanceSpanProcessor(Governor.from_text(policies)))
    traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
    traced.provider.get_tracer("acme").start_span("work", attributes={"a": "x", "b": "EMP-123456"}).end()
    assert traced.spans("work")[0].attributes["b"] == "[REDACTED:custom.employee]"
    traced.provider.shutdown()


def test_an_escape_does_not_hide_content_in_json(traced: Traced) -> None:
    hidden = '{"card": "\\u0034111 1111 1111 1111"}'
    traced.provider.get_tracer("acme").start_span("work", attributes={"x": hidden}).end()
    assert traced.spans("work")[0].attributes["x"] == '{"card": "[REDACTED:pii.card]"}'


def test_what_was_dropped_is_still_counted_after_redaction(traced_with: MakeTraced) -> None:
    traced = traced_with(span_limits=SpanLimits(max_event_attributes=1, max_events=1))
    span = traced.provider.get_tracer("acme").start_span("work")
    span.add_event("first")
    span.add_event("second", {"a": 1, "b": CARD})
    span.end()
    (ended,) = traced.spans("work")
    assert (ended.dropped_events, ended.events[0].dropped_attributes) == (1, 1)
    assert dict(ended.events[0].attributes or {}) == {"b": "[REDACTED:pii.card]"}


def test_what_a_span_is_started_with_is_redacted(traced: Traced) -> None:
    tracer = traced.provider.get_tracer("acme")
    tracer.start_span(f"pay {CARD}", links=[Link(OTHER, {"text": CARD, "n": 1})]).end()
    (ended,) = traced.exporter.get_finished_spans()
    assert ended.name == "pay [REDACTED:pii.card]"
    assert dict(ended.links[0].attributes or {}) == {"text": "[REDACTED:pii.card]", "n": 1}


def test_the_redactions_of_two_governors_are_both_made() -> None:
    traced = Traced(TracerProvider())
    for detector in ("pii.card", "pii.email"):
        policies = POLICIES.replace('any: ["pii.card"]', f'any: ["{detector}"]')
        traced.provider.add_span_processor(GovernanceSpanProcessor(Governor.from_text(policies)))
    traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
    span = traced.provider.get_tracer("acme").start_span("work")
    span.set_attribute("x", f"{CARD} of ann@example.com")
    span.end()
    assert traced.spans("work")[0].attributes["x"] == "[REDACTED:pii.card] of [REDACTED:pii.email]"
    traced.provider.shutdown()
