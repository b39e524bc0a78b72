"""OpenAI: chat, responses, completions, embeddings and whatever else names a model; sync, async, streaming.

The guard stands around the client's own `request`, below every resource method and every instrumentation,
whichever was put on first. So it runs inside the instrumentation's span, sees the request as it will be sent,
and is asked once for a call, however many layers are above it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from promethios.governance import semconv
from promethios.governance.adapters.exchange import ask, identity
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.adapters.openai_streams import read_part
from promethios.governance.adapters.results import RawAnswer, decide_result
from promethios.governance.adapters.streams import AsyncGuardedStream, GuardedStream
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import UNREADABLE, plain, readable
from promethios.governance.operation import Operation

# The instrumentations that open a span around exactly the call that is guarded here.
_SCOPES: Final = frozenset(
    {
        "openinference.instrumentation.openai",
        "opentelemetry.instrumentation.genai.openai",
        "opentelemetry.instrumentation.openai.v1",
        "opentelemetry.instrumentation.openai_v2",
    }
)
_OPERATIONS: Final = {
    "/chat/completions": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
    "/responses": "chat",
}
_USED: Final = (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS)
# What gives an answer that was made before, or in the background.
_STORED: Final = re.compile(
    r"get /responses/[^/?]+|post /responses/[^/?]+/cancel|(get|post) /chat/completions/[^/?]+"
)


class OpenAIGuard(LibraryGuard):
    """Puts guards around the clients of the `openai` package. One for the process."""

    library = "openai"
    scopes = _SCOPES

    @classmethod
    def install(cls) -> None:
        """Put the guards around both clients, once `openai` is imported."""
        wrap_when_imported("openai", {"OpenAI.request": _guarded, "AsyncOpenAI.request": _guarded_async})


class _Stored(GovernedCall):
    """An answer that is fetched: no call of a model, and nothing is used by it, whatever its usage says."""

    def _finished(self, attributes: Mapping[str, Any] | None, payload: dict[str, Any]) -> Operation:
        known = {name: value for name, value in (attributes or {}).items() if name not in _USED}
        return super()._finished(known, payload)


def _guarded(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return wrapped(*args, **kwargs)
    with call.running():
        result = wrapped(*args, **kwargs)
    return _after(call, result)


async def _guarded_async(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return await wrapped(*args, **kwargs)
    with call.running():
        result = await wrapped(*args, **kwargs)
    return _after(call, result)


def _before(
    client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[GovernedCall | None, tuple[Any, ...], dict[str, Any]]:
    """Decide the request, and put what was redacted of it into the arguments of `request`."""
    governor = OpenAIGuard.governor
    options = kwargs["options"] if "options" in kwargs else args[1] if len(args) > 1 else None
    if governor is None or options is None:
        return None, args, kwargs
    url = str(getattr(options, "url", ""))
    if _STORED.fullmatch(f"{getattr(options, 'method', '')} {url}".lower()):
        return _Stored.begin(governor, "model", _identity(client, url, None)), args, kwargs
    body = readable(_body, options)
    named = body.get("model") if isinstance(body, dict) else UNREADABLE
    if url not in _OPERATIONS and (named is None or _is_raw(options)):
        return None, args, kwargs
    call = GovernedCall.begin(governor, "model", _identity(client, url, named))
    if call is None:
        return None, args, kwargs
    options = _decided(call, options, body)
    if "options" in kwargs:
        return call, args, {**kwargs, "options": options}
    return call, (args[0], options, *args[2:]), kwargs


def _is_raw(options: Any) -> bool:
    """Whether the application made the body itself, as bytes or a file."""
    return getattr(options, "content", None) is not None


def _body(options: Any) -> Any:
    """The JSON that will be sent: `extra_body` goes over what the method was given."""
    if _is_raw(options):
        return UNREADABLE
    body = options.json_data if isinstance(options.json_data, Mapping) else {}
    return {**body, **(options.extra_json or {})}


def _decided(call: GovernedCall, options: Any, body: Any) -> Any:
    """The options of the request, with the redacted body where something was redacted."""
    if not isinstance(body, dict):
        call.before(input=UNREADABLE)
        return options
    if not (sent := ask(call, body)):
        return options
    return options.model_copy(update={"json_data": {**body, **sent}, "extra_json": None})


def _identity(client: Any, url: str, model: Any) -> dict[str, Any]:
    azure = any(base.__name__ == "BaseAzureClient" for base in type(client).__mro__)
    provider = "azure.ai.openai" if azure else "openai"
    name = readable(str, plain(model)) if model not in (None, UNREADABLE) else ""
    return identity(_OPERATIONS.get(url, "chat"), provider, name if isinstance(name, str) else "")


def _after(call: GovernedCall, result: Any) -> Any:
    """What the caller gets of `result`: decided now, as it streams, or when a raw response is parsed."""
    if hasattr(result, "parse") and hasattr(result, "http_response"):
        return RawAnswer(result, call, _after)
    if hasattr(result, "__stream__"):
        guarded = AsyncGuardedStream if hasattr(result, "__anext__") else GuardedStream
        return guarded(result, call, read_part)
    decide_result(call, result)
    return result
