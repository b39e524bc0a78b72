"""What a model answered: read from a library's objects, and written back after redaction."""

from __future__ import annotations

from typing import Any

from promethios.governance import semconv

_CONTENT = ("choices", "output", "content")
_INPUT = ("prompt_tokens", "input_tokens")
_OUTPUT = ("completion_tokens", "output_tokens")


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


def dumped(result: Any) -> dict[str, Any] | None:
    """The content of `result` as plain values, by the names it has there; None where there is none."""
    whole = result.model_dump() if hasattr(result, "model_dump") else {}
    content = {name: whole[name] for name in _CONTENT if whole.get(name)}
    return content or None


def write_back(target: Any, old: Any, new: Any) -> None:
    """Set in `target` every text that differs between its dump `old` and the redacted dump `new`."""
    if old is new:
        return
    pairs = new.items() if isinstance(new, dict) else enumerate(new)
    for key, value in pairs:
        if isinstance(value, dict | list):
            write_back(_part(target, key), old[key], value)
        elif value != old[key]:
            _set_part(target, key, value)


def _part(target: Any, key: Any) -> Any:
    return target[key] if isinstance(target, dict | list) else getattr(target, key)


def _set_part(target: Any, key: Any, value: Any) -> None:
    if isinstance(target, dict | list):
        target[key] = value
    else:
        setattr(target, key, value)
