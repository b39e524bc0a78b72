"""Libraries that call models, the same to a test: ask something in one of four ways, and read the answer."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import providers
from tests.support.providers import Provider

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or LiteLLM asks the internet for its prices

HOWS = ("sync", "async", "sync stream", "async stream")
ALLOWED, DENIED = "gpt-4o-mini", "gpt-4"


@dataclass
class Answer:
    """What the caller of a library got: text, and the arguments of the tools that it is to call."""

    text: str = ""
    arguments: str = ""

    def add(self, text: Any = None, arguments: Any = None) -> None:
        """Take what one part says."""
        self.text += text or ""
        if arguments:
            self.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)


@dataclass(frozen=True)
class Instrumentation:
    """An instrumentation of a library.

    Args:
        name: Its distribution.
        make: Gives its instrumentor.
        options: What else `instrument` is given.
        captures: What makes it capture content, as the value of the variable that asks for it.
    """

    name: str
    make: Callable[[], Any]
    options: dict[str, Any] = field(default_factory=dict)
    captures: str = "span_and_event"

    @contextmanager
    def on(self, **options: Any) -> Iterator[None]:
        """Put it on, and take it off again with all that it left on the library's methods."""
        before = dict(_resource_methods())
        self.make().instrument(**self.options, **options)
        try:
            yield
        finally:
            self.make().uninstrument()
            for (owner, name), method in _resource_methods():
                if before.get((owner, name), method) is not method:
                    setattr(owner, name, before[owner, name])


def _resource_methods() -> Iterator[tuple[tuple[type, str], Any]]:
    """The methods that instrumentations of OpenAI and Anthropic wrap; guards stand elsewhere."""
    for module in [each for name, each in sys.modules.items() if ".resources." in f"{name}."]:
        for owner in [each for each in vars(module).values() if isinstance(each, type)]:
            yield from (((owner, name), method) for name, method in list(vars(owner).items()))


class Library(ABC):
    """One library: its distribution, its local provider, and how a caller would use it."""

    distribution: str
    provider: type[Provider]
    hows: tuple[str, ...] = HOWS
    error: str

    @abstractmethod
    def client(self, server: Provider) -> Any:
        """A client that asks the local provider."""

    @abstractmethod
    def call(self, client: Any, model: str, text: str) -> Answer:
        """Ask, and wait for the whole answer."""

    @abstractmethod
    def stream(self, client: Any, model: str, text: str, answer: Answer) -> None:
        """Ask for a stream, and read it to its end."""

    async def acall(self, server: Provider, model: str, text: str) -> Answer:
        """Ask, and await the whole answer."""
        raise NotImplementedError

    async def astream(self, server: Provider, model: str, text: str, answer: Answer) -> None:
        """Ask for a stream, and read it to its end."""
        raise NotImplementedError

    def instrumentations(self) -> list[Instrumentation]:
        """Those that the tests have, the official one first."""
        return []

    def close(self, client: Any) -> None:
        """Close the client."""
        client.close()

    @contextmanager
    def opened(self, server: Provider) -> Iterator[Any]:
        """A client, and its end."""
        client = self.client(server)
        try:
            yield client
        finally:
            self.close(client)

    def ask(
        self, server: Provider, how: str, text: str = "hi", model: str = ALLOWED, answer: Answer | None = None
    ) -> Answer:
        """Ask in one of the four ways; what was streamed before an error is in `answer`."""
        answer = answer or Answer()
        if how == "async":
            return asyncio.run(self.acall(server, model, text))
        if how == "async stream":
            asyncio.run(self.astream(server, model, text, answer))
            return answer
        with self.opened(server) as client:
            if how == "sync":
                return self.call(client, model, text)
            self.stream(client, model, text, answer)
        return answer


