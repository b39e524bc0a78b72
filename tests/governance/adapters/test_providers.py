"""What only one library has: raw responses, tools that a client calls by itself, bodies of invoked models."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import boto3
import litellm
import pytest
from google import genai
from litellm import acompletion, completion, embedding
from litellm.integrations.custom_logger import CustomLogger
from tests.support import providers
from tests.support.governed import CARD, POLICIES, Traced
from tests.support.libraries import ALLOWED, DENIED
from tests.support.providers import Reply, ToolUse

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import instrument_all, uninstrument_all

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.filterwarnings("error:::promethios")]
CLEAN = "[REDACTED:pii.card]"
IMAGE = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def guard(governor: Governor) -> Iterator[None]:
    instrument_all(governor)
    yield
    uninstrument_all()


def ask(text: Any) -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.fixture
def claude() -> Iterator[tuple[anthropic.Anthropic, providers.Anthropic]]:
    with (
        providers.Anthropic(Reply(f"It is {CARD}.")) as server,
        anthropic.Anthropic(base_url=server.url, api_key="unused", max_retries=0) as client,
    ):
        yield client, server


Claude = tuple[anthropic.Anthropic, providers.Anthropic]


def test_anthropic_has_no_way_around_the_guard(claude: Claude) -> None:
    client, server = claude
    asked: dict[str, Any] = {"model": DENIED, "max_tokens": 9, "messages": ask("hi")}
    for call in (
        lambda: client.beta.messages.create(**asked),
        lambda: client.messages.with_raw_response.create(**asked),
        lambda: client.messages.parse(**asked),
        lambda: client.messages.count_tokens(model=DENIED, messages=ask("hi")),
        lambda: client.with_options(timeout=3).messages.create(**asked),
        lambda: client.messages.create(**{**asked, "model": ALLOWED}, extra_body={"model": DENIED}),
        lambda: client.post("/v1/messages", body=asked, cast_to=object),
    ):
        with pytest.raises(PolicyViolation):
            call()
    assert server.requests == []


def test_a_raw_response_of_anthropic_is_decided_when_it_is_parsed(claude: Claude, traced: Traced) -> None:
    client, _ = claude
    raw = client.messages.with_raw_response.create(model=ALLOWED, max_tokens=9, messages=ask("hi"))
    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().content[0].text == f"It is {CLEAN}."
    assert raw.parse() is raw.parse()
    assert traced.points == ["model.before", "model.after"]


def test_messages_that_are_read_once_leave_redacted_and_whole(claude: Claude) -> None:
    client, server = claude
    blocks = iter([{"type": "text", "text": CARD}, {"type": "text", "text": "and more"}])
    client.messages.create(model=ALLOWED, max_tokens=9, messages=iter(ask(blocks)))
    (request,) = server.requests
    assert [block["text"] for block in request.json["messages"][0]["content"]] == [CLEAN, "and more"]


def test_an_answer_of_anthropic_can_be_sent_back(claude: Claude) -> None:
    client, server = claude
    server.replies = [Reply("Let me pay.", tools=(ToolUse("pay", {"card": "unknown"}),)), Reply("Paid.")]
    said = client.messages.create(model=ALLOWED, max_tokens=9, messages=ask("hi"))
    result = {"type": "tool_result", "tool_use_id": said.content[1].id, "content": f"paid with {CARD}"}
    history = [*ask("hi"), {"role": "assistant", "content": said.content}, *ask([result])]
    client.messages.create(model=ALLOWED, max_tokens=9, messages=history, system=f"never say {CARD}")
    assert " 1111" not in server.received
    assert result["content"] == f"paid with {CARD}"  # the application's own objects stay as they are
    assert server.requests[1].json["messages"][1]["content"][1]["name"] == "pay"


def test_a_large_image_is_no_case_for_on_error_and_is_sent_whole(claude: Claude) -> None:
    from base64 import b64encode

    client, server = claude
    source = {"type": "base64", "media_type": "image/png", "data": b64encode(IMAGE).decode()}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": CARD}]
    strict = POLICIES.replace("action: redact", "action: redact\n      onError: block")
    instrument_all(Governor.from_text(strict))
    client.messages.create(model=ALLOWED, max_tokens=9, messages=ask(parts))
    image, text = server.requests[0].json["messages"][0]["content"]
    assert b64decode(image["source"]["data"]) == IMAGE
    assert text["text"] == CLEAN


class Hostile(str):
    """The name of a model that a library can send, and that nobody can print."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(("on_error", "requests"), [("flag", 1), ("block", 0)])
