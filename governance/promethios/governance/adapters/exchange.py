"""What an adapter does with a request and an answer: shows them to policies, and puts them back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from promethios.governance import semconv
from promethios.governance.adapters.logprobs import without_logprobs
from promethios.governance.adapters.media import put_back, shown
from promethios.governance.adapters.results import write_back
from promethios.governance.enforcement.call import GovernedCall, operation_span
from promethios.governance.enforcement.plain import UNREADABLE, plain, readable

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

#: What identifies a call, and the body of its request.
Asked = tuple[dict[str, Any], dict[str, Any]]


def identity(operation: str, provider: str, model: str) -> dict[str, Any]:
    """What identifies a call of a model: what its span says, if there is one, below what it says itself."""
    span: Any = operation_span("model")
    named = {semconv.REQUEST_MODEL: model} if model else {}
    return {
        **(span.attributes or {} if span is not None else {}),
        semconv.OPERATION_NAME: operation,
        semconv.PROVIDER_NAME: provider,
        **named,
    }


def begin(
    governor: Governor, read: Callable[..., Asked | None], *args: Any
) -> tuple[GovernedCall | None, dict[str, Any]]:
    """The call of a model that an adapter decides, and the body of its request.

    Args:
        governor: Who decides.
        read: Reads what identifies the call, and the body; None where it is no call of a model. What goes
            wrong there is ours: then the call is decided as one that could not be read.
        args: What `read` is given.

    Returns:
        No call where there is nothing to decide, or where an adapter further out decides it.
    """
    found = readable(read, *args)
    if found is None:
        return None, {}
    if found is UNREADABLE:
        found = {semconv.OPERATION_NAME: "chat"}, {"request": UNREADABLE}
    attributes, body = found
    return GovernedCall.begin(governor, "model", attributes), body


def concluded(call: GovernedCall, after: Callable[[GovernedCall, Any], Any], result: Any) -> Any:
    """What the caller gets of `result`: what `after` makes of it, or itself where that goes wrong.

    Raises:
        PolicyViolation: The caller must not have it.
    """
    with call.fail_open("read an answer", "output"):
        return after(call, result)
    return result


def ask(call: GovernedCall, body: Mapping[str, Any], *, apart: Iterable[str] = ("model",)) -> dict[str, Any]:
    """Decide a request before it is sent.

    Args:
        call: The call that the request is of.
        body: The request. It stays as it is.
        apart: The fields that are no content.

    Returns:
        The fields that are to be sent otherwise, redacted; empty where nothing is.

    Raises:
        PolicyViolation: It must not be sent.
    """
    content = {name: plain(value) for name, value in body.items() if name not in apart}
    seen = readable(shown, content)
    redacted = call.before(input=seen).payload["input"]
    sent: dict[str, Any] = {}
    if redacted is not seen and all(value is not UNREADABLE for value in body.values()):
        with call.fail_open("redact a request", "input"):
            sent = put_back(content, seen, redacted)
    return sent


def answered(call: GovernedCall, content: Any, attributes: Mapping[str, Any]) -> Any:
    """Decide an answer of plain values, and give it as the caller may have it; the same object if unchanged.

    Raises:
        PolicyViolation: The caller must not have it.
    """
    seen = readable(shown, content)
    decision = call.after(attributes, output=seen or None)
    if decision is not None and seen:
        with call.fail_open("redact an answer", "output"):
            return without_logprobs(content, put_back(content, seen, decision.payload["output"]))
    return content


def answered_by(
    call: GovernedCall, result: Any, fields: Iterable[str], attributes: Mapping[str, Any]
) -> None:
    """Decide the content of an object of a library, found in `fields`, and redact it there.

    Raises:
        PolicyViolation: The caller must not have it.
    """
    content = {name: value for name in fields if (value := getattr(result, name, None))}
    before = plain(content)
    after = answered(call, before, attributes)
    if after is not before:
        with call.fail_open("redact an answer", "output"):
            write_back(result, content, before, after)


def unrolled(value: Any, depth: int = 0) -> Any:
    """`value` with every iterator in it read into a list, as libraries that take iterators do when they send.

    What is read once cannot be read again: where anything changes, this is what has to be sent.
    """
    if isinstance(value, Iterator):
        value = list(value)
    if depth > 8:  # a request has them in messages and in their parts
        return value
    if isinstance(value, list):
        parts = [unrolled(item, depth + 1) for item in value]
        return parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    if isinstance(value, dict):
        items = {name: unrolled(item, depth + 1) for name, item in value.items()}
        return items if any(items[name] is not item for name, item in value.items()) else value
    return value