class Anthropic(Library):
    """The `anthropic` SDK."""

    distribution = "anthropic"
    provider = providers.Anthropic
    error = "BadRequestError"

    def client(self, server: Provider) -> Any:
        from anthropic import Anthropic

        return Anthropic(base_url=server.url, api_key="unused", max_retries=0)

    def call(self, client: Any, model: str, text: str) -> Answer:
        return self._whole(client.messages.create(**self._asked(model, text)))

    def stream(self, client: Any, model: str, text: str, answer: Answer) -> None:
        with client.messages.create(**self._asked(model, text), stream=True) as events:
            for event in events:
                self._part(event, answer)

    async def acall(self, server: Provider, model: str, text: str) -> Answer:
        async with self._async_client(server) as client:
            return self._whole(await client.messages.create(**self._asked(model, text)))

    async def astream(self, server: Provider, model: str, text: str, answer: Answer) -> None:
        asked = self._asked(model, text)
        async with self._async_client(server) as client, client.messages.stream(**asked) as events:
            async for event in events:
                self._part(event, answer)

    def instrumentations(self) -> list[Instrumentation]:
        from openinference.instrumentation.anthropic import AnthropicInstrumentor as OpenInference
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor as OpenLLMetry
        from opentelemetry.instrumentation.genai.anthropic import AnthropicInstrumentor as Official

        return [
            Instrumentation("opentelemetry-instrumentation-genai-anthropic", Official),
            Instrumentation("opentelemetry-instrumentation-anthropic", OpenLLMetry),
            Instrumentation("openinference-instrumentation-anthropic", OpenInference),
        ]

    def _async_client(self, server: Provider) -> Any:
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(base_url=server.url, api_key="unused", max_retries=0)

    def _asked(self, model: str, text: str) -> dict[str, Any]:
        return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}]}

    def _whole(self, message: Any) -> Answer:
        answer = Answer()
        for block in message.content:
            answer.add(getattr(block, "text", None), getattr(block, "input", None))
        return answer

    def _part(self, event: Any, answer: Answer) -> None:
        if event.type == "content_block_delta":
            answer.add(getattr(event.delta, "text", None), getattr(event.delta, "partial_json", None))


class GoogleGenAI(Library):
    """The `google-genai` SDK."""

    distribution = "google-genai"
    provider = providers.Google
    error = "ClientError"

    def client(self, server: Provider) -> Any:
        from google import genai

        return genai.Client(api_key="unused", http_options={"base_url": server.url})

    def call(self, client: Any, model: str, text: str) -> Answer:
        answer = Answer()
        self._part(client.models.generate_content(model=model, contents=text), answer)
        return answer

    def stream(self, client: Any, model: str, text: str, answer: Answer) -> None:
        for part in client.models.generate_content_stream(model=model, contents=text):
            self._part(part, answer)

    async def acall(self, server: Provider, model: str, text: str) -> Answer:
        answer = Answer()
        async with self.client(server).aio as client:
            self._part(await client.models.generate_content(model=model, contents=text), answer)
        return answer

    async def astream(self, server: Provider, model: str, text: str, answer: Answer) -> None:
        async with self.client(server).aio as client:
            async for part in await client.models.generate_content_stream(model=model, contents=text):
                self._part(part, answer)

    def instrumentations(self) -> list[Instrumentation]:
        from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor

        # It names an older release of the library than what it works with.
        options = {"skip_dep_check": True}
        name = "opentelemetry-instrumentation-google-genai"
        return [Instrumentation(name, GoogleGenAiSdkInstrumentor, options)]

    def _part(self, response: Any, answer: Answer) -> None:
        for part in response.candidates[0].content.parts or ():
            answer.add(part.text, part.function_call and part.function_call.args)