def test_a_request_that_cannot_be_read_is_a_case_of_on_error(
    claude: Claude, on_error: str, requests: int, caplog: pytest.LogCaptureFixture
) -> None:
    client, server = claude
    instrument_all(Governor.from_text(CARDS.format(on_error=on_error)))
    try:
        said = client.messages.create(model=Hostile(ALLOWED), max_tokens=9, messages=ask("hi"))
        assert said.content[0].text == f"It is {CARD}."
    except PolicyViolation as violation:
        assert "policy 'cards' could not be evaluated" in str(violation)
    assert len(server.requests) == requests
    assert "cannot read what an operation carries" in caplog.text


CARDS = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {{name: cards, version: "1"}}
spec:
  policies:
    - id: cards
      severity: high
      on: [model.before]
      detect: {{in: [input], any: ["pii.card"]}}
      action: redact
      onError: {on_error}
"""


def test_the_client_of_bedrock_is_told_as_bedrock(claude: Claude, traced: Traced) -> None:
    _, server = claude
    client = anthropic.AnthropicBedrock(
        base_url=server.url, aws_access_key="unused", aws_secret_key="unused", aws_region="eu-west-1"
    )
    with client, pytest.raises(PolicyViolation):
        client.messages.create(model=DENIED, max_tokens=9, messages=ask("hi"))
    assert server.requests == []
    assert traced.decisions[0].attributes["gen_ai.provider.name"] == "aws.bedrock"  # type: ignore[index]


PAID: list[str] = []


def pay(card: str) -> str:
    """Pay."""
    PAID.append(card)
    return f"paid with {CARD}"


def delete_all() -> str:
    """Delete."""
    PAID.append("deleted")
    return "deleted"


async def pay_later(card: str) -> str:
    """Pay."""
    return pay(card)


def chat(server: providers.Google, tool: Any, how: str) -> str:
    """What a chat says whose client calls the tool by itself."""
    client = genai.Client(api_key="unused", http_options={"base_url": server.url})
    if how == "sync":
        return client.chats.create(model=ALLOWED, config={"tools": [tool]}).send_message("hi").text or ""

    async def talk() -> str:
        async with client.aio as aio:
            said = await aio.chats.create(model=ALLOWED, config={"tools": [tool]}).send_message("hi")
            return said.text or ""

    return asyncio.run(talk())


def both(point: str, what: str) -> Any:
    marks = {how: pytest.mark.proves("google-genai", point, what, how) for how in ("sync", "async")}
    return pytest.mark.parametrize("how", [pytest.param(how, marks=mark) for how, mark in marks.items()])


@both("tool.before", "blocked")
def test_a_tool_of_google_that_is_stopped_does_not_run(how: str, traced: Traced) -> None:
    PAID.clear()
    wants = Reply("", tools=(ToolUse("delete_all"),))
    with providers.Google(wants, Reply("I may not.")) as server:
        assert chat(server, delete_all, how) == "I may not."
    assert PAID == []
    told = server.requests[1].json["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert told == {"error": "tool.before blocked by policy 'no-delete': nothing may be deleted"}
    assert traced.points.count("tool.before") == 1


@pytest.mark.proves("google-genai", "tool.before", "seen", "sync")
@pytest.mark.proves("google-genai", "tool.after", "seen", "sync")
@both("tool.after", "redacted")
def test_what_a_tool_of_google_gives_is_redacted_for_the_model(how: str, traced: Traced) -> None:
    tool = pay if how == "sync" else pay_later
    with providers.Google(
        Reply("", tools=(ToolUse(tool.__name__, {"card": "x"}),)), Reply("Done.")
    ) as server:
        assert chat(server, tool, how) == "Done."
    told = server.requests[1].json["contents"][-1]["parts"][0]["functionResponse"]["response"]
    assert told == {"result": f"paid with {CLEAN}"}
    assert traced.points == [
        *("model.before", "model.after"),
        *("tool.before", "tool.after"),
        *("model.before", "model.after"),
    ]


@both("tool.before", "redacted")
def test_a_tool_of_google_is_called_with_what_was_redacted(how: str) -> None:
    PAID.clear()
    policies = POLICIES.replace("[model.before, model.after, tool.before,", "[tool.before,")
    instrument_all(Governor.from_text(policies))
    with providers.Google(Reply("", tools=(ToolUse("pay", {"card": CARD}),)), Reply("Done.")) as server:
        chat(server, pay, how)
    assert PAID == [CLEAN]


def test_embeddings_and_counts_of_google_are_decided() -> None:
    with providers.Google() as server:
        client = genai.Client(api_key="unused", http_options={"base_url": server.url})
        for call in (client.models.embed_content, client.models.count_tokens):
            with pytest.raises(PolicyViolation):
                call(model=DENIED, contents="hi")
            call(model=ALLOWED, contents=CARD)
    assert len(server.requests) == 2
    assert " 1111" not in server.received


def test_what_extra_body_adds_is_decided() -> None:
    extra = {"systemInstruction": {"parts": [{"text": CARD}]}}
    with providers.Google() as server:
        client = genai.Client(api_key="unused", http_options={"base_url": server.url})
        client.models.generate_content(
            model=ALLOWED, contents="hi", config={"http_options": {"extra_body": extra}}
        )
    assert server.requests[0].json["systemInstruction"] == {"parts": [{"text": CLEAN}]}


@pytest.mark.parametrize("how", ["sync", "async"])
def test_interactions_of_google_are_decided(how: str, traced: Traced) -> None:
    def interact(server: providers.Google, model: str) -> Any:
        client = genai.Client(api_key="unused", http_options={"base_url": server.url})
        if how == "sync":
            return client.interactions.create(model=model, input=f"pay with {CARD}")

        async def talk() -> Any:
            async with client.aio as aio:
                return await aio.interactions.create(model=model, input=f"pay with {CARD}")

        return asyncio.run(talk())

    with providers.Google(Reply(f"It is {CARD}.")) as server:
        with pytest.raises(PolicyViolation):
            interact(server, DENIED)
        answer = interact(server, ALLOWED)
    (request,) = server.requests
    assert request.json["input"] == f"pay with {CLEAN}"
    assert answer.steps[0].content[0].text == f"It is {CLEAN}."
    assert traced.points == ["model.before", "model.before", "model.after"]


@pytest.fixture
def bedrock() -> Iterator[tuple[Any, providers.Bedrock]]:
    keys = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused"}
    with providers.Bedrock(Reply(f"It is {CARD}.")) as server:
        client = boto3.client("bedrock-runtime", endpoint_url=server.url, region_name="eu-west-1", **keys)
        yield client, server
        client.close()


def test_a_model_that_is_invoked_is_decided(bedrock: tuple[Any, providers.Bedrock]) -> None:
    client, server = bedrock
    body = json.dumps({"max_tokens": 9, "messages": ask(CARD)})
    with pytest.raises(PolicyViolation):
        client.invoke_model(modelId=DENIED, body=body)
    answer = json.loads(client.invoke_model(modelId=ALLOWED, body=body)["body"].read())
    assert answer["content"][0]["text"] == f"It is {CLEAN}."
    assert server.requests[0].json["messages"] == ask(CLEAN)


def test_a_model_that_is_invoked_streams_redacted(bedrock: tuple[Any, providers.Bedrock]) -> None:
    client, _ = bedrock
    body = json.dumps({"max_tokens": 9, "messages": ask("hi")})
    stream = client.invoke_model_with_response_stream(modelId=ALLOWED, body=body)["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert text == f"It is {CLEAN}."


def test_an_image_for_converse_is_sent_whole(bedrock: tuple[Any, providers.Bedrock]) -> None:
    client, server = bedrock
    parts = [{"image": {"format": "png", "source": {"bytes": IMAGE}}}, {"text": CARD}]
    client.converse(modelId=ALLOWED, messages=ask(parts))
    image, text = server.requests[0].json["messages"][0]["content"]
    assert b64decode(image["image"]["source"]["bytes"]) == IMAGE
    assert text == {"text": CLEAN}


class Logger(CustomLogger):
    """A callback of LiteLLM that keeps all that it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> None:
        self.told.append(f"{messages} {kwargs}")

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        self.told.append(f"{kwargs} {response_obj}")


