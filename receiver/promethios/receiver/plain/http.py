"""``POST /api/v1/{heartbeat,metrics,logs,violations,decisions}``: one object, or a list of them.

``GET /api/v1/health`` tells who sends them whether its key works and the receiver can store.
"""

from __future__ import annotations

import time
from typing import Any, Final

import orjson
from flask import Blueprint, Response, g, request

from promethios.receiver.access.gate import Principal
from promethios.receiver.ingest.pipeline import Pipeline, Stored
from promethios.receiver.ingest.writer import Writer
from promethios.receiver.otlp.body import read_body
from promethios.receiver.otlp.budget import Budget, Share
from promethios.receiver.otlp.encoding import JSON, content_type_of
from promethios.receiver.otlp.outline import admit, keys_of
from promethios.receiver.plain.fields import FieldError, read_fields
from promethios.receiver.plain.kinds import KINDS, Kind
from promethios.receiver.plain.messages import Told
from promethios.receiver.refusal import Kind as RefusalKind
from promethios.receiver.refusal import Refusal
from promethios.receiver.settings import Settings

#: Objects for each item: an item has itself and its attributes.
_OBJECTS_PER_ITEM: Final = 2


def plain_blueprint(pipeline: Pipeline, budget: Budget, settings: Settings, writer: Writer) -> Blueprint:
    """The routes. All of a request is stored, or nothing of it: then the answer names what is wrong."""
    blueprint = Blueprint("plain", __name__, url_prefix="/api/v1")

    def tell(kind: Kind) -> Response:
        content_type = content_type_of(request.headers.get("Content-Type", ""))
        if content_type != JSON:
            raise Refusal(
                RefusalKind.UNSUPPORTED, f"the content type must be {JSON}, not {content_type[:60]!r}"
            )
        with budget.share() as share:
            body = read_body(request, settings.max_body_bytes, share)
            told = _read(kind, body, settings.max_items, g.principal, share)
            message = kind.request(told)
            encoded = message.SerializeToString(deterministic=True)
            stored = pipeline.ingest(g.principal, kind.signal, message, encoded)
        return _answer(len(told), stored)

    for name, kind in KINDS.items():
        blueprint.add_url_rule(
            f"/{name}", name, tell, methods=["POST"], defaults={"kind": kind}, provide_automatic_options=False
        )

    @blueprint.get("/health")
    def health() -> Response:
        """Who the key speaks for; answered after an empty transaction went the whole way."""
        writer.do(lambda _: None)
        return Response(orjson.dumps({"status": "ok", "agent_id": g.principal.agent_id}), content_type=JSON)

    return blueprint


def _read(kind: Kind, body: bytes, most_items: int, principal: Principal, share: Share) -> list[Told]:
    if body.count(b"{") > most_items * _OBJECTS_PER_ITEM:
        raise _too_many(most_items)
    found = admit(body, most_items, share)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(RefusalKind.UNDECODABLE, f"the body is not JSON: {error}") from error
    if keys_of(document) != found.keys:
        raise Refusal(RefusalKind.UNDECODABLE, "an object has the same key twice; nothing was stored")
    items = document if isinstance(document, list) else [document]
    if len(items) > most_items:
        raise _too_many(most_items)
    now = time.time_ns()
    told = []
    for place, item in enumerate(items):
        try:
            told.append(_item(kind, item, principal, now + place))
        except FieldError as error:
            where = f"object {place}: " if isinstance(document, list) else ""
            raise Refusal(RefusalKind.UNDECODABLE, f"{where}{error}; nothing was stored") from error
    return told


def _item(kind: Kind, item: Any, principal: Principal, now: int) -> Told:
    """One object. What says no time is of now; a nanosecond apart, so that none is taken for another."""
    own = {} if principal.agent_id is None else {"agent_id": principal.agent_id}
    needed = kind.needed if own else ("agent_id", *kind.needed)
    return {"time": now, **own, **read_fields(item, kind.fields, needed)}


def _too_many(most: int) -> Refusal:
    return Refusal(RefusalKind.TOO_LARGE, f"the request has more than {most} items: send smaller batches")


def _answer(accepted: int, stored: Stored) -> Response:
    document: dict[str, Any] = {"accepted": accepted - stored.rejected}
    if stored.message:
        document["message"] = stored.message
    return Response(orjson.dumps(document), content_type=JSON)