class OpenAI(Library):
    """The `openai` SDK."""

    distribution = "openai"
    provider = providers.OpenAI
    error = "BadRequestError"

    def client(self, server: Provider) -> Any:
        from openai import OpenAI

        return OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)

    def call(self, client: Any, model: str, text: str) -> Answer:
        return self._whole(client.chat.completions.create(**self._asked(model, text)))

    def stream(self, client: Any, model: str, text: str, answer: Answer) -> None:
        for chunk in client.chat.completions.create(**self._streamed(model, text)):
            self._part(chunk, answer)

    async def acall(self, server: Provider, model: str, text: str) -> Answer:
        async with self._async_client(server) as client:
            return self._whole(await client.chat.completions.create(**self._asked(model, text)))

    async def astream(self, server: Provider, model: str, text: str, answer: Answer) -> None:
        async with self._async_client(server) as client:
            async for chunk in await client.chat.completions.create(**self._streamed(model, text)):
                self._part(chunk, answer)

    def instrumentations(self) -> list[Instrumentation]:
        from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
        from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as Official
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor as OpenLLMetry

        return [
            Instrumentation("opentelemetry-instrumentation-genai-openai", Official),
            Instrumentation("opentelemetry-instrumentation-openai", OpenLLMetry),
            Instrumentation("openinference-instrumentation-openai", OpenInference),
        ]

    def _async_client(self, server: Provider) -> Any:
        from openai import AsyncOpenAI

        return AsyncOpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0)

    def _asked(self, model: str, text: str) -> dict[str, Any]:
        return {"model": model, "messages": [{"role": "user", "content": text}]}

    def _streamed(self, model: str, text: str) -> dict[str, Any]:
        return {**self._asked(model, text), "stream": True, "stream_options": {"include_usage": True}}

    def _whole(self, completion: Any) -> Answer:
        answer, said = Answer(), completion.choices[0].message
        answer.add(said.content)
        for call in said.tool_calls or ():
            answer.add(arguments=call.function.arguments)
        return answer

    def _part(self, chunk: Any, answer: Answer) -> None:
        for choice in chunk.choices:
            answer.add(choice.delta.content)
            for call in choice.delta.tool_calls or ():
                answer.add(arguments=call.function.arguments)


class LiteLLM(OpenAI):
    """`litellm`, which asks a model of OpenAI's by OpenAI's SDK."""

    distribution = "litellm"
    error = "BadRequestError"

    def client(self, server: Provider) -> Any:
        return server

    def close(self, client: Any) -> None:
        """There is nothing to close: LiteLLM keeps clients of its own."""

    def call(self, client: Any, model: str, text: str) -> Answer:
        from litellm import completion

        return self._whole(completion(**self._to(client, self._asked(model, text))))

    def stream(self, client: Any, model: str, text: str, answer: Answer) -> None:
        from litellm import completion

        for chunk in completion(**self._to(client, self._streamed(model, text))):
            self._part(chunk, answer)

    async def acall(self, server: Provider, model: str, text: str) -> Answer:
        from litellm import acompletion

        return self._whole(await acompletion(**self._to(server, self._asked(model, text))))

    async def astream(self, server: Provider, model: str, text: str, answer: Answer) -> None:
        from litellm import acompletion

        async for chunk in await acompletion(**self._to(server, self._streamed(model, text))):
            self._part(chunk, answer)

    def _to(self, server: Provider, asked: dict[str, Any]) -> dict[str, Any]:
        model = f"openai/{asked['model']}"
        return {**asked, "model": model, "api_base": f"{server.url}/v1", "api_key": "unused"}


class Bedrock(Library):
    """`boto3`, whose client for Bedrock's runtime is made of `botocore`."""

    distribution = "boto3"
    provider = providers.Bedrock
    hows = ("sync", "sync stream")
    error = "ValidationException"

    def client(self, server: Provider) -> Any:
        import boto3

        keys = {"aws_access_key_id": "unused", "aws_secret_access_key": "unused"}
        return boto3.client("bedrock-runtime", endpoint_url=server.url, region_name="eu-west-1", **keys)

    def call(self, client: Any, model: str, text: str) -> Answer:
        answer = Answer()
        response = client.converse(modelId=model, messages=self._messages(text))
        for block in response["output"]["message"]["content"]:
            answer.add(block.get("text"), block.get("toolUse", {}).get("input"))
        return answer

    def stream(self, client: Any, model: str, text: str, answer: Answer) -> None:
        for event in client.converse_stream(modelId=model, messages=self._messages(text))["stream"]:
            delta = event.get("contentBlockDelta", {}).get("delta", {})
            answer.add(delta.get("text"), delta.get("toolUse", {}).get("input"))

    def instrumentations(self) -> list[Instrumentation]:
        from opentelemetry.instrumentation.botocore import BotocoreInstrumentor

        name = "opentelemetry-instrumentation-botocore"
        return [Instrumentation(name, BotocoreInstrumentor, captures="true")]

    def _messages(self, text: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"text": text}]}]


LIBRARIES: tuple[Library, ...] = (Anthropic(), Bedrock(), GoogleGenAI(), LiteLLM(), OpenAI())
