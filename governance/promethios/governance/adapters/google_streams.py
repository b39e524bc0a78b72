"""What the parts of Gemini's streams say: each is the JSON of an answer with the next texts in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promethios.governance import semconv
from promethios.governance.adapters.logprobs import with_logprobs
from promethios.governance.adapters.streams import Reading, piece
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.channels import Piece


class _Calls:
    """The function calls in one part: whole ones, which no later part continues."""

    def __init__(self, calls: list[dict[str, Any]]) -> None:
        self._calls = calls

    @property
    def arguments(self) -> list[Any]:
        """What each is called with."""
        return [call.get("args") for call in self._calls]

    @arguments.setter
    def arguments(self, values: list[Any]) -> None:
        for call, value in zip(self._calls, values, strict=True):
            call["args"] = value


def read_answer(answer: dict[str, Any]) -> Reading:
    """Read one part of a streamed answer."""
    pieces: list[Piece | None] = []
    calls, ended = [], []
    for candidate in answer.get("candidates") or ():
        index = candidate.get("index", 0)
        for part in (candidate.get("content") or {}).get("parts") or ():
            pieces.append(with_logprobs(piece(part, "text", index, bool(part.get("thought"))), candidate))
            if isinstance(call := part.get("functionCall"), dict):
                calls.append(call)
        if candidate.get("finishReason"):
            ended.append((index,))
    said = _Calls(calls)
    whole = (said, {"arguments": said.arguments}) if calls else None
    return Reading(pieces, usage_of(answer), ended, whole)


def usage_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The tokens and the model that an answer, or a part of one, names."""
    attributes: dict[str, Any] = {**used(answer.get("usageMetadata"))}
    if isinstance(model := answer.get("modelVersion"), str):
        attributes[semconv.RESPONSE_MODEL] = model
    return attributes
