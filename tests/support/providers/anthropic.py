"""Anthropic's Messages API and its token counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.providers.reply import Reply
from tests.support.providers.server import Provider, Received, Sent, events, whole


class Anthropic(Provider):
    """``POST /v1/messages`` and ``/v1/messages/count_tokens``."""

    def answer(self, request: Received, reply: Reply) -> Sent:
        """Whole, or as server-sent events."""
        asked = request.json
        if reply.status != 200:
            error = {"type": "invalid_request_error", "message": reply.text}
            return whole({"type": "error", "error": error}, reply.status)
        if "count_tokens" in request.path:
            return whole({"input_tokens": reply.input_tokens})
        if asked.get("stream"):
            return events((data["type"], data) for data in stream(asked["model"], reply))
        return whole(message(asked["model"], reply))


def message(model: str, reply: Reply) -> dict[str, Any]:
    """A whole message."""
    return {**_head(model, reply), "content": _blocks(reply), "stop_reason": _reason(reply)}


def stream(model: str, reply: Reply) -> Iterator[dict[str, Any]]:
    """The events of a streamed message."""
    start = _head(model, reply)
    yield {"type": "message_start", "message": {**start, "usage": {**start["usage"], "output_tokens": 1}}}
    yield {"type": "ping"}
    for index, block in enumerate(_blocks(reply)):
        empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in _deltas(reply, index, block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    stop = {"stop_reason": _reason(reply), "stop_sequence": None}
    yield {"type": "message_delta", "delta": stop, "usage": {"output_tokens": reply.output_tokens}}
    yield {"type": "message_stop"}


def _deltas(reply: Reply, index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        return ({"type": "text_delta", "text": piece} for piece in reply.pieces(block["text"]))
    tool = reply.tools[index - bool(reply.text)]
    return ({"type": "input_json_delta", "partial_json": piece} for piece in reply.pieces(tool.json))


def _blocks(reply: Reply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": reply.text}] if reply.text else []
    return blocks + [
        {"type": "tool_use", "id": f"toolu_{number}", "name": tool.name, "input": tool.arguments}
        for number, tool in enumerate(reply.tools)
    ]


def _reason(reply: Reply) -> str:
    return "tool_use" if reply.tools else "end_turn"


def _head(model: str, reply: Reply) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": reply.input_tokens - reply.cached_tokens,
            "cache_read_input_tokens": reply.cached_tokens,
            "cache_creation_input_tokens": 0,
            "output_tokens": reply.output_tokens,
        },
    }
