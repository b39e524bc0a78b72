"""What the events of Bedrock's streams say: those of Converse, and the JSON of models that are invoked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wrapt import ObjectProxy

from promethios.governance.adapters.anthropic_streams import read_event
from promethios.governance.adapters.streams import Reading, piece
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.channels import Piece

# Generic for the type checker, and not at run time in every release that is supported.
if TYPE_CHECKING:
    Proxy = ObjectProxy[Any]
else:
    Proxy = ObjectProxy


class Steps(Proxy):
    """A stream of botocore, which can only be iterated, as one that gives its events one by one."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._self_steps = iter(stream)

    def __next__(self) -> Any:
        return next(self._self_steps)


def read_converse(event: dict[str, Any]) -> Reading:
    """Read one event of ConverseStream; Amazon's own models speak it where they are invoked, too."""
    if delta := event.get("contentBlockDelta"):
        index, said = delta.get("contentBlockIndex"), delta.get("delta", {})
        thought = said.get("reasoningContent")
        return Reading(
            [
                piece(said, "text", index, "text"),
                piece(said.get("toolUse", {}), "input", index, "input"),
                piece(thought, "text", index, "thought") if isinstance(thought, dict) else None,
            ]
        )
    if stop := event.get("contentBlockStop"):
        return Reading(ended=[(stop.get("contentBlockIndex"),)])
    ended = [()] if "messageStop" in event else []
    return Reading(usage=used((event.get("metadata") or {}).get("usage")), ended=ended)


def read_invoked(event: dict[str, Any]) -> Reading:
    """Read one event of InvokeModelWithResponseStream: a chunk whose bytes are JSON in the model's own shape.

    Raises:
        ValueError: They are no JSON.
    """
    chunk = event.get("chunk")
    if not isinstance(chunk, dict) or "bytes" not in chunk:
        return Reading()
    said = json.loads(chunk["bytes"])
    reading = _read(said)

    def sent(put: Callable[[str], None]) -> Callable[[str], None]:
        def put_and_encode(text: str) -> None:
            put(text)
            chunk["bytes"] = json.dumps(said).encode()

        return put_and_encode

    pieces = [replace(each, put=sent(each.put)) for each in reading.pieces if each is not None]
    metrics = used(said.get("amazon-bedrock-invocationMetrics"))
    return replace(reading, pieces=pieces, usage={**reading.usage, **metrics})


def _read(said: dict[str, Any]) -> Reading:
    if isinstance(said.get("type"), str):
        return read_event(said)
    if any(name in said for name in ("contentBlockDelta", "contentBlockStop", "messageStop", "metadata")):
        return read_converse(said)
    return Reading(list(_flat(said)), usage=used(said))


def _flat(said: dict[str, Any]) -> Iterator[Piece | None]:
    """The texts of models without blocks: Titan, Llama, Mistral and those of OpenAI's shape."""
    yield piece(said, "outputText", 0)
    yield piece(said, "generation", 0)
    for index, output in enumerate(said.get("outputs") or ()):
        yield piece(output, "text", index)
    for index, choice in enumerate(said.get("choices") or ()):
        for holder in (choice.get("delta"), choice.get("message")):
            yield piece(holder, "content", index) if isinstance(holder, dict) else None
