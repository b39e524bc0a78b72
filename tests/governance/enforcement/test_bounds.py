"""What is too long to be looked at, and what was cut before anybody looked."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import Link, SpanContext
from tests.support.governed import CARD, MakeTraced, Traced

OTHER = SpanContext(1, 1, is_remote=False)


@pytest.mark.parametrize("length", range(20, 40))
def test_a_limit_of_the_sdk_leaves_no_half_of_what_is_redacted(traced_with: MakeTraced, length: int) -> None:
    limits = SpanLimits(max_attribute_length=length, max_span_attribute_length=length)
    traced = traced_with(span_limits=limits)
    text = f"the number is {CARD} and so on"
    span = traced.provider.get_tracer("acme").start_span("x", attributes={"a": text})
    span.set_attribute("several", [text, "short"])
    span.add_event("paid", {"a": text})
    span.add_link(OTHER, {"a": text})
    span.end()
    (ended,) = traced.spans("x")
    assert " 4111" not in ended.to_json()
    assert str((ended.attributes or {})["a"]).startswith("the number is")


def test_a_cut_text_without_anything_half_keeps_its_words(traced_with: MakeTraced) -> None:
    traced = traced_with(span_limits=SpanLimits(max_span_attribute_length=20))
    traced.provider.get_tracer("acme").start_span("x", attributes={"a": "all of it is harmless"}).end()
    assert (traced.spans("x")[0].attributes or {})["a"] == "all of it is "


@pytest.mark.parametrize("text", [f"{CARD} " * 10_000, "harmless words " * 400_000], ids=["hits", "words"])
def test_a_text_that_is_too_long_is_cut_and_says_so(traced: Traced, text: str) -> None:
    span: Any = traced.provider.get_tracer("acme").start_span("x", links=[Link(OTHER)])
    span.set_attribute("short", "kept")
    span.set_attribute("long", text)
    span.end()
    attributes: Any = traced.spans("x")[0].attributes
    assert attributes["short"] == "kept"
    assert attributes["long"].endswith("[REDACTED:too long]")
    assert " 4111" not in attributes["long"]
    assert len(attributes["long"]) < 100_000


def test_a_long_text_that_is_clean_stays_whole(traced: Traced) -> None:
    text = "harmless words " * 50_000
    attributes = {"long": text, "beside": f"pay {CARD}"}
    traced.provider.get_tracer("acme").start_span("x", attributes=attributes).end()
    assert (traced.spans("x")[0].attributes or {})["long"] == text
    assert " 4111" not in traced.everything()
