"""Amazon Bedrock by boto3 or botocore: Converse and InvokeModel, whole and streamed.

The guard stands around the client's `_make_request`, where the request is made up and not yet signed: below
every instrumentation, which wrap the call above it, and above retries. Clients that exist already are
covered, and those of other services pass.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from promethios.governance.adapters.bedrock_streams import Steps, read_converse, read_invoked
from promethios.governance.adapters.exchange import Asked, answered, ask, begin, concluded, identity
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.adapters.streams import GuardedStream
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.call import GovernedCall

_URL: Final = re.compile(r"/model/(?P<model>[^/]+)/")
# The name of a body that is no map of JSON.
_BARE: Final = ""
_OPERATIONS: Final = frozenset(
    {"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream", "CountTokens"}
)
# Where the answers of models that are invoked keep content: Anthropic, Amazon, Meta, Mistral and OpenAI.
_CONTENT: Final = ("content", "completion", "output", "results", "generation", "outputs", "choices", _BARE)


class BedrockGuard(LibraryGuard):
    """Puts guards around botocore's clients of ``bedrock-runtime``. One for the process."""

    library: ClassVar[str] = "botocore"
    scopes: ClassVar[frozenset[str]] = frozenset(
        {
            "openinference.instrumentation.bedrock",
            "opentelemetry.instrumentation.bedrock",
            "opentelemetry.instrumentation.botocore.bedrock-runtime",
        }
    )

    @classmethod
    def install(cls) -> None:
        """Put the guard on, once for the process."""
        wrap_when_imported("botocore.client", {"BaseClient._make_request": _guarded})


def _guarded(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call, args, kwargs = _before(client, args, kwargs)
    if call is None:
        return wrapped(*args, **kwargs)
    with call.running():
        http, parsed = wrapped(*args, **kwargs)
    if http.status_code < 300:
        body = parsed.get("body")
        content = body.read() if hasattr(body, "read") else None  # what fails here is the library's to raise
        if content is not None:
            parsed["body"] = _readable_anew(content)
        concluded(call, partial(_after, content), parsed)
    return http, parsed


def _before(
    client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[GovernedCall | None, tuple[Any, ...], dict[str, Any]]:
    """Decide the request, and give `_make_request` one that has in it what was redacted."""
    governor = BedrockGuard.governor
    if governor is None:
        return None, args, kwargs
    call, body = begin(governor, _read, client, args, kwargs)
    if call is not None and (redacted := ask(call, body, apart=("modelId",))):
        with call.fail_open("redact a request", "input"):
            operation, request, context = _made(*args, **kwargs)
            return call, (operation, {**request, "body": _bytes({**body, **redacted})}, context), {}
    return call, args, kwargs


def _made(operation_model: Any, request_dict: Any, request_context: Any) -> tuple[Any, Any, Any]:
    """What `_make_request` is given, by position or by name."""
    return operation_model, request_dict, request_context


def _read(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Asked | None:
    if client.meta.service_model.service_name != "bedrock-runtime":
        return None
    operation, request, _ = _made(*args, **kwargs)
    asked = _URL.search(request["url_path"])
    if asked is None or operation.name not in _OPERATIONS:
        return None
    return identity("chat", "aws.bedrock", unquote(asked["model"])), _json(request.get("body"))


def _after(content: bytes | None, call: GovernedCall, parsed: dict[str, Any]) -> None:
    """Decide the answer, and put what was redacted of it, or what decides as it streams, in its place."""
    if "output" in parsed:
        parsed.update(answered(call, {"output": parsed["output"]}, used(parsed.get("usage"))))
    elif "stream" in parsed:
        parsed["stream"] = GuardedStream(Steps(parsed["stream"]), call, read_converse)
    elif content is not None:
        _after_invoking(content, call, parsed)
    elif parsed.get("body") is not None:
        parsed["body"] = GuardedStream(Steps(parsed["body"]), call, read_invoked)
    else:
        call.after()


def _after_invoking(content: bytes, call: GovernedCall, parsed: dict[str, Any]) -> None:
    answer = _json(content)
    said = {name: value for name in _CONTENT if (value := answer.get(name))}
    after = answered(call, said, _usage(answer))
    if after is not said:
        parsed["body"] = _readable_anew(json.dumps({**answer, **after}).encode())


def _readable_anew(content: bytes) -> Any:
    from botocore.response import StreamingBody  # type: ignore[import-untyped]

    return StreamingBody(io.BytesIO(content), len(content))


def _usage(answer: Mapping[str, Any]) -> dict[str, int]:
    """The tokens of a model that was invoked; some have them beside the content, and Titan in two places."""
    results = answer.get("results")
    first = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    return used(answer.get("usage") or {**answer, **first})


def _json(body: Any) -> dict[str, Any]:
    """The map that a body is the JSON of; what else it is stands under the name `_BARE`."""
    if hasattr(body, "read") and hasattr(body, "seek"):
        start = body.tell()
        body, _ = body.read(), body.seek(start)
    try:
        found = json.loads(body)
    except (TypeError, ValueError):
        return {_BARE: body} if body else {}
    return found if isinstance(found, dict) else {_BARE: found}


def _bytes(body: Mapping[str, Any]) -> bytes:
    """The body that `_json` made a map of."""
    bare = body.get(_BARE, body)
    return bare.encode() if isinstance(bare, str) else json.dumps(bare).encode()
