"""A local stand-in for an LLM: an HTTP server that speaks OpenAI's chat completions API.

    with StandIn() as llm:
        client = openai.OpenAI(base_url=llm.url, api_key="unused")

``POST /v1/chat/completions`` answers whole or as server-sent events, with tool calls and usage;
``GET /requests`` gives everything that was received, for proofs of what did *not* leave an agent.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final

from promethios.receiver.demo.replies import Reply, ToolCall, reply

#: Most bytes that a request may have.
LARGEST_REQUEST: Final = 4 * 1024 * 1024
_COMPLETIONS: Final = "/v1/chat/completions"


class BadRequestError(ValueError):
    """A request that OpenAI's API would refuse, too."""


class StandIn:
    """The server, on a free port of the loopback interface. Use it as a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[dict[str, Any]] = []
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:40123``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The ``base_url`` for an OpenAI client."""
        return f"{self.address}/v1"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The body of every request that reached it, in the order of arrival."""
        with self._lock:
            return list(self._received)

    def complete(self, request: dict[str, Any]) -> tuple[int, Reply]:
        """Keep a request, and give its number and the answer.

        Raises:
            BadRequestError: It is not a chat completions request.
        """
        with self._lock:
            self._received.append(request)
            number = len(self._received)
        messages, tools = request.get("messages"), request.get("tools") or []
        if not isinstance(request.get("model"), str):
            raise BadRequestError("you must provide a model parameter")
        if not _objects(messages) or not messages or not _objects(tools):
            raise BadRequestError(
                "'messages' must be a non-empty array of objects, and 'tools' one of objects"
            )
        return number, reply(messages, tools)

    def close(self) -> None:
        """Stop, and release the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> StandIn:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], stand_in: StandIn) -> None:
        self.stand_in = stand_in
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it each answer of several writes waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/requests":
            received = self.server.stand_in.requests
            self._send(200, {"count": len(received), "requests": received})
        else:
            self._refuse(404, f"there is nothing at {self.path}")

    def do_POST(self) -> None:
        try:
            request = self._read()
            if self.path != _COMPLETIONS:
                self._refuse(404, f"there is nothing at {self.path}")
                return
            number, answer = self.server.stand_in.complete(request)
        except BadRequestError as error:
            self._refuse(400, str(error))
            return
        head = {"id": f"chatcmpl-{number}", "created": int(time.time()), "model": request["model"]}
        if request.get("stream"):
            usage = bool((request.get("stream_options") or {}).get("include_usage"))
            self._stream(_chunks(head, answer, usage))
        else:
            self._send(200, _completion(head, answer))

    def log_message(self, *args: Any) -> None:
        """Stay silent: the demonstration tells what happens."""

    def _read(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_REQUEST:
            self.close_connection = True
            raise BadRequestError(f"a request needs a Content-Length of at most {LARGEST_REQUEST} bytes")
        try:
            request = json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise BadRequestError("the body is not JSON") from error
        if not isinstance(request, dict):
            raise BadRequestError("the body is not an object")
        return request

    def _refuse(self, status: int, message: str) -> None:
        kind = "invalid_request_error"
        self._send(status, {"error": {"message": message, "type": kind, "param": None, "code": None}})

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, chunks: Iterator[Mapping[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


def _completion(head: Mapping[str, Any], answer: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.call:
        message["tool_calls"] = [_tool_call(answer.call)]
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason, "logprobs": None}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}


def _chunks(head: Mapping[str, Any], answer: Reply, usage: bool) -> Iterator[dict[str, Any]]:
    def chunk(delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return {**head, "object": "chat.completion.chunk", "choices": [choice]}

    yield chunk({"role": "assistant", "content": None if answer.call else ""})
    if answer.call:
        yield from (chunk({"tool_calls": [part]}) for part in _tool_call_parts(answer.call))
    for start in range(0, len(answer.text), 24):
        yield chunk({"content": answer.text[start : start + 24]})
    yield chunk({}, answer.finish_reason)
    if usage:
        yield {**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _tool_call_parts(call: ToolCall) -> Iterator[dict[str, Any]]:
    """A call as streams bring it: its name first, then its arguments in pieces."""
    whole = _tool_call(call)
    arguments = whole["function"]["arguments"]
    yield {"index": 0, **whole, "function": {**whole["function"], "arguments": ""}}
    for start in range(0, len(arguments), 12):
        yield {"index": 0, "function": {"arguments": arguments[start : start + 12]}}


def _usage(answer: Reply) -> dict[str, int]:
    total = answer.input_tokens + answer.output_tokens
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": total,
    }


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)
