"""The gate and the processor: adding the processor is all that an instrumented agent needs."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import StatusCode
from tests.support.governed import CARD, MakeTraced, Traced

from promethios.governance import GovernanceSpanProcessor, Governor, PolicyViolation

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "acme"}


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {**CHAT, "gen_ai.request.model": model, **more}


def test_a_denied_operation_raises_at_its_spans_start(traced: Traced) -> None:
    with pytest.raises(PolicyViolation, match="model 'gpt-4' is not on the list"):
        traced.provider.get_tracer("acme").start_span("chat gpt-4", attributes=chat("gpt-4"))
    (span,) = traced.spans("chat gpt-4")
    (decision,) = traced.decisions
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["promethios.decision.enforced"] == "block"
    assert decision.parent.span_id == span.context.span_id
    assert decision.events[0].attributes["gen_ai.guardrail.policy.rule.id"] == "when"


def test_an_allowed_operation_is_decided_once_and_stamped(traced: Traced) -> None:
    tracer = traced.provider.get_tracer("acme")
    with tracer.start_as_current_span("chat", attributes=chat("gpt-4o-mini")):
        pass
    assert traced.points == ["model.before", "model.after"]
    assert traced.spans("chat")[0].attributes["promethios.decision.verdict"] == "allow"


def test_a_span_that_is_no_operation_is_left_alone(traced: Traced) -> None:
    with traced.provider.get_tracer("acme").start_as_current_span("GET /", attributes={"http.route": "/"}):
        pass
    assert traced.decisions == []
    assert dict(traced.spans("GET /")[0].attributes) == {"http.route": "/"}


def test_sampling_does_not_weaken_the_gate(traced_with: MakeTraced) -> None:
    traced = traced_with(sampler=ALWAYS_OFF)
    with pytest.raises(PolicyViolation):
        traced.provider.get_tracer("acme").start_span("chat", attributes=chat("gpt-4"))


def test_a_lane_of_its_own_tells_what_sampling_takes(traced_with: MakeTraced, governor: Governor) -> None:
    traced = traced_with(sampler=ALWAYS_OFF)
    lane = Traced(TracerProvider(sampler=ALWAYS_ON))
    lane.provider.add_span_processor(SimpleSpanProcessor(lane.exporter))
    governor.set_decision_lane(lane.provider)
    with pytest.raises(PolicyViolation):
        traced.provider.get_tracer("acme").start_span("chat", attributes=chat("gpt-4"))
    assert [d.attributes["promethios.decision.enforced"] for d in lane.decisions] == ["block"]
    assert traced.decisions == []
    lane.provider.shutdown()


def test_a_provider_without_the_processor_is_not_governed(traced: Traced) -> None:
    other = TracerProvider()
    other.get_tracer("acme").start_span("chat", attributes=chat("gpt-4")).end()
    assert traced.decisions == []
    other.shutdown()


def test_two_processors_put_up_one_gate(traced: Traced, governor: Governor) -> None:
    GovernanceSpanProcessor(governor)
    with traced.provider.get_tracer("acme").start_as_current_span("chat", attributes=chat("gpt-4o-mini")):
        pass
    assert traced.points == ["model.before", "model.after"]


def test_an_operation_named_late_is_told_but_never_as_blocked(traced: Traced) -> None:
    span = traced.provider.get_tracer("acme").start_span("openai.chat")
    span.set_attributes(chat("gpt-4"))
    span.end()
    before = traced.decisions[0]
    assert before.attributes["promethios.decision.verdict"] == "block"
    assert before.attributes["promethios.decision.enforced"] == "flag"
    assert before.events[0].attributes["gen_ai.guardrail.result.value"] == "flag"


def test_a_conversations_tokens_are_counted_from_spans(traced: Traced, governor: Governor) -> None:
    tracer = traced.provider.get_tracer("acme")
    used = chat("gpt-4o-mini")
    with governor.conversation("c-1"):
        with tracer.start_as_current_span("chat", attributes=used) as span:
            span.set_attributes({"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 20})
        with pytest.raises(PolicyViolation, match="the conversation has used its tokens"):
            tracer.start_span("chat", attributes=used)
    with governor.conversation("c-2"):
        tracer.start_span("chat", attributes=used).end()


def test_a_guard_around_an_instrumented_call_decides_it_alone(traced: Traced, governor: Governor) -> None:
    tracer = traced.provider.get_tracer("acme")
    span = tracer.start_as_current_span("chat", attributes=chat("gpt-4o-mini"))
    with governor.guard("model", name="gpt-4o-mini"), span:
        pass
    assert traced.points == ["model.before", "model.after"]
    stamped = {s.attributes["promethios.decision.id"] for s in traced.spans("chat")}
    assert stamped == {traced.decisions[0].attributes["promethios.decision.id"]}


@pytest.mark.parametrize(
    "write",
    [
        lambda span: span.set_attribute("gen_ai.input.messages", f"card {CARD}"),
        lambda span: span.set_attributes({"a": 1, "b": ["x", CARD]}),
        lambda span: span.add_event("gen_ai.content", {"text": CARD}),
        lambda span: span.record_exception(ValueError(CARD)),
        lambda span: span.set_status(StatusCode.ERROR, f"failed on {CARD}"),
    ],
    ids=["attribute", "attributes", "event", "exception", "status"],
)
def test_content_written_to_a_span_is_redacted(traced: Traced, write: Any) -> None:
    span = traced.provider.get_tracer("acme").start_span("work", attributes={"start": f"card {CARD}"})
    write(span)
    span.end()
    assert " 1111" not in traced.everything()
    assert "pii.card" in traced.everything()


def test_g07_hostile_values_never_raise_on_an_operations_span(traced: Traced) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    span = traced.provider.get_tracer("acme").start_span("chat", attributes=chat("gpt-4o-mini"))
    span.set_attribute("x", Hostile())  # type: ignore[arg-type]
    span.set_attributes({"y": Hostile(), "z": 1})  # type: ignore[dict-item]
    span.end()
    attributes = traced.spans("chat")[0].attributes
    assert (attributes["x"], attributes["y"], attributes["z"]) == (
        "[REDACTED:unreadable]",
        "[REDACTED:unreadable]",
        1,
    )


def test_an_objects_text_is_redacted(traced: Traced) -> None:
    class Card:
        def __str__(self) -> str:
            return CARD

    span = traced.provider.get_tracer("acme").start_span("work")
    span.set_attribute("x", Card())  # type: ignore[arg-type]
    span.end()
    assert " 1111" not in traced.everything()


@pytest.mark.parametrize("scope", ["acme", "opentelemetry.instrumentation.genai.langchain"])
@pytest.mark.parametrize("name", ["gen_ai.provider.name", "gen_ai.operation.name", "gen_ai.tool.name"])
@pytest.mark.parametrize("value", [["a"], {"a": 1}, 5, object()])
def test_attributes_of_any_type_reach_nobody_as_an_error(
    traced: Traced, scope: str, name: str, value: Any
) -> None:
    tracer = traced.provider.get_tracer(scope)
    with tracer.start_as_current_span("chat", attributes=chat("gpt-4o-mini", **{name: value})):
        pass
    assert len(traced.spans("chat")) == 1
