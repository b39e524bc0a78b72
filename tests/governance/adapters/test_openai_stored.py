"""Answers that OpenAI keeps: decided when they are fetched, and not counted again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from tests.support import providers
from tests.support.governed import CARD, POLICIES, Traced
from tests.support.providers import Reply

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import OpenAIGuard

CLEAN = "It is [REDACTED:pii.card]."
BLOCKING = """
    - id: no-keys
      severity: critical
      on: [model.after]
      detect: {in: [output], any: ["secret.*"]}
      action: block
      onError: block
"""


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(POLICIES + BLOCKING)


@pytest.fixture(autouse=True)
def guard(governor: Governor, traced: Traced) -> Iterator[Traced]:
    OpenAIGuard().instrument(governor=governor)
    yield traced
    OpenAIGuard().uninstrument()


@pytest.fixture
def server() -> Iterator[providers.OpenAI]:
    with providers.OpenAI(Reply(f"It is {CARD}.", input_tokens=60)) as opened:
        yield opened


@pytest.fixture
def client(server: providers.OpenAI) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as made:
        yield made


WAYS: dict[str, Callable[[OpenAI], Any]] = {
    "response": lambda client: client.responses.retrieve("resp_1"),
    "raw": lambda client: client.responses.with_raw_response.retrieve("resp_1").parse(),
    "cancelled": lambda client: client.responses.cancel("resp_1"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_response_that_is_fetched_is_redacted(client: OpenAI, traced: Traced, way: str) -> None:
    assert WAYS[way](client).output_text == CLEAN
    assert traced.points == ["model.after"]


def test_a_completion_that_is_fetched_is_redacted(client: OpenAI, server: providers.OpenAI) -> None:
    assert client.chat.completions.retrieve("chatcmpl-1").choices[0].message.content == CLEAN


def test_a_response_that_is_fetched_by_an_asynchronous_client_is_redacted(server: providers.OpenAI) -> None:
    async def fetch() -> str:
        async with AsyncOpenAI(base_url=server.base_url, api_key="unused") as client:
            return (await client.responses.retrieve("resp_1")).output_text

    assert asyncio.run(fetch()) == CLEAN


def test_a_response_that_is_fetched_as_a_stream_is_redacted(client: OpenAI) -> None:
    events = list(client.responses.retrieve("resp_1", stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == CLEAN


def test_a_response_with_a_secret_does_not_reach_who_fetches_it(
    client: OpenAI, server: providers.OpenAI
) -> None:
    server.replies = [Reply("AKIA" + "IOSFODNN7EXAMPLQ")]
    with pytest.raises(PolicyViolation):
        client.responses.retrieve("resp_1")


@pytest.mark.parametrize("stream", [False, True])
def test_fetching_counts_no_tokens(client: OpenAI, stream: bool) -> None:
    client.responses.create(model="gpt-4o-mini", input="hi")
    for _ in range(2):
        fetched: Any = client.responses.retrieve("resp_1", stream=stream)
        list(fetched)
    client.responses.create(model="gpt-4o-mini", input="hi")
    with pytest.raises(PolicyViolation, match="has used its tokens"):
        client.responses.create(model="gpt-4o-mini", input="hi")
