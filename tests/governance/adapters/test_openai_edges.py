"""The OpenAI adapter where clients, answers and lifetimes are unusual."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest
import wrapt
from openai import AsyncOpenAI, AzureOpenAI, BadRequestError, OpenAI
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from pydantic import BaseModel, ConfigDict, RootModel
from tests.support.governed import CARD, POLICIES, MakeTraced, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import OpenAIGuard
from promethios.governance.adapters.openai import _after
from promethios.governance.adapters.openai_streams import read_part
from promethios.governance.adapters.streams import GuardedStream
from promethios.governance.enforcement.call import GovernedCall
from promethios.receiver.demo.llm import StandIn

ALLOWED, DENIED = "gpt-4o-mini", "gpt-4"
DENY = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: deny, version: "1"}
spec:
  policies:
    - id: old
      severity: high
      on: [model.before]
      match: {model: [gpt-4]}
      action: block
      onError: block
"""
HI: list[Any] = [{"role": "user", "content": "hi"}]


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
def client(llm: StandIn) -> Iterator[OpenAI]:
    with OpenAI(base_url=llm.url, api_key="unused", max_retries=0) as made:
        yield made


def test_a_request_that_leaves_the_model_to_the_server_is_decided(
    client: OpenAI, llm: StandIn, guard: None
) -> None:
    with pytest.raises(PolicyViolation):
        client.responses.create(prompt={"id": "pmpt_1"}, input=f"pay {CARD}")
    assert llm.requests == []


RAW = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: raw, version: "1"}
spec:
  policies:
    - id: looks
      severity: high
      on: [model.before]
      detect: {in: [input], any: [pii.card]}
      action: block
      onError: block
