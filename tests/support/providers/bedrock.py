"""Amazon Bedrock's runtime: Converse and InvokeModel, whole and as binary event streams."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

from tests.support.providers import anthropic
from tests.support.providers.reply import Reply
from tests.support.providers.server import Provider, Received, Sent, whole

_Event = tuple[str, dict[str, Any]]


class Bedrock(Provider):
    """``POST /model/MODEL/converse``, ``converse-stream``, ``invoke`` and ``invoke-with-response-stream``.

    A model that is invoked is one of Anthropic's: the body is a message.
    """

    def answer(self, request: Received, reply: Reply) -> Sent:
        """Whole, or as an event stream."""
        if reply.status != 200:
            refused = whole({"message": reply.text}, reply.status)
            refused.headers["x-amzn-ErrorType"] = "ValidationException"
            return refused
        method = request.path.rpartition("/")[2]
        if method == "converse":
            return whole({**_said(reply), "stopReason": _reason(reply), **_usage(reply)})
        if method == "converse-stream":
            return _frames(_converse_stream(reply))
        if method == "invoke":
            return whole(anthropic.message("claude", reply))
        parts = (json.dumps(part).encode() for part in anthropic.stream("claude", reply))
        return _frames(("chunk", {"bytes": b64encode(part).decode()}) for part in parts)


def frame(event: str, payload: dict[str, Any]) -> bytes:
    """One message of ``application/vnd.amazon.eventstream``: prelude, headers, payload, each with its CRC.

    See the "Event stream encoding" page of Amazon Transcribe's and Smithy's documentation: all integers are
    big-endian; a header is its name, the type 7 (string) and its value, each with its length before it.
    """
    named = {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in named.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + body
    return message + struct.pack("!I", crc32(message))


def _frames(parts: Iterable[_Event]) -> Sent:
    kind = "application/vnd.amazon.eventstream"
    return Sent((frame(name, payload) for name, payload in parts), type=kind, streamed=True)


def _said(reply: Reply) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"text": reply.text}] if reply.text else []
    content += [
        {"toolUse": {"toolUseId": f"tool_{number}", "name": tool.name, "input": tool.arguments}}
        for number, tool in enumerate(reply.tools)
    ]
    return {"output": {"message": {"role": "assistant", "content": content}}}


def _converse_stream(reply: Reply) -> Iterator[_Event]:
    yield "messageStart", {"role": "assistant"}
    index = 0
    if reply.text:
        for piece in reply.pieces(reply.text):
            yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}
        yield "contentBlockStop", {"contentBlockIndex": 0}
        index = 1
    for number, tool in enumerate(reply.tools, start=index):
        start = {"toolUse": {"toolUseId": f"tool_{number}", "name": tool.name}}
        yield "contentBlockStart", {"contentBlockIndex": number, "start": start}
        for piece in reply.pieces(tool.json):
            yield "contentBlockDelta", {"contentBlockIndex": number, "delta": {"toolUse": {"input": piece}}}
        yield "contentBlockStop", {"contentBlockIndex": number}
    yield "messageStop", {"stopReason": _reason(reply)}
    yield "metadata", _usage(reply)


def _reason(reply: Reply) -> str:
    return "tool_use" if reply.tools else "end_turn"


def _usage(reply: Reply) -> dict[str, Any]:
    used = {
        "inputTokens": reply.input_tokens - reply.cached_tokens,
        "cacheReadInputTokens": reply.cached_tokens,
        "outputTokens": reply.output_tokens,
        "totalTokens": reply.input_tokens + reply.output_tokens,
    }
    return {"usage": used, "metrics": {"latencyMs": 1}}
