"""The completion hook: what instrumentations hand over is seen, whatever they capture, and told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import INVALID_SPAN
from opentelemetry.util.genai.completion_hook import load_completion_hook
from opentelemetry.util.genai.handler import TelemetryHandler
from opentelemetry.util.genai.types import (
    BlobPart,
    FunctionToolDefinition,
    InputMessage,
    OutputMessage,
    TextPart,
    ToolCallRequestPart,
)
from tests.support.governed import CARD, MakeTraced, Traced

from promethios.governance import Governor
from promethios.governance.adapters import instrument_all, uninstrument_all
from promethios.governance.enforcement.completion import CompletionHook
from promethios.governance.telemetry.lane import DecisionLane
from promethios.receiver.demo.llm import StandIn

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: completion, version: "1"}
spec:
  policies:
    - id: cards
      severity: high
      on: [model.before, model.after, agent.before]
      detect: {in: [input, output], any: ["pii.card"]}
      action: redact
    - id: no-weapons
      severity: critical
      on: [model.before]
      when: 'input.contains("weapon")'
      action: block
      onError: flag
    - id: budget
      severity: low
      on: [model.before]
      limit: {of: calls, max: 1, per: conversation}
      action: flag
"""
ASK = f"my card is {CARD}"


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES)


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK", "promethios")
    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)


@pytest.fixture
def llm() -> Iterator[StandIn]:
    with StandIn() as llm:
        yield llm


@pytest.fixture
def instrument() -> Iterator[Callable[[TracerProvider], None]]:
    instrumentor = OpenAIInstrumentor()
    yield lambda provider: instrumentor.instrument(tracer_provider=provider)
    instrumentor.uninstrument()


