"""LiteLLM: chat, text, responses, embeddings, messages of every provider; sync, async, streaming, routers.

Users import its functions by name, and early, so a wrapper in its modules would be passed by. All of them are
made by one decorator, which keeps the function that does the work in a cell of its own: the guard stands
there. So functions are covered however and whenever they were imported, below LiteLLM's own cache, and what
is below (the `openai` SDK, `httpx`) is the same operation, decided once.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wrapt import FunctionWrapper

from promethios.governance import semconv
from promethios.governance.adapters.exchange import (
    Asked,
    answered,
    answered_by,
    ask,
    begin,
    concluded,
    identity,
    unrolled,
)
from promethios.governance.adapters.library import LibraryGuard, when_imported
from promethios.governance.adapters.openai_streams import read_part
from promethios.governance.adapters.streams import AsyncGuardedStream, GuardedStream
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import UNREADABLE, plain

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

# Where LiteLLM defines what calls a model, and which operation each is. A name with an "a" before the name of
# another is asynchronous, and takes its arguments in the same order.
_FUNCTIONS: Final = {
    "litellm.main": {
        "acompletion": "chat",
        "aembedding": "embeddings",
        "atext_completion": "text_completion",
        "completion": "chat",
        "embedding": "embeddings",
        "text_completion": "text_completion",
    },
    "litellm.responses.main": {"aresponses": "chat", "responses": "chat"},
    "litellm.google_genai.main": {
        "agenerate_content": "generate_content",
        "agenerate_content_stream": "generate_content",
        "generate_content": "generate_content",
        "generate_content_stream": "generate_content",
    },
    "litellm.llms.anthropic.pass_through.messages.handler": {"anthropic_messages": "chat"},
}
_CELL: Final = "original_function"
_CONTENT: Final = ("choices", "output", "content", "candidates")
# Arguments that are addresses, keys and names, and no content; LiteLLM has a list of more.
_APART: Final = frozenset(
    {"api_base", "api_key", "base_url", "client", "extra_headers", "model", "model_list"}
)
# How the conventions call the providers that LiteLLM calls otherwise.
_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}


class LiteLLMGuard(LibraryGuard):
    """Puts guards around the functions of the `litellm` package. One for the process."""

    library: ClassVar[str] = "litellm"
    scopes: ClassVar[frozenset[str]] = frozenset({"litellm", "openinference.instrumentation.litellm"})

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        for module, functions in _FUNCTIONS.items():
            when_imported(module, partial(_install, functions))


def _install(functions: Mapping[str, str], module: Any) -> None:
    for name, operation in functions.items():
        cell = _cell(getattr(module, name))
        worker = cell.cell_contents
        twin = getattr(module, name[1:], worker) if name.startswith("a") else worker
        names = tuple(inspect.signature(twin).parameters)
        is_async = inspect.iscoroutinefunction(worker)
        make = _guarded_async if is_async else _guarded
        cell.cell_contents = FunctionWrapper(worker, make(operation, names))


def _cell(function: Any) -> Any:
    """Where the decorator of `function`, whatever is around it, keeps the function that does the work.

    Raises:
        AttributeError: It is made otherwise.
    """
    names = function.__code__.co_freevars
    return function.__closure__[names.index(_CELL)] if _CELL in names else _cell(function.__wrapped__)


def _guarded(operation: str, names: tuple[str, ...]) -> Any:
    def guarded(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        asked = _Asked.begin(operation, {**dict(zip(names, args, strict=False)), **kwargs})
        if asked is None:
            return wrapped(*args, **kwargs)
        args, kwargs = asked.before(names, args, kwargs)
        with asked.call.running():
            result = wrapped(*args, **kwargs)
        return asked.awaited(result) if inspect.isawaitable(result) else asked.after(result)

    return guarded


def _guarded_async(operation: str, names: tuple[str, ...]) -> Any:
    async def guarded(wrapped: Any, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        asked = _Asked.begin(operation, {**dict(zip(names, args, strict=False)), **kwargs})
        if asked is None:
            return await wrapped(*args, **kwargs)
        args, kwargs = asked.before(names, args, kwargs)
        return await asked.awaited(wrapped(*args, **kwargs))

    return guarded


class _Asked:
    """One call of a function of LiteLLM: what it was given, and what it gives."""

    def __init__(
        self, governor: Governor, call: GovernedCall, given: dict[str, Any], content: dict[str, Any]
    ) -> None:
        self.call = call
        self._governor = governor
        self._content = content
        self._is_async = False
        logging: Any = given.get("litellm_logging_obj")
        details = getattr(logging, "model_call_details", None)
        self._logging, self._logged = logging, details if isinstance(details, dict) else {}

    @classmethod
    def begin(cls, operation: str, given: dict[str, Any]) -> _Asked | None:
        """The call to decide; None without a governor, or where another function of LiteLLM calls this."""
        governor = LiteLLMGuard.governor
        if governor is None:
            return None
        call, content = begin(governor, _read, operation, given)
        return None if call is None else cls(governor, call, given, content)

    def before(
        self, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Decide the arguments, and put what was redacted of them into their places."""
        sent = {**self._content, **ask(self.call, self._content)}
        with self.call.fail_open("correct what LiteLLM logs"):
            self._log_what_is_sent(sent)
        placed = [sent.get(name, value) for name, value in zip(names, args, strict=False)]
        named = {name: sent.get(name, value) for name, value in kwargs.items()}
        return (*placed, *args[len(names) :]), named

    async def awaited(self, result: Any) -> Any:
        """Wait for what an asynchronous function gives, and decide it."""
        self._is_async = True
        with self.call.running():
            result = await result
        return self.after(result)

    def after(self, result: Any) -> Any:
        """What the caller gets of what the function gave."""
        return concluded(self.call, self._after, result)

    def _after(self, _: GovernedCall, result: Any) -> Any:
        if isinstance(result, dict):
            content = plain({name: value for name in _CONTENT if (value := result.get(name))})
            result.update(answered(self.call, content, _usage(result.get("usage"), result.get("model"))))
        elif hasattr(result, "__next__") or hasattr(result, "__anext__"):
            return self._streamed(result)
        elif hasattr(result, "model_dump"):
            usage = _usage(getattr(result, "usage", None), getattr(result, "model", None))
            answered_by(self.call, result, _CONTENT, usage)
        if isinstance(answer := self._logged.get("original_response"), str):
            self._logged["original_response"] = self._governor.redact_text(answer)
        return result

    def _streamed(self, stream: Any) -> Any:
        """The stream, decided as it passes; one of bytes, in another provider's format, cannot be read."""
        if not (hasattr(stream, "completion_stream") or hasattr(stream, "completed_response")):
            self.call.after(output=UNREADABLE)
            return stream
        guarded = AsyncGuardedStream if self._is_async else GuardedStream
        return guarded(stream, self.call, read_part)

    def _log_what_is_sent(self, sent: Mapping[str, Any]) -> None:
        """Let LiteLLM's callbacks see what is sent: they were told of the arguments before the guard was."""
        messages = next((sent[name] for name in ("messages", "input", "prompt") if name in sent), None)
        if messages is not None and self._logged:
            self._logging.messages = messages
            self._logged.update({name: messages for name in ("messages", "input") if name in self._logged})


def _read(operation: str, given: dict[str, Any]) -> Asked:
    content = {name: unrolled(value) for name, value in given.items() if _is_content(name, value)}
    return _identity(operation, given), content


def _identity(operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
    from litellm import get_llm_provider

    model = str(given.get("model") or "")
    try:
        hints = {name: given.get(name) for name in ("custom_llm_provider", "api_base", "api_key")}
        model, provider, _, _ = get_llm_provider(model, **hints)
    except Exception:
        provider = str(given.get("custom_llm_provider") or "litellm")
    return identity(operation, _PROVIDERS.get(provider, provider), model)


def _is_content(name: str, value: Any) -> bool:
    from litellm.types.utils import all_litellm_params

    if name in _APART or name in all_litellm_params or name.startswith("litellm_"):
        return False
    return isinstance(value, str | list | tuple | dict | Iterator)


def _usage(usage: Any, model: Any) -> dict[str, Any]:
    named = {semconv.RESPONSE_MODEL: model} if isinstance(model, str) else {}
    return {**used(plain(usage)), **named}
