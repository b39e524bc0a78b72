"""OpenAI's streams and raw responses: inspected as they pass, with real clients and a local server."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from tests.support import providers
from tests.support.governed import CARD, POLICIES, Traced
from tests.support.providers import Reply, ToolUse

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import OpenAIGuard

MODEL = "gpt-4o-mini"
KEY = "AKIA" + "IOSFODNN7EXAMPLQ"
BLOCKING = """
    - id: no-keys
      severity: critical
      on: [model.after]
      detect: {in: [output], any: ["secret.*"]}
      action: block
      onError: block
      message: "a key must not reach the caller"
"""
SAID = f"Your card is {CARD}, right?"
CLEAN = "Your card is [REDACTED:pii.card], right?"
HI: list[Any] = [{"role": "user", "content": "hi"}]


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES + BLOCKING)


@pytest.fixture
def guard(governor: Governor, traced: Traced) -> Iterator[Traced]:
    OpenAIGuard().instrument(governor=governor)
    yield traced
    OpenAIGuard().uninstrument()


@pytest.fixture
def server() -> Iterator[providers.OpenAI]:
    with providers.OpenAI(Reply(SAID)) as opened:
        yield opened


@pytest.fixture
def client(server: providers.OpenAI) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as made:
        yield made


def in_async(server: providers.OpenAI, use: Callable[[AsyncOpenAI], Any]) -> Any:
    """What a use of the asynchronous client gives."""

    async def run() -> Any:
        async with AsyncOpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as client:
            return await use(client)

    return asyncio.run(run())


def enforced(traced: Traced, point: str = "model.after") -> list[Any]:
    """What was told as enforced at a point."""
    told = [dict(span.attributes or {}) for span in traced.decisions]
    return [
        each["promethios.decision.enforced"] for each in told if each["promethios.decision.point"] == point
    ]


def wait_for(condition: Callable[[], Any]) -> None:
    """Wait until what another thread does is done."""
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen in 5 s")


@pytest.mark.proves("openai", "model.after", "redacted", "sync stream")
def test_chunks_of_chat_leave_redacted_and_keep_their_structure(client: OpenAI, guard: Traced) -> None:
    chunks = list(client.chat.completions.create(model=MODEL, messages=HI, stream=True))
    texts = [chunk.choices[0].delta.content for chunk in chunks]
    assert "".join(text or "" for text in texts) == CLEAN
    assert len(chunks) == len(list(Reply().pieces(SAID))) + 2  # none is lost, none is made
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert enforced(guard) == ["redact"]
    assert " 1111" not in guard.everything()


def test_events_of_responses_leave_redacted_to_the_last(client: OpenAI, guard: Traced) -> None:
    events = list(client.responses.create(model=MODEL, input="hi", stream=True))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == CLEAN
    (done,) = [event for event in events if event.type == "response.output_text.done"]
    (completed,) = [event for event in events if event.type == "response.completed"]
    assert done.text == completed.response.output_text == CLEAN
    assert not any("1111" in event.model_dump_json() for event in events)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert enforced(guard) == ["redact"]


def test_helpers_gather_what_is_redacted(client: OpenAI, guard: Traced) -> None:
    with client.chat.completions.stream(model=MODEL, messages=HI) as chat:
        assert chat.get_final_completion().choices[0].message.content == CLEAN
    with client.responses.stream(model=MODEL, input="hi") as responses:
        assert responses.get_final_response().output_text == CLEAN
    assert enforced(guard) == ["redact", "redact"]


@pytest.mark.proves("openai", "model.after", "redacted", "async stream")
def test_asynchronous_streams_leave_redacted(server: providers.OpenAI, guard: Traced) -> None:
    async def read(client: AsyncOpenAI) -> list[str]:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        chat = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        async with client.responses.stream(model=MODEL, input="hi") as responses:
            return [chat, (await responses.get_final_response()).output_text]

    assert in_async(server, read) == [CLEAN, CLEAN]
    assert enforced(guard) == ["redact", "redact"]


@pytest.mark.proves("openai", "model.after", "blocked", "sync stream")
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_blocked_stream_ends_where_it_is(
    client: OpenAI, server: providers.OpenAI, guard: Traced, api: str
) -> None:
    server.replies = [Reply(f"The key is {KEY}, {'and so on ' * 50}")]
    stream: Any = (
        client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        if api == "chat"
        else client.responses.create(model=MODEL, input="hi", stream=True)
    )
    left = []
    with pytest.raises(PolicyViolation, match=r"^model\.after blocked by policy 'no-keys': a key must not"):
        for part in stream:
            left.append(part.model_dump_json())  # noqa: PERF401 - what left before counts
    assert "AKIA" not in "".join(left)
    assert stream.response.is_closed
    assert next(stream, None) is None
    assert enforced(guard) == ["block"]


@pytest.mark.proves("openai", "model.after", "blocked", "async stream")
def test_a_blocked_asynchronous_stream_ends_where_it_is(server: providers.OpenAI, guard: Traced) -> None:
    server.replies = [Reply(f"The key is {KEY}, and so on")]

    async def read(client: AsyncOpenAI) -> bool:
        stream = await client.chat.completions.create(model=MODEL, messages=HI, stream=True)
        with pytest.raises(PolicyViolation, match="a key must not reach the caller"):
            async for chunk in stream:
                assert "AKIA" not in (chunk.choices[0].delta.content or "")
        return bool(stream.response.is_closed)

    assert in_async(server, read) is True
    assert enforced(guard) == ["block"]


def test_arguments_of_tool_calls_are_texts_of_their_own(
    client: OpenAI, server: providers.OpenAI, guard: Traced
) -> None:
    tools = (ToolUse("pay", {"card": CARD, "n": 1}), ToolUse("pay", {"card": "none", "n": 2}))
    server.replies = [Reply("", tools=tools)]
    arguments = {0: "", 1: ""}
    for chunk in client.chat.completions.create(model=MODEL, messages=HI, stream=True):
        for call in chunk.choices[0].delta.tool_calls or ():
            arguments[call.index] += call.function.arguments if call.function else ""  # type: ignore[operator]
    assert arguments[0] == '{"card": "[REDACTED:pii.card]", "n": 1}'
    assert arguments[1] == '{"card": "none", "n": 2}'


def test_an_abandoned_stream_is_told(client: OpenAI, guard: Traced) -> None:
    for _ in client.chat.completions.create(model=MODEL, messages=HI, stream=True):
        break
    gc.collect()
    wait_for(lambda: enforced(guard))
    assert enforced(guard) == ["allow"]


@pytest.mark.proves("openai", "model.after", "redacted", "sync")
@pytest.mark.parametrize("stream", [False, True])
def test_a_raw_response_is_decided_when_it_is_parsed(client: OpenAI, guard: Traced, stream: bool) -> None:
    raw: Any = client.chat.completions.with_raw_response
    response = raw.create(model=MODEL, messages=HI, stream=stream)
    assert response.headers["content-type"]
    assert enforced(guard) == []
    answer = response.parse()
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in answer) == CLEAN
    else:
        assert answer.choices[0].message.content == CLEAN
        assert response.parse() is answer
    assert enforced(guard) == ["redact"]


def test_the_tokens_of_a_raw_response_count(client: OpenAI, governor: Governor, guard: Traced) -> None:
    with governor.conversation("c-1"):
        for _ in range(6):
            client.chat.completions.with_raw_response.create(model=MODEL, messages=HI).parse()
        with pytest.raises(PolicyViolation, match="the conversation has used its tokens"):
            client.chat.completions.create(model=MODEL, messages=HI)


def test_a_streamed_raw_response_is_decided_when_it_is_parsed(
    server: providers.OpenAI, guard: Traced
) -> None:
    async def read(client: AsyncOpenAI) -> Any:
        raw = client.chat.completions.with_streaming_response
        async with raw.create(model=MODEL, messages=HI) as response:
            return (await response.parse()).choices[0].message.content

    assert in_async(server, read) == CLEAN
    with (
        OpenAI(base_url=server.base_url, api_key="unused") as client,
        client.chat.completions.with_streaming_response.create(model=MODEL, messages=HI) as response,
    ):
        assert response.parse().choices[0].message.content == CLEAN
    assert enforced(guard) == ["redact", "redact"]


def test_a_raw_response_that_nobody_parses_is_told_without_its_content(client: OpenAI, guard: Traced) -> None:
    response = client.chat.completions.with_raw_response.create(model=MODEL, messages=HI)
    assert CARD in response.text  # bytes are the caller's own
    del response
    gc.collect()
    wait_for(lambda: enforced(guard))
    assert enforced(guard) == ["allow"]


def test_what_fails_in_the_middle_comes_after_what_was_held_back(
    server: providers.OpenAI, guard: Traced
) -> None:
    class Breaking(providers.OpenAI):
        def answer(self, request: Any, reply: Reply) -> Any:
            sent = super().answer(request, reply)
            parts = list(sent.parts)[:4]
            return type(sent)(
                [*parts, b'data: {"error": {"message": "out of it"}}\n\n'], sent.type, streamed=True
            )

    left = []
    with (
        Breaking(Reply("one two three four")) as breaking,
        OpenAI(base_url=breaking.base_url, api_key="unused", max_retries=0) as client,
        pytest.raises(Exception, match="out of it"),
    ):
        for chunk in client.chat.completions.create(model=MODEL, messages=HI, stream=True):
            left.append(chunk.choices[0].delta.content or "")  # noqa: PERF401
    assert "".join(left) == "one two three four"
    assert enforced(guard) == ["allow"]


def test_what_is_said_aloud_leaves_redacted(client: OpenAI, server: providers.OpenAI, guard: Traced) -> None:
    server.replies = [Reply("Listen:", transcript=SAID)]
    chunks = list(client.chat.completions.create(model=MODEL, messages=HI, stream=True))
    deltas = [chunk.choices[0].delta.to_dict() for chunk in chunks]
    said = [audio["transcript"] for delta in deltas if isinstance(audio := delta.get("audio"), dict)]
    assert "".join(said) == CLEAN
    assert enforced(guard) == ["redact"]
