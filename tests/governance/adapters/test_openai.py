"""The OpenAI adapter: real clients, the official instrumentation, a local server that keeps what it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from tests.support.governed import CARD, POLICIES, MakeTraced, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import OpenAIGuard
from promethios.receiver.demo.llm import StandIn

ALLOWED, DENIED = "gpt-4o-mini", "gpt-4"
ALONE = "processor alone: opentelemetry-instrumentation-genai-openai"


@pytest.fixture
def llm() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture
def guard(governor: Governor) -> Iterator[None]:
    OpenAIGuard().instrument(governor=governor)
    yield
    OpenAIGuard().uninstrument()


@pytest.fixture
def instrumented(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event")
    OpenAIInstrumentor().instrument(tracer_provider=traced.provider)
    yield traced
    OpenAIInstrumentor().uninstrument()


@pytest.fixture
def client(llm: StandIn) -> Iterator[OpenAI]:
    with OpenAI(base_url=llm.url, api_key="unused", max_retries=0) as made:
        yield made


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_a_denied_model_is_never_called(client: OpenAI, llm: StandIn, guard: None) -> None:
    with pytest.raises(PolicyViolation, match=r"model\.before blocked by policy 'models'"):
        client.chat.completions.create(model=DENIED, messages=ask("hi"))
    assert llm.requests == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_denied_model_is_never_called_asynchronously(llm: StandIn, guard: None, stream: bool) -> None:
    async def call() -> None:
        async with AsyncOpenAI(base_url=llm.url, api_key="unused", max_retries=0) as client:
            await client.chat.completions.create(model=DENIED, messages=ask("hi"), stream=stream)

    with pytest.raises(PolicyViolation):
        asyncio.run(call())
    assert llm.requests == []


@pytest.mark.parametrize("way", ["stream", "raw", "parse", "responses", "embeddings", "extra_body"])
def test_no_way_around_the_guard(client: OpenAI, llm: StandIn, guard: None, way: str) -> None:
    chat = client.chat.completions
    calls = {
        "stream": lambda: chat.create(model=DENIED, messages=ask("hi"), stream=True),
        "raw": lambda: chat.with_raw_response.create(model=DENIED, messages=ask("hi")),
        "parse": lambda: chat.parse(model=DENIED, messages=ask("hi")),
        "responses": lambda: client.responses.create(model=DENIED, input="hi"),
        "embeddings": lambda: client.embeddings.create(model=DENIED, input="hi"),
        "extra_body": lambda: chat.create(model=ALLOWED, messages=ask("hi"), extra_body={"model": DENIED}),
    }
    with pytest.raises(PolicyViolation):
        calls[way]()
    assert llm.requests == []


def test_a_client_made_before_is_guarded_too(client: OpenAI, llm: StandIn, governor: Governor) -> None:
    client.chat.completions.create(model=DENIED, messages=ask("before"))
    OpenAIGuard().instrument(governor=governor)
    try:
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model=DENIED, messages=ask("after"))
    finally:
        OpenAIGuard().uninstrument()
    assert len(llm.requests) == 1
    client.chat.completions.create(model=DENIED, messages=ask("taken off"))
    assert len(llm.requests) == 2


def test_the_request_leaves_redacted(client: OpenAI, llm: StandIn, guard: None) -> None:
    messages = [{"role": "system", "content": "be kind"}, *ask(f"pay {CARD} now")]
    client.chat.completions.create(model=ALLOWED, messages=messages)
    (sent,) = llm.requests
    assert " 1111" not in json.dumps(sent)
    assert sent["messages"][0] == {"role": "system", "content": "be kind"}
    assert messages[1]["content"] == f"pay {CARD} now"  # the application's own objects stay as they are


def test_content_in_extra_body_leaves_redacted(client: OpenAI, llm: StandIn, guard: None) -> None:
    client.chat.completions.create(
        model=ALLOWED, messages=ask("hi"), extra_body={"messages": ask(f"pay {CARD}"), "user": "u-1"}
    )
    (sent,) = llm.requests
    assert " 1111" not in json.dumps(sent)
    assert sent["user"] == "u-1"


def test_the_clients_own_objects_can_be_sent_back(client: OpenAI, llm: StandIn, guard: None) -> None:
    answer = client.chat.completions.create(model=ALLOWED, messages=ask("hi")).choices[0].message
    again: list[Any] = [*ask("hi"), answer, *ask(f"pay {CARD}")]
    client.chat.completions.create(model=ALLOWED, messages=again, extra_body={"messages": again})
    assert " 1111" not in json.dumps(llm.requests)
    assert llm.requests[1]["messages"][1]["role"] == "assistant"


def test_the_answer_comes_back_redacted(client: OpenAI, guard: None) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]
    hidden = CARD.replace(" ", "\\u002d")  # no card in what goes in, but in what the model makes of it
    answer = client.chat.completions.create(
        model=ALLOWED, messages=ask(f'call pay {{"card": "{hidden}", "note": "x"}}'), tools=tools
    )
    (call,) = answer.choices[0].message.tool_calls or ()
    arguments = json.loads(call.function.arguments)  # type: ignore[union-attr]
    assert arguments["note"] == "x"
    assert " 1111" not in arguments["card"]


def test_a_stream_passes_and_its_tokens_count(client: OpenAI, governor: Governor, guard: None) -> None:
    def stream() -> str:
        chunks = client.chat.completions.create(
            model=ALLOWED,
            messages=ask("write 120 words"),
            stream=True,
            stream_options={"include_usage": True},
        )
        return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)

    with governor.conversation("c-1"):
        assert len(stream().split()) >= 100
        with pytest.raises(PolicyViolation, match="the conversation has used its tokens"):
            stream()


def test_a_streams_tokens_count_for_the_conversation_that_asked(
    client: OpenAI, llm: StandIn, guard: None
) -> None:
    governor = Governor.from_text(POLICIES.replace("model.after, ", ""))  # nobody decides the answer
    OpenAIGuard().instrument(governor=governor)
    with governor.conversation("c-1"):
        stream = client.chat.completions.create(
            model=ALLOWED,
            messages=ask("write 120 words"),
            stream=True,
            stream_options={"include_usage": True},
        )
    for _ in stream:  # read where the conversation is no longer the surrounding one
        pass
    client.chat.completions.create(model=ALLOWED, messages=ask("of no conversation"))
    with governor.conversation("c-1"), pytest.raises(PolicyViolation, match="used its tokens"):
        client.chat.completions.create(model=ALLOWED, messages=ask("more"))
    assert len(llm.requests) == 2


def test_a_stream_can_be_left_early(client: OpenAI, guard: None) -> None:
    with client.chat.completions.create(model=ALLOWED, messages=ask("write 50 words"), stream=True) as stream:
        assert next(iter(stream)).model == ALLOWED
    assert stream.response.is_closed


def test_an_asynchronous_stream_passes(llm: StandIn, guard: None) -> None:
    async def read() -> str:
        async with AsyncOpenAI(base_url=llm.url, api_key="unused") as client:
            stream = await client.chat.completions.create(
                model=ALLOWED, messages=ask("write 30 words"), stream=True
            )
            return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    assert len(asyncio.run(read()).split()) >= 25


def test_an_instrumented_call_is_decided_once(client: OpenAI, instrumented: Traced, guard: None) -> None:
    client.chat.completions.create(model=ALLOWED, messages=ask("hi"))
    assert instrumented.points == ["model.before", "model.after"]
    (span,) = instrumented.spans(f"chat {ALLOWED}")
    assert {d.parent.span_id for d in instrumented.decisions} == {span.context.span_id}
    assert span.attributes["promethios.decision.layer"] == "guard"


def test_the_order_of_guard_and_instrumentation_does_not_matter(
    client: OpenAI, llm: StandIn, guard: None, instrumented: Traced
) -> None:
    with pytest.raises(PolicyViolation):
        client.chat.completions.create(model=DENIED, messages=ask("hi"))
    assert llm.requests == []
    assert instrumented.points == ["model.before"]
    (span,) = instrumented.spans(f"chat {DENIED}")
    assert span.attributes["promethios.decision.enforced"] == "block"
    assert span.attributes["error.type"].endswith("PolicyViolation")


def test_captured_content_is_redacted_in_the_span(client: OpenAI, instrumented: Traced, guard: None) -> None:
    client.chat.completions.create(model=ALLOWED, messages=ask(f"pay {CARD}"))
    (span,) = instrumented.spans(f"chat {ALLOWED}")
    assert "pay " in span.attributes["gen_ai.input.messages"]
    assert " 1111" not in instrumented.everything()


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(False, marks=pytest.mark.proves(ALONE, "model.before", "blocked", "sync")),
        pytest.param(True, marks=pytest.mark.proves(ALONE, "model.before", "blocked", "sync stream")),
    ],
)
def test_the_processor_alone_stops_a_denied_model(
    client: OpenAI, llm: StandIn, instrumented: Traced, stream: bool
) -> None:
    with pytest.raises(PolicyViolation, match="model 'gpt-4' is not on the list"):
        client.chat.completions.create(model=DENIED, messages=ask("hi"), stream=stream)
    assert llm.requests == []
    assert instrumented.points == ["model.before"]


@pytest.mark.proves(ALONE, "model.after", "seen", "sync")
def test_the_processor_alone_counts_tokens(
    client: OpenAI, llm: StandIn, governor: Governor, instrumented: Traced
) -> None:
    with governor.conversation("c-1"):
        client.chat.completions.create(model=ALLOWED, messages=ask("write 120 words"))
        with pytest.raises(PolicyViolation, match="used its tokens"):
            client.chat.completions.create(model=ALLOWED, messages=ask("more"))
    assert len(llm.requests) == 1


def test_an_unsampled_call_is_guarded_and_gated(
    client: OpenAI, llm: StandIn, traced_with: MakeTraced, governor: Governor
) -> None:
    OpenAIInstrumentor().instrument(tracer_provider=traced_with(sampler=ALWAYS_OFF).provider)
    try:
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model=DENIED, messages=ask("gate"))
        OpenAIGuard().instrument(governor=governor)
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model=DENIED, messages=ask("guard"))
    finally:
        OpenAIGuard().uninstrument()
        OpenAIInstrumentor().uninstrument()
    assert llm.requests == []


def test_what_the_server_refuses_reaches_the_caller_unchanged(client: OpenAI, guard: None) -> None:
    from openai import BadRequestError

    with pytest.raises(BadRequestError, match="must be a non-empty array"):
        client.chat.completions.create(model=ALLOWED, messages=[])
