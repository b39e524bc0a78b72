"""What the events of Anthropic's streams say: objects of its SDK, or JSON that another service carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance import semconv
from promethios.governance.adapters.streams import Reading, piece
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.plain import plain

# What a delta of a block says in text.
_SAID: Final = ("text", "partial_json", "thinking")


def read_event(event: Any) -> Reading:
    """Read one event of a streamed message, or of the older completions."""
    kind, index = field(event, "type"), field(event, "index")
    if kind in ("content_block_delta", "content_block_start"):
        said = field(event, "delta") or field(event, "content_block")
        return Reading([piece(said, name, index, name) for name in _SAID])
    if kind == "content_block_stop":
        return Reading(ended=[(index,)])
    if kind == "message_start":
        return Reading(usage=answer_of(field(event, "message")))
    if kind == "message_delta":
        return Reading(usage=answer_of(event))
    if kind == "message_stop":
        return Reading(ended=[()])
    return Reading([piece(event, "completion", "completion")])


def answer_of(message: Any) -> dict[str, Any]:
    """The tokens and the model that a message, or an event about it, names."""
    attributes: dict[str, Any] = {**used(plain(field(message, "usage")))}
    if isinstance(model := field(message, "model"), str):
        attributes[semconv.RESPONSE_MODEL] = model
    return attributes


def field(owner: Any, name: str) -> Any:
    """What an object or a map has under `name`; None where it has nothing."""
    return owner.get(name) if isinstance(owner, Mapping) else getattr(owner, name, None)
