"""The interactions of google-genai, which have a client of their own: models and agents, whole and streamed.

The guard stands where a complete request is sent. A streamed answer is bytes there, which it does not read:
for policies that look at the output that is a case of their `onError`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from promethios.governance.adapters.exchange import answered, ask, identity
from promethios.governance.adapters.tokens import used
from promethios.governance.enforcement.call import GovernedCall
from promethios.governance.enforcement.plain import UNREADABLE, readable

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

# Headers that say how a body was, and not how it is now.
_STALE = ("content-encoding", "content-length", "transfer-encoding")


def begin(governor: Governor | None, request: Any) -> tuple[GovernedCall | None, Any]:
    """Decide `request`, an HTTP request, and give what is to be sent; no call where it is none of a model.

    Raises:
        PolicyViolation: It must not be sent.
    """
    if governor is None or request.method != "POST" or not request.url.path.endswith("/interactions"):
        return None, request
    body = readable(json.loads, request.content)
    if not isinstance(body, dict):
        return None, request
    model = str(body.get("model") or body.get("agent") or "")
    call = GovernedCall.begin(governor, "model", identity("generate_content", "gcp.gemini", model))
    if call is not None and (changed := ask(call, body, apart=("model", "agent"))):
        request = _with_body(request, {**body, **changed})
    return call, request


def finished(call: GovernedCall, response: Any) -> Any:
    """What the caller gets of an HTTP response.

    Raises:
        PolicyViolation: It must not have it.
    """
    if not response.is_stream_consumed:
        call.after(output=UNREADABLE)
        return response
    answer = readable(json.loads, response.content)
    if not isinstance(answer, dict):
        call.after(output=UNREADABLE)
        return response
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
