"""OpenAI's API: chat completions, responses and embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.providers.reply import Reply
from tests.support.providers.server import Provider, Received, Sent, events, whole


class OpenAI(Provider):
    """``POST /v1/chat/completions``, ``/v1/responses`` and ``/v1/embeddings``; ``GET`` of what is stored."""

    @property
    def base_url(self) -> str:
        """The ``base_url`` of a client."""
        return f"{self.url}/v1"

    def answer(self, request: Received, reply: Reply) -> Sent:
        """Whole, or as server-sent events."""
        asked = request.json if request.body else {"model": "gpt-4o-mini", "stream": "stream" in request.path}
        if reply.status != 200:
            error = {"message": reply.text, "type": "invalid_request_error", "code": None, "param": None}
            return whole({"error": error}, reply.status)
        if request.path.endswith("/embeddings"):
            return whole(_embeddings(asked["model"], reply))
        if "/responses" in request.path:
            response = _response(asked["model"], reply)
            return events(_response_events(response, reply)) if asked.get("stream") else whole(response)
        if asked.get("stream"):
            return events((None, part) for part in _chunks(asked, reply))
        return whole(_completion(asked["model"], reply))


def _completion(model: str, reply: Reply) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tools:
        said["tool_calls"] = _calls(reply)
    choice = {"index": 0, "message": said, "finish_reason": _reason(reply), **_logprobs(reply, reply.text)}
    return {**_head(model, "chat.completion"), "choices": [choice], "usage": _usage(reply)}


def _chunks(asked: dict[str, Any], reply: Reply) -> Iterator[Any]:
    head = _head(asked["model"], "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        logprobs = _logprobs(reply, delta.get("content") or "")
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, **logprobs}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in reply.pieces(reply.text):
        yield chunk({"content": piece})
    for piece in reply.pieces(reply.transcript):
        yield chunk({"audio": {"id": "audio_1", "transcript": piece}})
    for index, call in enumerate(_calls(reply)):
        yield chunk(
            {"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}
        )
        for piece in reply.pieces(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _reason(reply))
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(reply)}
    yield "[DONE]"


def _calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{number}", "type": "function", "function": {"name": tool.name, "arguments": tool.json}}
        for number, tool in enumerate(reply.tools)
    ]


def _logprobs(reply: Reply, text: str) -> dict[str, Any]:
    tokens = reply.tokens(text)
    return {"logprobs": {"content": tokens, "refusal": None}} if tokens else {}


def _reason(reply: Reply) -> str:
    return "tool_calls" if reply.tools else "stop"


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_760_000_000, "model": model}


def _usage(reply: Reply) -> dict[str, Any]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


def _embeddings(model: str, reply: Reply) -> dict[str, Any]:
    usage = {"prompt_tokens": reply.input_tokens, "total_tokens": reply.input_tokens}
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    return {"object": "list", "model": model, "data": data, "usage": usage}


def _response(model: str, reply: Reply) -> dict[str, Any]:
    text = {
        "type": "output_text",
        "text": reply.text,
        "annotations": [],
        "logprobs": reply.tokens(reply.text),
    }
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": "completed",
        "model": model,
        "output": [said],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": reply.input_tokens,
            "input_tokens_details": {"cached_tokens": reply.cached_tokens, "cache_write_tokens": 0},
            "output_tokens": reply.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": reply.input_tokens + reply.output_tokens,
        },
    }


def _response_events(response: dict[str, Any], reply: Reply) -> Iterator[tuple[str, dict[str, Any]]]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    (item,) = response["output"]
    begun = {**item, "status": "in_progress", "content": []}
    empty = {"type": "output_text", "text": "", "annotations": []}
    parts: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.content_part.added", **place, "part": empty},
        *(
            {"type": "response.output_text.delta", **place, "delta": each, "logprobs": reply.tokens(each)}
            for each in reply.pieces(reply.text)
        ),
        {
            "type": "response.output_text.done",
            **place,
            "text": reply.text,
            "logprobs": reply.tokens(reply.text),
        },
        {"type": "response.content_part.done", **place, "part": item["content"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]
    for number, part in enumerate(parts):
        yield part["type"], {**part, "sequence_number": number}
