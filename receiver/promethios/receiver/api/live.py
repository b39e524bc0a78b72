"""``/live``: what happens now, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

The answer never ends by itself. It begins in a thread that answers requests, and is then handed to the
connection, which the hub writes to: listening costs no thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flask import Blueprint, Response, g, request

from promethios.receiver.access.gate import Principal
from promethios.receiver.api.question import parse_values
from promethios.receiver.connections import KEEP
from promethios.receiver.live.hub import Hub
from promethios.receiver.live.listeners import Marks, Topic
from promethios.receiver.refusal import Kind, Refusal, unavailable

#: What may be asked for.
PARAMETERS: Final = frozenset({"agent", "all"})
#: How long a browser waits before it comes back, milliseconds.
_RETRY: Final = b"retry: 3000\n\n"
_HEADERS: Final = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


def live_blueprint(hub: Hub) -> Blueprint:
    """``GET /api/v1/live``."""
    blueprint = Blueprint("live", __name__, url_prefix="/api/v1")

    @blueprint.get("/live")
    def live() -> Response:
        """Events `violation`, `decision`, `alert` and `changed`, until the client goes."""
        topic, marks = _topic(g.principal), Marks.parse(request.headers.get("Last-Event-ID", ""))
        if request.method == "HEAD":
            return Response(headers=_HEADERS)
        keep = request.environ.get(KEEP)
        if keep is None:
            raise unavailable("this server cannot keep a connection open: run `promethios serve`")
        keep(hub.listen(g.principal, topic, marks))
        return Response(_beginning(), headers=_HEADERS)

    return blueprint


def _beginning() -> Iterator[bytes]:
    yield _RETRY


def _topic(principal: Principal) -> Topic:
    if unknown := sorted(set(request.args) - PARAMETERS):
        known = ", ".join(sorted(PARAMETERS))
        raise _bad(f"unknown parameter {unknown[0][:60]!r}: this route knows {known}")
    every = request.args.get("all", "")
    if every not in ("", "0", "1"):
        raise _bad(f"'all' must be 0 or 1, not {every[:60]!r}")
    agents = parse_values("agent", request.args.get("agent", ""))
    return Topic(principal.tenant_id, principal.agent_id, agents, every == "1")


def _bad(message: str) -> Refusal:
    return Refusal(Kind.UNDECODABLE, message, code="bad-parameter")
