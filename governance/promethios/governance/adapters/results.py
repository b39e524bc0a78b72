"""What a model answered: read from a library's objects, and written back after redaction."""

from __future__ import annotations

from typing import Any

from promethios.governance import semconv
from promethios.governance.enforcement.plain import restored

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


def content_of(result: Any) -> dict[str, Any]:
    """The content of `result`, by the names it has there; empty where it has none that can be looked at."""
    if not hasattr(result, "model_dump"):
        return {}
    return {name: value for name in _CONTENT if (value := getattr(result, name, None))}


def write_back(result: Any, content: dict[str, Any], before: Any, after: Any) -> None:
    """Put into `result` what its `content`, which policies saw as `before`, was redacted to."""
    for name, value in restored(content, before, after).items():
        if value is not content[name]:
            object.__setattr__(result, name, value)
