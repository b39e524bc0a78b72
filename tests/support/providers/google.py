"""Google's Gemini API, as its developer endpoint speaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.support.providers.reply import Reply
from tests.support.providers.server import Provider, Received, Sent, events, whole


class Google(Provider):
    """``POST /v1beta/models/MODEL:METHOD`` for content, embeddings and counts; ``/v1beta/interactions``."""

    def answer(self, request: Received, reply: Reply) -> Sent:
        """Whole, or as server-sent events."""
        if reply.status != 200:
            error = {"code": reply.status, "message": reply.text, "status": "INVALID_ARGUMENT"}
            return whole({"error": error}, reply.status)
        if request.path.partition("?")[0].endswith("/interactions"):
            return whole(_interaction(request.json, reply))
        found = re.search(r"/([^/:]+):(\w+)", request.path)
        model, method = found.groups() if found else ("", "")
        if method == "streamGenerateContent":
            return events((None, part) for part in _stream(model, reply))
        if method == "batchEmbedContents":
            return whole({"embeddings": [{"values": [0.5, 0.25]} for _ in request.json["requests"]]})
        if method == "embedContent":
            return whole({"embedding": {"values": [0.5, 0.25]}})
        if method == "countTokens":
            return whole({"totalTokens": reply.input_tokens})
        return whole(_answer(model, _parts(reply), reply, last=True))


def _interaction(asked: dict[str, Any], reply: Reply) -> dict[str, Any]:
    said = {"type": "model_output", "content": [{"type": "text", "text": reply.text}]}
    usage = {"total_input_tokens": reply.input_tokens, "total_output_tokens": reply.output_tokens}
    head = {"id": "interaction-1", "status": "completed", "model": asked["model"]}
    return {**head, "steps": [said], "usage": usage}


def _stream(model: str, reply: Reply) -> Iterator[dict[str, Any]]:
    for piece in reply.pieces(reply.text):
        yield _answer(model, [{"text": piece}], reply, last=False)
    tools = [part for part in _parts(reply) if "functionCall" in part]
    yield _answer(model, tools or [{"text": ""}], reply, last=True)


def _parts(reply: Reply) -> list[dict[str, Any]]:
    texts: list[dict[str, Any]] = [{"text": reply.text}] if reply.text else []
    return texts + [{"functionCall": {"name": tool.name, "args": tool.arguments}} for tool in reply.tools]


def _answer(model: str, parts: list[dict[str, Any]], reply: Reply, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if tokens := reply.tokens("".join(part.get("text", "") for part in parts)):
        chosen = [{"token": each["token"], "logProbability": each["logprob"]} for each in tokens]
        candidate["logprobsResult"] = {"chosenCandidates": chosen}
    usage = {"promptTokenCount": reply.input_tokens, "totalTokenCount": reply.input_tokens}
    if last:
        candidate["finishReason"] = "STOP"
        usage["candidatesTokenCount"] = reply.output_tokens
        usage["cachedContentTokenCount"] = reply.cached_tokens
        usage["totalTokenCount"] += reply.output_tokens
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}
