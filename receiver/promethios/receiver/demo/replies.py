"""What the stand-in answers: a model without a mind, that does what it reads.

It follows instructions of two forms, wherever they stand in a user's message *or in a tool's result*; the
latter is the weakness of real models that an indirect prompt injection uses:

- ``call NAME {"json": "arguments"}`` calls a tool that was offered, one for each turn, in the order written;
- ``write N words`` makes the answer so long.

Otherwise it repeats what it was told last. The same conversation always gives the same answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Message = Mapping[str, Any]

_CALL: Final = re.compile(r"\bcall (\w+) (?=\{)")
_LENGTH: Final = re.compile(r"\bwrite (\d{1,4}) words\b")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model wants made: its id, the tool's name, and the arguments as JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: text, or a tool call; and the tokens it is said to have cost."""

    text: str
    call: ToolCall | None
    input_tokens: int
    output_tokens: int

    @property
    def finish_reason(self) -> str:
        """Why the model stopped, in OpenAI's words."""
        return "tool_calls" if self.call else "stop"


def reply(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
    """The answer to a conversation.

    Args:
        messages: The conversation in OpenAI's form.
        tools: The tools on offer, in OpenAI's form.
    """
    offered = {tool.get("function", {}).get("name") for tool in tools}
    wanted = [call for call in _instructions(messages) if call[0] in offered]
    made = sum(len(message.get("tool_calls") or ()) for message in messages)
    input_tokens = sum(map(_tokens, map(_text, messages))) + 4 * len(messages)
    if made < len(wanted):
        name, arguments = wanted[made]
        call = ToolCall(f"call_{made + 1}", name, json.dumps(arguments))
        return Reply("", call, input_tokens, _tokens(call.arguments) + 8)
    text = _answer(messages)
    return Reply(text, None, input_tokens, _tokens(text))


def _instructions(messages: Sequence[Message]) -> Iterator[tuple[str, Any]]:
    decoder = json.JSONDecoder()
    for text in (_text(message) for message in messages if message.get("role") in ("user", "tool")):
        for found in _CALL.finditer(text):
            try:
                yield found[1], decoder.raw_decode(text, found.end())[0]
            except ValueError:
                continue


def _answer(messages: Sequence[Message]) -> str:
    last = _text(messages[-1]) if messages else ""
    if length := _LENGTH.search(last):
        return " ".join(f"word{number}" for number in range(1, int(length[1]) + 1))
    return f"I read: {last}"


def _text(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _tokens(text: str) -> int:
    """Four characters to a token, as in English on average."""
    return (len(text) + 3) // 4
