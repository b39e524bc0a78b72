"""The tokens that a provider says were used, under the names of the conventions.

The conventions' input includes what was read from or written to the provider's cache, and their output what a
model thought; some providers count these beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from promethios.governance import semconv


@dataclass(frozen=True)
class _Counts:
    """The fields of a provider's usage that sum up to input and output, and to what was cached.

    The first of each is there wherever the sum means anything.
    """

    input: tuple[str, ...]
    output: tuple[str, ...]
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()


_ANTHROPIC: Final = _Counts(
    input=("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    output=("output_tokens",),
    read=("cache_read_input_tokens",),
    written=("cache_creation_input_tokens",),
)
_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
# By a field that only this provider's usage has; the first that fits is taken.
_DIALECTS: Final = {
    "prompt_tokens": _Counts(("prompt_tokens",), ("completion_tokens",), ("cached_tokens",)),
    "input_tokens_details": _Counts(("input_tokens",), ("output_tokens",), ("cached_tokens",)),
    "promptTokenCount": _Counts(
        ("promptTokenCount", "toolUsePromptTokenCount"),
        ("candidatesTokenCount", "thoughtsTokenCount"),
        ("cachedContentTokenCount",),
    ),
    "prompt_token_count": _Counts(("prompt_token_count",), ("generation_token_count",)),
    "total_input_tokens": _Counts(
        ("total_input_tokens", "total_tool_use_tokens"),
        ("total_output_tokens", "total_thought_tokens"),
        ("total_cached_tokens",),
    ),
    "inputTokens": _Counts(
        ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"),
        ("outputTokens",),
        ("cacheReadInputTokens",),
        ("cacheWriteInputTokens",),
    ),
    "inputTokenCount": _Counts(("inputTokenCount",), ("outputTokenCount",)),
    "inputTextTokenCount": _Counts(("inputTextTokenCount",), ("tokenCount",)),
}


def used(usage: Any) -> dict[str, int]:
    """The tokens of a provider's `usage`, by their attributes; empty where it says nothing."""
    if not isinstance(usage, Mapping):
        return {}
    counts = next((found for name, found in _DIALECTS.items() if usage.get(name) is not None), _ANTHROPIC)
    details = next((found for name in _DETAILS if isinstance(found := usage.get(name), Mapping)), {})
    sums = {
        semconv.USAGE_INPUT_TOKENS: _sum(usage, counts.input),
        semconv.USAGE_OUTPUT_TOKENS: _sum(usage, counts.output),
        semconv.USAGE_CACHE_READ_TOKENS: _sum({**details, **usage}, counts.read),
        semconv.USAGE_CACHE_WRITE_TOKENS: _sum(usage, counts.written),
    }
    return {name: value for name, value in sums.items() if value is not None}


def _sum(usage: Mapping[str, Any], fields: tuple[str, ...]) -> int | None:
    if not fields or type(usage.get(fields[0])) is not int:
        return None
    return sum(value for name in fields if type(value := usage.get(name)) is int)
