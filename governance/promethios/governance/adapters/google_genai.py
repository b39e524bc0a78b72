"""google-genai: content, chats, streams, embeddings, token counts, and what else is asked of a named model.

The guard stands around the client's own `_request`, where the request is complete (`extra_body` too) and not
yet sent; below every method and every instrumentation, above retries, for the Gemini API and Vertex AI alike.
Python functions that the client calls by itself are tools: they are decided where it invokes them. The
client tells the model what a tool raises, and so it does when one was stopped: the chat goes on without it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, ClassVar, Final

from promethios.governance import semconv
from promethios.governance.adapters.exchange import Asked, answered, ask, begin, concluded, identity
from promethios.governance.adapters.google_interactions import after_interaction, before_interaction
from promethios.governance.adapters.google_streams import read_answer, usage_of
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.adapters.streams import AsyncGuardedStream, GuardedStream
from promethios.governance.adapters.tools import ToolCall
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import readable

_URL: Final = re.compile(r"/(?P<model>[^/:]+):(?P<method>[A-Za-z]+)(\?|$)")
_OPERATIONS: Final = {
    "batchEmbedContents": "embeddings",
    "embedContent": "embeddings",
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
}
# Where an answer has what the model made: content, and the predictions of Vertex AI.
_CONTENT: Final = ("candidates", "predictions")
_PYTHON: Final = {semconv.TOOL_TYPE: "function"}


class GoogleGenAIGuard(LibraryGuard):
    """Puts guards around the clients of the `google-genai` package. One for the process."""

    library: ClassVar[str] = "google.genai"
    scopes: ClassVar[frozenset[str]] = frozenset(
        {"openinference.instrumentation.google_genai", "opentelemetry.instrumentation.google_genai"}
    )

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        wrap_when_imported(
            "google.genai._api_client",
            {"BaseApiClient._request": _guarded, "BaseApiClient._async_request": _guarded_async},
        )
        wrap_when_imported(
            "google.genai._gaos.basesdk",
            {"BaseSDK.do_request": _interacted, "AsyncBaseSDK.do_request_async": _interacted_async},
        )
        wrap_when_imported(
            "google.genai._extra_utils",
            {
                "invoke_function_from_dict_args": _tool,
                "invoke_function_from_dict_args_async": _tool_async,
            },
        )


def _guarded(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return wrapped(*args, **kwargs)
    with call.running():
        response = wrapped(*args, **kwargs)
    return concluded(call, _after, response)


async def _guarded_async(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return await wrapped(*args, **kwargs)
    with call.running():
        response = await wrapped(*args, **kwargs)
    return concluded(call, _after, response)


def _before(
    client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[GovernedCall | None, tuple[Any, ...], dict[str, Any]]:
    """Decide the request, and give `_request` one that has in it what was redacted."""
    governor = GoogleGenAIGuard.governor
    if governor is None:
        return None, args, kwargs
    call, body = begin(governor, _read, client, args, kwargs)
    if call is None:
        return None, args, kwargs
    if redacted := ask(call, body):
        with call.fail_open("redact a request", "input"):
            request = replace(_request(args, kwargs), data={**body, **redacted})
            if "http_request" in kwargs:
                return call, args, {**kwargs, "http_request": request}
            return call, (request, *args[1:]), kwargs
    return call, args, kwargs


def _read(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    request = _request(args, kwargs)
    asked = _URL.search(str(request.url))
    if asked is None or not isinstance(request.data, dict):
        return None
    provider = "gcp.vertex_ai" if getattr(client, "vertexai", False) else "gcp.gemini"
    operation = _OPERATIONS.get(asked["method"], "generate_content")
    return identity(operation, provider, asked["model"]), request.data


def _request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return kwargs["http_request"] if "http_request" in kwargs else args[0]


def _after(call: GovernedCall, response: Any) -> Any:
    """Decide the answer in `response`, or have it decided as it streams."""
    if isinstance(parts := response.response_stream, list):
        response.response_stream = [_decide(call, part) for part in parts]
    else:
        sync, asynchronous = response.segments, response.async_segments
        response.segments = lambda: GuardedStream(sync(), call, read_answer)
        response.async_segments = lambda: AsyncGuardedStream(asynchronous(), call, read_answer)
    return response


def _decide(call: GovernedCall, body: str) -> str:
    """The JSON of an answer as the caller may have it."""
    answer = readable(json.loads, body)
    if not isinstance(answer, dict):
        call.after(output=answer or None)
        return body
    content = {name: value for name in _CONTENT if (value := answer.get(name))}
    after = answered(call, content, usage_of(answer))
    return body if after is content else json.dumps({**answer, **after})


def _interacted(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, kwargs = before_interaction(GoogleGenAIGuard.governor, kwargs)
    if call is None:
        return wrapped(*args, **kwargs)
    with call.running():
        response = wrapped(*args, **kwargs)
    return concluded(call, after_interaction, response)


async def _interacted_async(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, kwargs = before_interaction(GoogleGenAIGuard.governor, kwargs)
    if call is None:
        return await wrapped(*args, **kwargs)
    with call.running():
        response = await wrapped(*args, **kwargs)
    return concluded(call, after_interaction, response)


def _tool(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given, function = _invoked(*args, **kwargs)
    call = ToolCall.begin(GoogleGenAIGuard.governor, _name_of(function), _PYTHON, given)
    if call is None:
        return wrapped(given, function)
    given = call.arguments(given)
    with call.running():
        result = wrapped(given, function)
    return call.result(result)


async def _tool_async(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given, function = _invoked(*args, **kwargs)
    call = ToolCall.begin(GoogleGenAIGuard.governor, _name_of(function), _PYTHON, given)
    if call is None:
        return await wrapped(given, function)
    given = call.arguments(given)
    with call.running():
        result = await wrapped(given, function)
    return call.result(result)


def _invoked(args: Any, function_to_invoke: Any) -> tuple[Any, Any]:
    """What the client's own invocations are given, by position or by name."""
    return args, function_to_invoke


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
