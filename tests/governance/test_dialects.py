"""What other instrumentations write, in the conventions' words: recorded attributes of each dialect."""

from __future__ import annotations

from typing import Any

import pytest

from promethios.governance.dialects import MARKERS, translated
from promethios.governance.enforcement.ambient import kind_of, subject_of

OPENINFERENCE_LLM = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.model_name": "gpt-4o-mini",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.content": "hi there",
    "llm.input_messages.0.message.role": "system",
    "llm.output_messages.0.message.content": "hello",
    "llm.token_count.prompt": 6,
    "llm.token_count.completion": 4,
    "session.id": "c-1",
}
OPENINFERENCE_TOOL = {
    "openinference.span.kind": "TOOL",
    "tool.name": "lookup",
    "input.value": '{"order": 1}',
    "output.value": "found",
}
OPENLLMETRY_OLD = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "hi there",
    "gen_ai.completion.0.content": "hello",
    "gen_ai.usage.prompt_tokens": 6,
    "llm.usage.completion_tokens": 4,
}
TRACELOOP_TOOL = {
    "traceloop.span.kind": "tool",
    "traceloop.entity.name": "lookup",
    "traceloop.entity.input": '{"order": 1}',
    "traceloop.entity.output": "found",
}
TRACELOOP_AGENT = {"traceloop.span.kind": "agent", "traceloop.entity.name": "clerk"}
USED = {"gen_ai.usage.input_tokens": 6, "gen_ai.usage.output_tokens": 4}
CALLED = {"gen_ai.tool.call.arguments": '{"order": 1}', "gen_ai.tool.call.result": "found"}


@pytest.mark.parametrize(
    ("attributes", "kind", "subject", "says"),
    [
        (OPENINFERENCE_LLM, "model", "gpt-4o-mini", {**USED, "gen_ai.conversation.id": "c-1"}),
        (OPENINFERENCE_TOOL, "tool", "lookup", CALLED),
        (OPENLLMETRY_OLD, "model", "gpt-4o-mini", {**USED, "gen_ai.provider.name": "OpenAI"}),
        (TRACELOOP_TOOL, "tool", "lookup", CALLED),
        (TRACELOOP_AGENT, "agent", "clerk", {}),
    ],
    ids=[
        "OpenInference model",
        "OpenInference tool",
        "OpenLLMetry model",
        "Traceloop tool",
        "Traceloop agent",
    ],
)
def test_each_dialect_says_what_the_operation_is(
    attributes: dict[str, Any], kind: str, subject: str, says: dict[str, Any]
) -> None:
    known = translated(attributes)
    assert (kind_of(known), subject_of(kind, known)) == (kind, subject)
    assert says.items() <= known.items()
    assert attributes.items() <= known.items()
    assert not MARKERS.isdisjoint(attributes)


def test_numbered_messages_are_put_together_in_their_order() -> None:
    known = translated(OPENINFERENCE_LLM)
    assert known["gen_ai.input.messages"] == [{"role": "system"}, {"role": "user", "content": "hi there"}]
    assert known["gen_ai.output.messages"] == [{"content": "hello"}]
    assert translated(OPENLLMETRY_OLD)["gen_ai.input.messages"] == [{"role": "user", "content": "hi there"}]


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"http.route": "/"},
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "x", "gen_ai.provider.name": "openai"},
        {"openinference.span.kind": "CHAIN", "input.value": "x"},
        {"traceloop.span.kind": "workflow", "traceloop.entity.name": "x"},
        {"openinference.span.kind": ["LLM"]},
    ],
    ids=["nothing", "no operation", "conventions", "chain", "workflow", "no text"],
)
def test_what_needs_no_translation_stays_the_very_same(attributes: dict[str, Any]) -> None:
    assert translated(attributes) is attributes


def test_what_is_said_in_the_conventions_words_wins() -> None:
    both = {**OPENLLMETRY_OLD, "gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat"}
    assert translated(both)["gen_ai.provider.name"] == "openai"


def test_a_number_that_is_none_is_no_message() -> None:
    odd = {"llm.request.type": "chat", "gen_ai.prompt.x.content": "a", "gen_ai.prompt.0": "b"}
    assert "gen_ai.input.messages" not in translated(odd)