def call(llm: StandIn, text: str) -> Any:
    with OpenAI(base_url=llm.url, api_key="k", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": text}]
        return client.chat.completions.create(model="gpt-4o-mini", messages=messages)


def stream(llm: StandIn, text: str) -> list[Any]:
    with OpenAI(base_url=llm.url, api_key="k", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": text}]
        return [*client.chat.completions.create(model="gpt-4o-mini", messages=messages, stream=True)]


def handler_of(provider: TracerProvider) -> TelemetryHandler:
    return TelemetryHandler(
        tracer_provider=provider,
        completion_hook=load_completion_hook(),
        instrumentation_scope_name="my.agent",
    )


def said(role: str, text: str) -> InputMessage:
    return InputMessage(role, [TextPart(text)])


def answered(text: str) -> OutputMessage:
    return OutputMessage("assistant", [TextPart(text)], "stop")


def told(traced: Traced) -> list[tuple[Any, ...]]:
    """Point, verdict, what was enforced, and the policies that matched: of each decision."""
    return [
        (
            *(
                (span.attributes or {})[f"promethios.decision.{name}"]
                for name in ("point", "verdict", "enforced")
            ),
            [(event.attributes or {})["gen_ai.guardrail.policy.id"] for event in span.events],
        )
        for span in traced.decisions
    ]


def test_the_hook_is_found_by_its_name() -> None:
    hook = load_completion_hook()
    assert isinstance(hook._wrapped, CompletionHook)  # type: ignore[attr-defined]


def test_a_call_that_no_guard_decides_is_seen_with_its_content(
    llm: StandIn, traced: Traced, instrument: Any
) -> None:
    instrument(traced.provider)
    call(llm, ASK)
    assert [each for each in told(traced) if each[0] == "model.before"] == [
        ("model.before", "allow", "allow", []),
        ("model.before", "redact", "flag", ["cards"]),
    ]
    assert len(llm.requests) == 1
    assert " 1111" not in traced.everything()


def test_a_stream_is_seen_when_it_is_over(llm: StandIn, traced: Traced, instrument: Any) -> None:
    instrument(traced.provider)
    assert stream(llm, ASK)
    assert ("model.before", "redact", "flag", ["cards"]) in told(traced)


def test_what_came_too_late_to_stop_is_never_told_as_a_block(traced: Traced) -> None:
    with handler_of(traced.provider).inference("openai", request_model="m") as inference:
        inference.input_messages = [said("user", "how is a weapon made?")]
    assert ("model.before", "block", "flag", ["no-weapons"]) in told(traced)


def test_a_call_without_a_finding_is_told_once(llm: StandIn, traced: Traced, instrument: Any) -> None:
    instrument(traced.provider)
    call(llm, "hello")
    assert [point for point, *_ in told(traced)] == ["model.before", "model.after"]


def test_looking_again_counts_nothing(
    llm: StandIn, traced: Traced, governor: Governor, instrument: Any
) -> None:
    instrument(traced.provider)
    with governor.conversation("c-1"):
        call(llm, ASK)
        assert not [each for each in told(traced) if "budget" in each[3]]
        call(llm, "hello")
    assert [each[3] for each in told(traced) if "budget" in each[3]] == [["budget"]]


def test_a_call_that_a_guard_decided_is_not_told_again(
    llm: StandIn, traced: Traced, governor: Governor, instrument: Any
) -> None:
    instrument(traced.provider)
    instrument_all(governor)
    try:
        call(llm, ASK)
    finally:
        uninstrument_all()
    assert [(point, enforced) for point, _, enforced, _ in told(traced)] == [
        ("model.before", "redact"),
        ("model.after", "allow"),
    ]


def test_G13_a_call_that_sampling_drops_is_seen_all_the_same(
    llm: StandIn, traced_with: MakeTraced, governor: Governor, instrument: Any
) -> None:
    traced = traced_with(ALWAYS_OFF)
    lane = DecisionLane(traced.provider)
    lane.add_span_processor(SimpleSpanProcessor(traced.exporter))
    governor.set_decision_lane(lane)
    instrument(traced.provider)
    call(llm, ASK)
    assert ("model.before", "redact", "flag", ["cards"]) in told(traced)


def test_what_an_application_tells_by_hand_is_seen(traced: Traced) -> None:
    with handler_of(traced.provider).inference("acme", request_model="m") as inference:
        inference.system_instruction = [TextPart("be brief")]
        inference.input_messages = [said("user", "hello")]
        inference.output_messages = [answered(f"your card is {CARD}")]
    assert told(traced)[-1] == ("model.after", "redact", "flag", ["cards"])


def test_a_card_in_the_system_instruction_is_seen(traced: Traced) -> None:
    with handler_of(traced.provider).inference("acme", request_model="m") as inference:
        inference.system_instruction = [TextPart(ASK)]
    assert ("model.before", "redact", "flag", ["cards"]) in told(traced)


def test_an_agents_input_is_seen(traced: Traced) -> None:
    with handler_of(traced.provider).invoke_local_agent(agent_name="clerk") as agent:
        agent.input_messages = [said("user", ASK)]
    assert ("agent.before", "redact", "flag", ["cards"]) in told(traced)


def test_what_is_handed_over_is_redacted_before_anything_else_uses_it(traced: Traced) -> None:
    arguments = {"card": CARD, "amount": 3}
    request = ToolCallRequestPart(arguments, "pay", "call-1")
    with handler_of(traced.provider).inference("acme", request_model="m") as inference:
        inference.input_messages = messages = [said("user", ASK), InputMessage("assistant", [request])]
    assert messages[0].parts == [TextPart("my card is [REDACTED:pii.card]")]
    assert request.arguments == {"card": "[REDACTED:pii.card]", "amount": 3}
    assert arguments["card"] == CARD  # the application's own stays as it is


def test_the_event_of_an_operation_is_redacted_before_it_is_emitted(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "event_only")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT", "true")
    events, kept = LoggerProvider(), InMemoryLogRecordExporter()
    events.add_log_record_processor(SimpleLogRecordProcessor(kept))
    handler = TelemetryHandler(
        traced.provider, logger_provider=events, completion_hook=load_completion_hook()
    )
    with handler.inference("acme", request_model="m") as inference:
        inference.input_messages = [said("user", ASK)]
    (record,) = kept.get_finished_logs()
    events.shutdown()
    assert "[REDACTED:pii.card]" in str(record.log_record.attributes)
    assert CARD not in str(record.log_record.attributes)


def test_content_stays_out_of_spans_that_capture_none(llm: StandIn, traced: Traced, instrument: Any) -> None:
    instrument(traced.provider)
    call(llm, "the word is swordfish")
    assert "swordfish" not in traced.everything()


def test_images_are_not_read(traced: Traced) -> None:
    image = BlobPart("image/png", "image", CARD.encode())
    with handler_of(traced.provider).inference("acme", request_model="m") as inference:
        inference.input_messages = [InputMessage("user", [image])]
    assert not [each for each in told(traced) if each[3]]
    assert image.content == CARD.encode()


class Awkward:
    """What an application may put into a message."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    "messages",
    [
        [InputMessage("user", [Awkward()])],  # type: ignore[list-item]
        [InputMessage("user", [ToolCallRequestPart(Awkward(), "t", None)])],
        [Awkward()],
        ["no message"],
        [InputMessage("user", None)],  # type: ignore[arg-type]
    ],
    ids=["a part", "arguments", "a message", "a text", "no parts"],
)
def test_G07_the_hook_never_raises_whatever_it_is_handed(traced: Traced, messages: Any) -> None:
    hook = CompletionHook()
    span = traced.provider.get_tracer("app").start_span(
        "chat m", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    )
    hook.on_completion(inputs=messages, outputs=messages, system_instruction=messages, span=span)
    span.end()
    assert told(traced)[0][:2] == ("model.before", "allow")


def test_a_message_that_holds_itself_is_looked_at_to_a_depth(traced: Traced) -> None:
    arguments: dict[str, Any] = {"card": CARD}
    arguments["again"] = arguments
    with handler_of(traced.provider).inference("acme", request_model="m") as inference:
        inference.input_messages = [InputMessage("assistant", [ToolCallRequestPart(arguments, "t", None)])]
    assert ("model.before", "redact", "flag", ["cards"]) in told(traced)


@pytest.mark.parametrize("span", [None, INVALID_SPAN, object()], ids=["none", "invalid", "an object"])
def test_a_span_that_nobody_governs_is_left_alone(span: Any) -> None:
    messages = [said("user", ASK)]
    CompletionHook().on_completion(
        inputs=messages,
        outputs=[],
        system_instruction=[],
        tool_definitions=[FunctionToolDefinition("t", None, None)],
        span=span,
    )
    assert messages == [said("user", ASK)]


def test_content_that_is_said_twice_is_of_one_operation(traced: Traced) -> None:
    hook = CompletionHook()
    span = traced.provider.get_tracer("app").start_span(
        "chat m", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    )
    hook.on_completion(inputs=[said("user", ASK)], outputs=[], system_instruction=[], span=span)
    hook.on_completion(inputs=[], outputs=[answered("done")], system_instruction=[], span=span)
    span.end()
    assert [(point, policies) for point, _, _, policies in told(traced)] == [
        ("model.before", []),
        ("model.before", ["cards"]),
        ("model.after", []),
    ]


def test_a_provider_without_governance_is_left_alone(llm: StandIn, instrument: Any) -> None:
    provider = TracerProvider(sampler=ALWAYS_ON)
    instrument(provider)
    assert call(llm, ASK).choices
    provider.shutdown()
