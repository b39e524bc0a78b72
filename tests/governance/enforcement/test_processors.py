"""The processor among others, and on spans that keep only a few attributes."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from opentelemetry.sdk.trace import (
    ConcurrentMultiSpanProcessor,
    SpanLimits,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from tests.support.governed import POLICIES, MakeTraced, Traced

from promethios.governance import GovernanceSpanProcessor, Governor, PolicyViolation

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}
DENIED = {**CHAT, "gen_ai.request.model": "gpt-4"}


def test_the_gate_finds_its_governor_in_a_concurrent_processor(governor: Governor) -> None:
    provider = TracerProvider(active_span_processor=ConcurrentMultiSpanProcessor(num_threads=1))
    provider.add_span_processor(GovernanceSpanProcessor(governor))
    with pytest.raises(PolicyViolation):
        provider.get_tracer("acme").start_span("chat", attributes=DENIED)
    provider.shutdown()


def test_the_gate_finds_its_governor_in_nested_processors(governor: Governor) -> None:
    group = SynchronousMultiSpanProcessor()
    group.add_span_processor(GovernanceSpanProcessor(governor))
    traced = Traced(TracerProvider())
    traced.provider.add_span_processor(group)
    traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
    with pytest.raises(PolicyViolation):
        traced.provider.get_tracer("acme").start_span("chat", attributes=DENIED)
    assert traced.points == ["model.before"]
    traced.provider.shutdown()


@pytest.mark.parametrize("again", [{}, CHAT], ids=["pushed out", "set again"])
def test_a_stamp_that_was_pushed_out_is_not_forgotten(traced_with: MakeTraced, again: dict[str, Any]) -> None:
    traced = traced_with(span_limits=SpanLimits(max_span_attributes=32))
    span = traced.provider.get_tracer("acme").start_span("chat", attributes=CHAT)
    for number in range(40):
        span.set_attribute(f"gen_ai.prompt.{number}", "x")
    span.set_attributes(again)
    span.end()
    assert traced.points == ["model.before", "model.after"]


def test_a_budget_holds_on_spans_with_many_attributes(traced_with: MakeTraced, governor: Governor) -> None:
    traced = traced_with(span_limits=SpanLimits(max_span_attributes=32))
    tracer = traced.provider.get_tracer("acme")
    with governor.conversation("c-1"):
        with tracer.start_as_current_span("chat", attributes=CHAT) as span:
            span.set_attributes({f"gen_ai.prompt.{number}": "x" for number in range(40)})
            span.set_attributes({"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 20})
        with pytest.raises(PolicyViolation, match="the conversation has used its tokens"):
            tracer.start_span("chat", attributes=CHAT)


def test_a_guard_in_a_span_that_is_named_late_decides_alone(traced: Traced, governor: Governor) -> None:
    with traced.provider.get_tracer("acme").start_as_current_span("openai.chat") as span:
        span.set_attributes(CHAT)
        with governor.guard("model", name="gpt-4o-mini"):
            pass
    assert traced.points == ["model.before", "model.after"]


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("name", ["gen_ai.operation.name", "gen_ai.agent.name"])
def test_what_cannot_be_read_lets_an_unsampled_span_start(traced_with: MakeTraced, name: str) -> None:
    traced = traced_with(sampler=ALWAYS_OFF)
    attributes: dict[str, Any] = {"gen_ai.operation.name": "invoke_agent", name: Hostile()}
    traced.provider.get_tracer("acme").start_span("work", attributes=attributes).end()


def test_a_governor_that_nobody_holds_is_freed() -> None:
    governor = Governor.from_text(POLICIES)
    with governor.guard("tool", name="note"):
        pass
    freed = weakref.ref(governor)
    del governor
    gc.collect()
    assert freed() is None
