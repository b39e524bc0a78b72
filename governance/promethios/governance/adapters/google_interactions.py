"""The interactions of google-genai, which have a client of their own: models and agents, whole and streamed.

The guard stands where a complete request is sent. A streamed answer is bytes there, which it does not read:
for policies that look at the output that is a case of their `onError`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from promethios.governance.adapters.exchange import Asked, answered, ask, begin, identity
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import UNREADABLE

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

# Headers that say how a body was, and not how it is now.
_STALE = ("content-encoding", "content-length", "transfer-encoding")


def before_interaction(
    governor: Governor | None, kwargs: dict[str, Any]
) -> tuple[GovernedCall | None, dict[str, Any]]:
    """Decide the HTTP request in `kwargs`, and give them with what is to be sent.

    Raises:
        PolicyViolation: It must not be sent.
    """
    if governor is None or "request" not in kwargs:
        return None, kwargs
    call, body = begin(governor, _read, kwargs["request"])
    if call is not None and (redacted := ask(call, body, apart=("model", "agent"))):
        with call.fail_open("redact a request", "input"):
            return call, {**kwargs, "request": _with_body(kwargs["request"], {**body, **redacted})}
    return call, kwargs


def _read(request: Any) -> Asked | None:
    if request.method != "POST" or not request.url.path.endswith("/interactions"):
        return None
    body = json.loads(request.content)
    model = str(body.get("model") or body.get("agent") or "")
    return identity("generate_content", "gcp.gemini", model), body


def after_interaction(call: GovernedCall, response: Any) -> Any:
    """What the caller gets of an HTTP response.

    Raises:
        PolicyViolation: It must not have it.
    """
    if not response.is_stream_consumed:
        call.after(output=UNREADABLE)
        return response
    answer = json.loads(response.content)
    content = {"steps": answer.get("steps") or []}
    after = answered(call, content, used(answer.get("usage")))
    return response if after is content else _with_body(response, {**answer, **after})


def _with_body(message: Any, body: dict[str, Any]) -> Any:
    """The same request or response with another body."""
    headers = [(name, value) for name, value in message.headers.multi_items() if name.lower() not in _STALE]
    parts = {"headers": headers, "content": json.dumps(body).encode(), "extensions": message.extensions}
    if hasattr(message, "status_code"):
        return type(message)(message.status_code, request=message.request, **parts)
    return type(message)(message.method, message.url, **parts)
