"""What providers count as tokens, as the conventions do: with what was cached, and what was thought."""

from __future__ import annotations

from typing import Any

import pytest

from promethios.governance.adapters.tokens import used

INPUT, OUTPUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITTEN = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_creation.input_tokens"


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 80,
                "cache_creation_input_tokens": 5,
                "output_tokens": 7,
            },
            {INPUT: 95, OUTPUT: 7, READ: 80, WRITTEN: 5},
        ),
        ({"output_tokens": 7, "input_tokens": None, "cache_read_input_tokens": None}, {OUTPUT: 7}),
        (
            {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 80}},
            {INPUT: 90, OUTPUT: 7, READ: 80},
        ),
        (
            {"input_tokens": 90, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 80}},
            {INPUT: 90, OUTPUT: 7, READ: 80},
        ),
        (
            {
                "promptTokenCount": 90,
                "cachedContentTokenCount": 80,
                "toolUsePromptTokenCount": 3,
                "candidatesTokenCount": 7,
                "thoughtsTokenCount": 20,
            },
            {INPUT: 93, OUTPUT: 27, READ: 80},
        ),
        ({"promptTokenCount": 90}, {INPUT: 90}),
        (
            {"inputTokens": 10, "cacheReadInputTokens": 80, "cacheWriteInputTokens": 0, "outputTokens": 7},
            {INPUT: 90, OUTPUT: 7, READ: 80, WRITTEN: 0},
        ),
        ({"prompt_token_count": 9, "generation_token_count": 7}, {INPUT: 9, OUTPUT: 7}),
        ({"inputTextTokenCount": 9, "tokenCount": 7}, {INPUT: 9, OUTPUT: 7}),
        ({"inputTokenCount": 9, "outputTokenCount": 7}, {INPUT: 9, OUTPUT: 7}),
    ],
    ids=[
        "anthropic",
        "anthropic delta",
        "openai chat",
        "openai responses",
        "google",
        "google part",
        "converse",
        "llama",
        "titan",
        "invocation metrics",
    ],
)
def test_every_provider_is_counted_alike(usage: dict[str, Any], counted: dict[str, int]) -> None:
    assert used(usage) == counted


@pytest.mark.parametrize("usage", [None, {}, [], "90", {"input_tokens": "90"}, {"input_tokens": True}])
def test_what_says_nothing_counts_nothing(usage: Any) -> None:
    assert used(usage) == {}
