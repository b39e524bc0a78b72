"""OpenAI: chat, responses, completions, embeddings and whatever else names a model; sync, async, streaming.

The guard stands around the client's own `request`, below every resource method and every instrumentation,
whichever was put on first. So it runs inside the instrumentation's span, sees the request as it will be sent,
and is asked once for a call, however many layers are above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wrapt import wrap_function_wrapper

from promethios.governance import semconv
from promethios.governance.adapters.openai_streams import read_part
from promethios.governance.adapters.results import RawAnswer, decide_result
from promethios.governance.adapters.streams import AsyncGuardedStream, GuardedStream
from promethios.governance.decision import Decision
from promethios.governance.enforcement.call import GovernedCall, operation_span
from promethios.governance.enforcement.plain import plain

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

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


class OpenAIGuard:
    """Puts guards around the clients of the `openai` package. One for the process.

    What is put there stays, and lets everything pass while there is no governor: taking it out again would
    take out what others put on top of it or below.
    """

    _governor: ClassVar[Governor | None] = None
    _installed: ClassVar[bool] = False

    def instrument(self, *, governor: Governor) -> None:
        """Guard every OpenAI client of the process by `governor`, those that exist already too.

        Raises:
            ModuleNotFoundError: `openai` is not installed.
        """
        if not OpenAIGuard._installed:
            wrap_function_wrapper("openai", "OpenAI.request", _guarded)
            wrap_function_wrapper("openai", "AsyncOpenAI.request", _guarded_async)
            OpenAIGuard._installed = True
        self.uninstrument()
        OpenAIGuard._governor = governor
        governor.guarded_scopes |= _SCOPES

    def uninstrument(self) -> None:
        """Take the guards off again."""
        if OpenAIGuard._governor is not None:
            OpenAIGuard._governor.guarded_scopes -= _SCOPES
            OpenAIGuard._governor = None


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
    governor = OpenAIGuard._governor
    if governor is None:
        return None, args, kwargs
    options = kwargs["options"] if "options" in kwargs else args[1]
    body = _body(options)
    if "model" not in body and options.url not in _OPERATIONS:
        return None, args, kwargs
    call = GovernedCall.begin(governor, "model", _attributes(client, options, body))
    if call is None:
        return None, args, kwargs
    content = {name: plain(value) for name, value in body.items() if name != "model"}
    options = _with_redactions(options, body, content, call.before(input=content))
    if "options" in kwargs:
        return call, args, {**kwargs, "options": options}
    return call, (args[0], options, *args[2:]), kwargs


def _body(options: Any) -> Mapping[str, Any]:
    """The JSON that will be sent: `extra_body` goes over what the method was given."""
    body = options.json_data if isinstance(options.json_data, Mapping) else {}
    return {**body, **(options.extra_json or {})}


def _with_redactions(
    options: Any, body: Mapping[str, Any], content: Mapping[str, Any], decision: Decision
) -> Any:
    redacted: Mapping[str, Any] = decision.payload["input"]
    if redacted is content:
        return options
    return options.model_copy(update={"json_data": {**body, **redacted}, "extra_json": None})


def _attributes(client: Any, options: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the instrumentation's span says, where there is one, below what the request says itself."""
    span: Any = operation_span("model")
    azure = any(base.__name__ == "BaseAzureClient" for base in type(client).__mro__)
    named = {semconv.REQUEST_MODEL: str(plain(body["model"]))} if "model" in body else {}
    return {
        **(span.attributes or {} if span is not None else {}),
        semconv.OPERATION_NAME: _OPERATIONS.get(options.url, "chat"),
        semconv.PROVIDER_NAME: "azure.ai.openai" if azure else "openai",
        **named,
    }


def _after(call: GovernedCall, result: Any) -> Any:
    """What the caller gets of `result`: decided now, as it streams, or when a raw response is parsed."""
    if hasattr(result, "parse") and hasattr(result, "http_response"):
        return RawAnswer(result, call, _after)
    if hasattr(result, "__stream__"):
        guarded = AsyncGuardedStream if hasattr(result, "__anext__") else GuardedStream
        return guarded(result, call, read_part)
    decide_result(call, result)
    return result
