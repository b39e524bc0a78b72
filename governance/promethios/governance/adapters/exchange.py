"""What an adapter does with a request and an answer: shows them to policies, and puts them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promethios.governance import semconv
from promethios.governance.adapters.media import put_back, shown
from promethios.governance.adapters.results import write_back
from promethios.governance.enforcement.call import GovernedCall, operation_span
from promethios.governance.enforcement.plain import plain, readable


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
    if redacted is not seen:
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
            return put_back(content, seen, decision.payload["output"])
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
