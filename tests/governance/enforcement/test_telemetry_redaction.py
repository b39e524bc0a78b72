"""Every way that content gets into a span, and values that nobody expects there."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanContext, StatusCode
from tests.support.governed import CARD, POLICIES, Traced

from promethios.governance import GovernanceSpanProcessor, Governor

OTHER = SpanContext(1, 1, is_remote=False)
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
        lambda span: span.set_attribute("x", HostileMap(a=CARD)),
        lambda span: span.add_event("x", HostileMap(a=CARD)),
    ],
    ids=[
        "name", "event name", "link", "bytes", "number", "named tuple", "key", "deep", "attribute's name",
        "status that is no text", "hostile attribute", "hostile event",
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
    assert "1111" not in f"{everything} {shown} {[event.name for event in ended.events]}"


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
