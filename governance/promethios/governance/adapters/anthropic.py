"""Anthropic: messages (also beta, streamed and parsed), older completions and token counts; sync and async.

The guard stands around the client's own `request`, below every resource method and every instrumentation,
whichever was put on first, and above retries: a call is decided once. The clients for Bedrock, Vertex AI and
Foundry share it. The SDK's own spans open below the guard and are the same operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from promethios.governance.adapters.anthropic_streams import answer_of, read_event
from promethios.governance.adapters.exchange import (
    Asked,
    answered_by,
    ask,
    begin,
    concluded,
    identity,
    unrolled,
)
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.adapters.results import RawAnswer
from promethios.governance.adapters.streams import AsyncGuardedStream, GuardedStream
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import plain

_OPERATIONS: Final = {"/v1/messages": "chat", "/v1/complete": "text_completion"}
_CONTENT: Final = ("content", "completion")
# Clients of platforms are known by what they are made from.
_PLATFORMS: Final = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai", "Foundry": "azure.ai.foundry"}
# What the SDK leaves out of a request.
_NOT_GIVEN: Final = ("NotGiven", "Omit")


class AnthropicGuard(LibraryGuard):
    """Puts guards around the clients of the `anthropic` package. One for the process."""

    library: ClassVar[str] = "anthropic"
    scopes: ClassVar[frozenset[str]] = frozenset(
        {
            "openinference.instrumentation.anthropic",
            "opentelemetry.instrumentation.anthropic",
            "opentelemetry.instrumentation.genai.anthropic",
        }
    )

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        wrap_when_imported(
            "anthropic._base_client",
            {"SyncAPIClient.request": _guarded, "AsyncAPIClient.request": _guarded_async},
        )


def _guarded(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return wrapped(*args, **kwargs)
    with call.running():
        result = wrapped(*args, **kwargs)
    return concluded(call, _after, result)


async def _guarded_async(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return await wrapped(*args, **kwargs)
    with call.running():
        result = await wrapped(*args, **kwargs)
    return concluded(call, _after, result)


def _before(
    client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[GovernedCall | None, tuple[Any, ...], dict[str, Any]]:
    """Decide the request, and put what was redacted of it into the arguments of `request`."""
    governor = AnthropicGuard.governor
    if governor is None:
        return None, args, kwargs
    call, body = begin(governor, _read, client, args, kwargs)
    if call is None:
        return None, args, kwargs
    redacted = ask(call, body)
    with call.fail_open("redact a request", "input"):
        args, kwargs = _with_body(args, kwargs, body, redacted)
    return call, args, kwargs


def _read(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    options = _options(args, kwargs)
    body = _body(options)
    if "model" not in body and options.url not in _OPERATIONS:
        return None
    operation = _OPERATIONS.get(options.url.partition("?")[0], "chat")
    model = str(plain(body.get("model", "")))
    return identity(operation, _provider(client), model), unrolled(body)


def _with_body(
    args: tuple[Any, ...], kwargs: dict[str, Any], read: dict[str, Any], redacted: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of `request` with what was redacted, and what can be read only once, in their places."""
    options = _options(args, kwargs)
    if not redacted and all(read.get(name, value) is value for name, value in _body(options).items()):
        return args, kwargs
    options = options.model_copy(update={"json_data": {**read, **redacted}, "extra_json": None})
    if "options" in kwargs:
        return args, {**kwargs, "options": options}
    return (args[0], options, *args[2:]), kwargs


def _options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return kwargs["options"] if "options" in kwargs else args[1]


def _body(options: Any) -> dict[str, Any]:
    """The JSON that will be sent: `extra_body` goes over what the method was given."""
    body = options.json_data if isinstance(options.json_data, Mapping) else {}
    merged = {**body, **(options.extra_json or {})}
    return {name: value for name, value in merged.items() if type(value).__name__ not in _NOT_GIVEN}


def _provider(client: Any) -> str:
    names = " ".join(base.__name__ for base in type(client).__mro__)
    return next((provider for name, provider in _PLATFORMS.items() if name in names), "anthropic")


def _after(call: GovernedCall, result: Any) -> Any:
    """What the caller gets of `result`: decided now, as it streams, or when a raw response is parsed."""
    if hasattr(result, "parse") and hasattr(result, "http_response"):
        return RawAnswer(result, call, _after)
    if hasattr(result, "__stream__"):
        guarded = AsyncGuardedStream if hasattr(result, "__anext__") else GuardedStream
        return guarded(result, call, read_event)
    answered_by(call, result, _CONTENT, answer_of(result))
    return result
