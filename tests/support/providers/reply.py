"""What a model says, before a provider puts it into its format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ToolUse:
    """A tool that the model wants to be called."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The arguments as a provider streams them."""
        return json.dumps(self.arguments)


@dataclass(frozen=True)
class Reply:
    """One answer of a model.

    Args:
        text: What it says.
        tools: What it wants to be called.
        input_tokens: The tokens of the request, those that were cached included.
        cached_tokens: How many of them were read from the provider's cache.
        output_tokens: The tokens of the answer.
        piece: The characters of one part of a stream.
        status: The HTTP status; an error has its text as message.
        logprobs: Whether it says its text once more, token by token (OpenAI's and Google's APIs).
        transcript: What it says aloud (OpenAI's streams of chat).
    """

    text: str = "Hello there."
    tools: tuple[ToolUse, ...] = ()
    input_tokens: int = 12
    cached_tokens: int = 0
    output_tokens: int = 5
    piece: int = 6
    status: int = 200
    logprobs: bool = False
    transcript: str = ""

    def tokens(self, text: str) -> list[dict[str, Any]]:
        """The text in tokens of four characters, each with how probable it was; empty where not asked for."""
        tokens = [text[start : start + 4] for start in range(0, len(text), 4)] if self.logprobs else []
        return [
            {"token": each, "bytes": list(each.encode()), "logprob": -0.5, "top_logprobs": []}
            for each in tokens
        ]

    def pieces(self, text: str) -> Iterator[str]:
        """The text in the parts of a stream."""
        return (text[start : start + self.piece] for start in range(0, len(text), self.piece))