"""


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_request_that_is_sent_as_bytes_is_for_on_error(
    client: OpenAI, llm: StandIn, asynchronous: bool
) -> None:
    body = b'{"model": "gpt-4o-mini", "messages": []}'
    OpenAIGuard().instrument(governor=Governor.from_text(RAW))

    async def post() -> None:
        async with AsyncOpenAI(base_url=llm.url, api_key="unused") as other:
            await other.post("/chat/completions", content=body, cast_to=object)

    try:
        with pytest.raises(PolicyViolation):
            asyncio.run(post()) if asynchronous else client.post(
                "/chat/completions", content=body, cast_to=object
            )
        assert llm.requests == []
    finally:
        OpenAIGuard().uninstrument()


def test_bytes_for_what_is_no_model_are_none_of_ours(client: OpenAI, traced: Traced, guard: None) -> None:
    with pytest.raises(BadRequestError):
        client.post("/uploads/1/parts", content=b"x", cast_to=object)
    assert traced.points == []


def test_a_model_named_by_an_enumeration_is_matched(client: OpenAI, llm: StandIn) -> None:
    class Model(str, Enum):  # noqa: UP042 - whose text is not its value
        OLD = "gpt-4"

    OpenAIGuard().instrument(governor=Governor.from_text(DENY))
    try:
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model=Model.OLD, messages=HI)
    finally:
        OpenAIGuard().uninstrument()
    assert llm.requests == []


def test_a_client_made_with_other_options_is_guarded(client: OpenAI, llm: StandIn, guard: None) -> None:
    with pytest.raises(PolicyViolation):
        client.with_options(timeout=3).chat.completions.create(model=DENIED, messages=HI)
    assert llm.requests == []


def test_a_client_of_azure_is_guarded(llm: StandIn, guard: None, traced: Traced) -> None:
    client = AzureOpenAI(azure_endpoint=llm.url, api_key="unused", api_version="2024-10-21")
    with client, pytest.raises(PolicyViolation):
        client.chat.completions.create(model=DENIED, messages=HI)
    assert llm.requests == []
    assert traced.decisions[0].attributes["gen_ai.provider.name"] == "azure.ai.openai"


def test_the_wrapper_of_another_library_outlives_the_guard(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, governor: Governor
) -> None:
    seen: list[Any] = []

    def other(wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        seen.append(1)
        return wrapped(*args, **kwargs)

    monkeypatch.setattr(OpenAI, "request", wrapt.FunctionWrapper(OpenAI.request, other), raising=False)
    OpenAIGuard().instrument(governor=governor)
    OpenAIGuard().uninstrument()
    client.chat.completions.create(model=DENIED, messages=HI)
    assert seen == [1]


def test_guards_can_be_put_on_again(client: OpenAI, llm: StandIn, governor: Governor) -> None:
    for _ in range(2):
        OpenAIGuard().instrument(governor=governor)
        with pytest.raises(PolicyViolation):
            client.chat.completions.create(model=DENIED, messages=HI)
        OpenAIGuard().uninstrument()
    client.chat.completions.create(model=DENIED, messages=HI)
    assert len(llm.requests) == 1


def test_the_gate_of_a_replaced_governor_decides_again(governor: Governor, traced_with: MakeTraced) -> None:
    tracer = traced_with(ALWAYS_ON).provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    OpenAIGuard().instrument(governor=governor)
    OpenAIGuard().instrument(governor=Governor.from_text(POLICIES))
    OpenAIGuard().uninstrument()
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": DENIED}
    with pytest.raises(PolicyViolation):
        tracer.start_span("chat", attributes=attributes)


@pytest.mark.parametrize("way", ["chat", "read"])
def test_a_stream_helper_is_decided_when_it_is_left(
    client: OpenAI, traced: Traced, guard: None, way: str
) -> None:
    with client.chat.completions.stream(model=ALLOWED, messages=HI) as stream:
        if way == "read":
            assert stream.get_final_completion().choices
        else:
            next(iter(stream))
    assert traced.points == ["model.before", "model.after"]


def test_an_asynchronous_stream_helper_is_decided_when_it_is_left(
    llm: StandIn, traced: Traced, guard: None
) -> None:
    async def leave() -> None:
        client = AsyncOpenAI(base_url=llm.url, api_key="unused")
        async with client, client.chat.completions.stream(model=ALLOWED, messages=HI) as stream:
            await anext(aiter(stream))

    asyncio.run(leave())
    assert traced.points == ["model.before", "model.after"]


def test_an_asynchronous_stream_is_decided_when_it_is_closed(
    llm: StandIn, traced: Traced, guard: None
) -> None:
    async def close() -> None:
        async with AsyncOpenAI(base_url=llm.url, api_key="unused") as client:
            stream = await client.chat.completions.create(model=ALLOWED, messages=HI, stream=True)
            await stream.aclose()

    asyncio.run(close())
    assert traced.points == ["model.before", "model.after"]


def test_a_part_of_an_unknown_shape_reaches_the_caller(governor: Governor) -> None:
    class Stream:
        response = None

        def __next__(self) -> Any:
            return SimpleNamespace(choices=7)

    assert next(GuardedStream(Stream(), GovernedCall(governor, "model", {}), read_part)).choices == 7


class Card(BaseModel):
    model_config = ConfigDict(frozen=True)
    number: str


class Cards(RootModel[list[Card]]):
    pass


@pytest.mark.parametrize("parsed", [Card(number=CARD), Cards([Card(number=CARD)])], ids=["frozen", "root"])
def test_an_answer_parsed_into_the_applications_model_is_redacted(governor: Governor, parsed: Any) -> None:
    class Answer(BaseModel):
        choices: list[Any]

    answer = Answer(choices=[parsed, CARD])
    result = _after(GovernedCall(governor, "model", {}), answer)
    assert " 1111" not in result.model_dump_json()
    assert result.choices[0] is parsed


def test_an_answer_that_is_not_as_its_model_says_passes_without_a_warning(governor: Governor) -> None:
    class Answer(BaseModel):
        choices: list[int]

    answer = Answer.model_construct(choices=["x"])
    assert _after(GovernedCall(governor, "model", {}), answer) is answer
