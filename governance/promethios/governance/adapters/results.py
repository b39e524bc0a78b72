"""What a model answered: read from a library's objects, decided, and written back after redaction.

For adapters of any library: `usage_of` and `content_of` read what nearly all answers call the same (objects
with attributes and a `model_dump`, as pydantic's have), `decide_result` does the whole of it with these or an
adapter's own, and `RawAnswer` waits with it until a raw HTTP response is parsed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from wrapt import ObjectProxy

from promethios.governance import semconv
from promethios.governance.adapters.logprobs import without_logprobs
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.finalizing import close_when_collected
from promethios.governance.enforcement.plain import plain, readable, restored

# Generic for the type checker, and not at run time in every release that is supported.
if TYPE_CHECKING:
    Proxy = ObjectProxy[Any]
else:
    Proxy = ObjectProxy

_CONTENT: Final = ("choices", "output", "content")
_INPUT: Final = ("prompt_tokens", "input_tokens")
_OUTPUT: Final = ("completion_tokens", "output_tokens")


def usage_of(result: Any) -> dict[str, Any]:
    """The tokens that `result` says it used, by the names of the conventions; empty where it says nothing."""
    usage = getattr(result, "usage", None)
    attributes: dict[str, Any] = {}
    for name, fields in ((semconv.USAGE_INPUT_TOKENS, _INPUT), (semconv.USAGE_OUTPUT_TOKENS, _OUTPUT)):
        counts = [count for field in fields if isinstance(count := getattr(usage, field, None), int)]
        if counts:
            attributes[name] = counts[0]
    if isinstance(model := getattr(result, "model", None), str):
        attributes[semconv.RESPONSE_MODEL] = model
    return attributes


def content_of(result: Any) -> dict[str, Any]:
    """The content of `result`, by the names it has there; empty where it has none that can be looked at."""
    if not hasattr(result, "model_dump"):
        return {}
    return {name: value for name in _CONTENT if (value := getattr(result, name, None))}


def write_back(result: Any, content: dict[str, Any], before: Any, after: Any) -> None:
    """Put into `result` what its `content`, which policies saw as `before`, was redacted to."""
    for name, value in restored(content, before, without_logprobs(before, after)).items():
        if value is not content[name]:
            object.__setattr__(result, name, value)


def decide_result(
    call: GovernedCall,
    result: Any,
    content: Callable[[Any], dict[str, Any]] = content_of,
    usage: Callable[[Any], dict[str, Any]] = usage_of,
) -> None:
    """Decide what a model answered, and put what was redacted of it in its place.

    Args:
        call: The call that `result` answers.
        result: The library's object.
        content: Reads its content, by the names that `result` has for it.
        usage: Reads what it used.

    Raises:
        PolicyViolation: The caller must not have it.
    """
    found, used = readable(content, result), readable(usage, result)
    output = plain(found) or None
    decision = call.after(used if isinstance(used, dict) else {}, output=output)
    if decision is not None and isinstance(output, dict):
        with call.fail_open("redact a model's answer", "output"):
            write_back(result, found, output, decision.payload["output"])


class RawAnswer(Proxy):
    """A raw response (``with_raw_response``, ``with_streaming_response``), decided when it is parsed.

    What is read from it as bytes is the caller's own: then the call is told, without its content.

    Args:
        response: The library's.
        call: The call that it answers.
        after: Decides what was parsed, and gives what the caller gets of it.
    """

    def __init__(self, response: Any, call: GovernedCall, after: Callable[[GovernedCall, Any], Any]) -> None:
        super().__init__(response)
        self._self_answer = _Answer(call, after)
        close_when_collected(self, self._self_answer)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        """What the response says, decided.

        Raises:
            PolicyViolation: The caller must not have it.
        """
        parsed = self.__wrapped__.parse(*args, **kwargs)
        return self._parse_later(parsed) if inspect.isawaitable(parsed) else self._self_answer.decided(parsed)

    async def _parse_later(self, parsed: Any) -> Any:
        return self._self_answer.decided(await parsed)


class _Answer:
    """What was parsed of a raw response, told once: a library gives the same object again and again."""

    def __init__(self, call: GovernedCall, after: Callable[[GovernedCall, Any], Any]) -> None:
        self._call, self._after = call, after
        self._parsed: list[tuple[Any, Any]] = []
        self.told = False

    def decided(self, parsed: Any) -> Any:
        """What the caller gets of `parsed`."""
        self.told = True
        for known, outcome in self._parsed:
            if known is parsed:
                return outcome
        outcome = self._after(self._call, parsed)
        self._parsed.append((parsed, outcome))
        return outcome

    def close(self) -> None:
        """Tell a response that nobody parsed."""
        if not self.told:
            self.told = True
            self._call.observe()