@pytest.fixture
def gpt() -> Iterator[tuple[dict[str, Any], providers.OpenAI]]:
    with providers.OpenAI(Reply(f"It is {CARD}.")) as server:
        yield {"api_base": server.base_url, "api_key": "unused"}, server


Gpt = tuple[dict[str, Any], providers.OpenAI]


def test_litellm_has_no_way_around_the_guard(gpt: Gpt) -> None:
    to, server = gpt
    model = f"openai/{DENIED}"
    router = litellm.Router([{"model_name": "mine", "litellm_params": {"model": model, **to}}], num_retries=0)
    for call in (
        lambda: completion(model, ask("hi"), **to),
        lambda: litellm.completion(model=DENIED, messages=ask("hi"), custom_llm_provider="openai", **to),
        lambda: litellm.text_completion(model=model, prompt="hi", **to),
        lambda: litellm.responses(model=model, input="hi", **to),
        lambda: embedding(model, ["hi"], **to),
        lambda: asyncio.run(acompletion(model, ask("hi"), num_retries=1, **to)),
        lambda: asyncio.run(litellm.aresponses(model=model, input="hi", **to)),
        lambda: router.completion("mine", ask("hi")),
        lambda: asyncio.run(router.acompletion("mine", ask("hi"))),
    ):
        with pytest.raises(PolicyViolation):
            call()
    assert server.requests == []


