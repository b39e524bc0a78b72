"""What the parts of OpenAI's streams say: chunks of chat and of completions, events of responses.

Libraries that answer in OpenAI's shape (LiteLLM, servers that speak its protocol) are read the same way.
"""

from __future__ import annotations

from typing import Any, Final

from promethios.governance.adapters.logprobs import with_logprobs
from promethios.governance.adapters.results import content_of, usage_of
from promethios.governance.adapters.streams import Reading, piece
from promethios.governance.enforcement.channels import Piece

# What a delta of chat says in text, the extensions of other servers among it.
_SAID: Final = ("content", "refusal", "reasoning_content", "reasoning")
# Where an event of responses repeats as a whole what its deltas said.
_REPEATED: Final = ("text", "logprobs", "arguments", "code", "input", "refusal", "transcript")
_OVER: Final = ("response.completed", "response.incomplete", "response.failed")


def read_part(part: Any) -> Reading:
    """Read one part of a stream of the `openai` package."""
    return _read_event(part) if isinstance(getattr(part, "type", None), str) else read_chunk(part)


def read_chunk(chunk: Any) -> Reading:
    """Read a chunk of chat completions or of completions."""
    pieces: list[Piece | None] = []
    ended = []
    for choice in getattr(chunk, "choices", None) or ():
        index = getattr(choice, "index", 0)
        pieces += _of_choice(choice, index)
        if getattr(choice, "finish_reason", None):
            ended.append((index,))
    return Reading(pieces, usage_of(chunk), ended)


def _of_choice(choice: Any, index: int) -> list[Piece | None]:
    delta = getattr(choice, "delta", None)
    pieces = [piece(choice, "text", index, "text"), *(piece(delta, name, index, name) for name in _SAID)]
    pieces.append(piece(getattr(delta, "function_call", None), "arguments", index, "function"))
    pieces.append(piece(getattr(delta, "audio", None), "transcript", index, "audio"))
    for call in getattr(delta, "tool_calls", None) or ():
        number = getattr(call, "index", 0)
        pieces.append(piece(getattr(call, "function", None), "arguments", index, "tool", number))
        pieces.append(piece(getattr(call, "custom", None), "input", index, "tool", number))
    return [with_logprobs(each, choice) for each in pieces]


def _read_event(event: Any) -> Reading:
    """Read an event of responses: its deltas come first, then all that they said once more, and again."""
    kind, _, stage = event.type.rpartition(".")
    item = getattr(event, "output_index", None)
    if stage == "delta":
        sound = kind == "response.audio"
        return Reading([] if sound else [with_logprobs(piece(event, "delta", *_place(event, kind)), event)])
    response = getattr(event, "response", None)
    if event.type in _OVER:
        return Reading((), usage_of(response), [()], (response, content_of(response)))
    if stage == "done" and kind == "response.output_item":
        return Reading((), {}, [(item,)], (event, {"item": event.item}))
    if stage == "done":
        named = (*_REPEATED, "part")
        content = {name: value for name in named if (value := getattr(event, name, None))}
        return Reading((), {}, [_place(event, kind)], (event, content) if content else None)
    return Reading((), usage_of(response))


def _place(event: Any, kind: str) -> tuple[Any, ...]:
    index = getattr(event, "content_index", None)
    return getattr(event, "output_index", None), kind, getattr(event, "summary_index", index)
