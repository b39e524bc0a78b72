"""Log probabilities say a text again, by tokens: they go with what was redacted of it, and stay otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from openai import OpenAI
from tests.support import providers
from tests.support.governed import CARD
from tests.support.providers import Reply

from promethios.governance import Governor
from promethios.governance.adapters import instrument_all, uninstrument_all

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.filterwarnings("error:::promethios")]
MODEL = "gpt-4o-mini"
HI: list[Any] = [{"role": "user", "content": "hi"}]
TOKENS = ("4111", "1111", "[52, ", "49, 49", "[49, 49")  # of the card: as text, and as bytes


@pytest.fixture(autouse=True)
def guard(governor: Governor) -> Iterator[None]:
    instrument_all(governor)
    yield
    uninstrument_all()


@pytest.fixture
def server() -> Iterator[providers.OpenAI]:
    with providers.OpenAI(Reply(f"{CARD} it is", logprobs=True)) as opened:
        yield opened


@pytest.fixture
def client(server: providers.OpenAI) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as made:
        yield made


def has_tokens(answer: Any) -> bool:
    return any(token in str(answer) for token in TOKENS)


def test_a_redacted_choice_has_no_log_probabilities(client: OpenAI) -> None:
    (choice,) = client.chat.completions.create(model=MODEL, messages=HI, logprobs=True).choices
    assert choice.message.content == "[REDACTED:pii.card] it is"
    assert choice.logprobs is None


def test_a_choice_without_a_hit_keeps_its_log_probabilities(client: OpenAI, server: providers.OpenAI) -> None:
    server.replies = [Reply("All is well.", logprobs=True)]
    (choice,) = client.chat.completions.create(model=MODEL, messages=HI, logprobs=True).choices
    assert choice.logprobs is not None
    assert [each.token for each in choice.logprobs.content or ()] == ["All ", "is w", "ell."]


def test_chunks_leave_without_the_tokens_of_what_was_taken_out(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model=MODEL, messages=HI, logprobs=True, stream=True))
    assert not has_tokens([chunk.to_dict() for chunk in chunks])
    last = [choice for chunk in chunks for choice in chunk.choices if choice.delta.content][-1]
    assert last.logprobs is not None  # of a text that is as the model said it


def test_a_redacted_part_of_a_response_has_no_log_probabilities(client: OpenAI) -> None:
    (item,) = client.responses.create(model=MODEL, input="hi", top_logprobs=1).output
    assert item.type == "message"
    (part,) = item.content
    assert part.type == "output_text"
    assert (part.text, part.logprobs) == ("[REDACTED:pii.card] it is", [])


def test_events_leave_without_the_tokens_of_what_was_taken_out(client: OpenAI) -> None:
    events = list(client.responses.create(model=MODEL, input="hi", stream=True))
    assert not has_tokens([event.to_dict() for event in events])
    (done,) = (event for event in events if event.type == "response.output_text.done")
    assert done.logprobs == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_redacted_candidate_of_gemini_has_no_log_probabilities(stream: bool) -> None:
    with providers.Google(Reply(f"{CARD} it is", logprobs=True)) as server:
        client = genai.Client(api_key="unused", http_options={"base_url": server.url})
        asked: dict[str, Any] = {"model": MODEL, "contents": "hi"}
        models = client.models
        answers = models.generate_content_stream(**asked) if stream else [models.generate_content(**asked)]
        said = [answer.model_dump(exclude={"sdk_http_response"}) for answer in answers]
    assert "[REDACTED:pii.card]" in str(said)
    assert not has_tokens(said)