def test_callbacks_of_litellm_are_told_what_was_sent_and_what_was_had(
    gpt: Gpt, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, server = gpt
    logger = Logger()
    monkeypatch.setattr(litellm, "callbacks", [logger])

    async def call() -> None:
        await acompletion(f"openai/{ALLOWED}", ask(f"pay with {CARD}"), **to)
        while len(logger.told) < 2:
            await asyncio.sleep(0.01)

    asyncio.run(call())
    assert " 1111" not in server.received
    assert "pay with" in logger.told[0]
    assert " 1111" not in "".join(logger.told)


def test_responses_of_litellm_stream_redacted(gpt: Gpt) -> None:
    to, _ = gpt
    events = list(litellm.responses(model=f"openai/{ALLOWED}", input="hi", stream=True, **to))
    assert "".join(getattr(event, "delta", "") for event in events) == f"It is {CLEAN}."
    assert " 1111" not in str(events)


ORDER = """
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from tests.support.governed import POLICIES
from tests.support.libraries import DENIED, LIBRARIES
from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import instrument_all

AnthropicInstrumentor().instrument(tracer_provider=TracerProvider())
instrument_all(Governor.from_text(POLICIES))
AnthropicInstrumentor().uninstrument()
library = next(each for each in LIBRARIES if each.distribution == "anthropic")
for how in library.hows:
    with library.provider() as server:
        try:
            library.ask(server, how, model=DENIED)
        except PolicyViolation:
            print(how, server.requests)
"""
LAZY = """
import sys
from tests.support.governed import POLICIES
from promethios.governance import Governor
from promethios.governance.adapters import instrument_all

lazy = ("anthropic", "botocore", "google.genai", "litellm")
guarded = instrument_all(Governor.from_text(POLICIES))
print(*[name for name in lazy if name in guarded])
print(*[name for name in lazy if name in sys.modules])
"""


def run(program: str) -> str:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_guard_that_is_put_on_last_outlives_the_instrumentation() -> None:
    assert run(ORDER).splitlines() == [
        f"{how} []" for how in ("sync", "async", "sync stream", "async stream")
    ]


def test_no_library_is_imported_to_be_guarded() -> None:
    assert run(LAZY).splitlines() == ["anthropic botocore google.genai litellm", ""]
