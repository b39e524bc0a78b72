"""The description of everything under ``/api/v1``, and where it is to be had."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

import orjson
from flask import Blueprint, Flask, Response, current_app
from werkzeug.routing import Rule

from promethios.receiver.access.roles import RULES
from promethios.receiver.api import ROUTES
from promethios.receiver.api.formats import TYPES
from promethios.receiver.api.routes import Shape
from promethios.receiver.openapi import requests, rows
from promethios.receiver.openapi.alerting import describe_silences
from promethios.receiver.plain.kinds import KINDS

PREFIX: Final = "/api/v1/"
_PLACE: Final = re.compile(r"<(?:\w+:)?(\w+)>")

_ABOUT: Final = """\
Questions are answered with flat rows under `data`; every parameter has a default. What is wrong is answered
with a problem document (RFC 9457) that says what to do. A key goes into `Authorization: Bearer pmk_…` or
`x-api-key`; it decides whose data is seen. 503 and 429 say in `Retry-After` when to try again.
"""

_REFUSALS: Final = {
    400: "Something cannot be read: `detail` names it",
    401: "There is no valid key",
    403: "The key lacks the scope",
    404: "There is no such thing for this key",
    409: "It is not in the state for that",
    413: "The body is too large, or has too many items",
    415: "The content type or encoding is another than JSON and gzip",
    429: "The tenant's quota is used up, or too many wrong keys came from here",
    431: "The request's head is longer than 64 KiB",
    503: "Not now: the database is busy, held or full, or the receiver is ending",
}

Described = dict[str, Any]


def openapi_blueprint() -> Blueprint:
    """``GET /api/v1/openapi.json``."""
    blueprint = Blueprint("openapi", __name__, url_prefix="/api/v1")

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        """This description."""
        return Response(orjson.dumps(describe(current_app)), content_type="application/json")

    return blueprint


def describe(app: Flask) -> Described:
    """The document, OpenAPI 3.1.

    Raises:
        KeyError: A route under ``/api/v1`` has no description yet.
    """
    paths: dict[str, Described] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule.startswith(PREFIX):
            address = _PLACE.sub(r"{\1}", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                paths.setdefault(address, {})[method.lower()] = _operation(rule, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Promethios receiver", "version": version("promethios"), "description": _ABOUT},
        "paths": paths,
        "security": [{"bearer": []}, {"key": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": {"Problem": rows.PROBLEM},
            "responses": {str(status): _refusal(about) for status, about in _REFUSALS.items()},
        },
    }


def _operation(rule: Rule, method: str) -> Described:
    """What one method of one route takes and gives."""
    path = rule.rule.removeprefix(PREFIX)
    part = rule.endpoint.partition(".")[0]
    described = _DESCRIBED[part](path, method)
    found = [*described.pop("parameters", []), *requests.path_parameters(rule.arguments - _FIXED)]
    refusals = {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in described.pop("refusals", ())
    }
    always = {str(status): {"$ref": f"#/components/responses/{status}"} for status in _ALWAYS}
    return {
        "operationId": f"{method.lower()}_{re.sub('[^a-z]+', '_', path.lower()).strip('_')}",
        "tags": [part],
        "description": f"Needs a key with the scope `{RULES[part]}`.",
        **described,
        "parameters": found,
        "responses": {**described["responses"], **always, **refusals},
    }


#: What any request may be told.
_ALWAYS: Final = (400, 401, 403, 429, 431, 503)
#: Arguments of routes that no address shows: which kind of plain JSON it is.
_FIXED: Final = {"kind"}


def _question(path: str, _: str) -> Described:
    route = next(route for route in ROUTES if route.path == path)
    row = {"type": "array", "items": rows.ROWS[path]}
    document: Described = {"type": "object", "properties": {"data": row}, "required": ["data"]}
    if route.shape is not Shape.FIXED:
        document["properties"]["cursor"] = {
            "type": "string",
            "description": "Of the next page, if there is one",
        }
    if path in _BESIDE:
        document["properties"] |= _BESIDE[path]
        document["required"] = sorted(document["properties"])
    document["additionalProperties"] = False
    return {
        "summary": _first_line(route.answer),
        "parameters": requests.query_parameters(route),
        "responses": {
            **_exported(_answer(200, document)),
            "304": {"description": "It is as `If-None-Match` says"},
        },
        "refusals": (404,) if "<" in path else (),
    }


def _exported(answer: Described) -> Described:
    """The same answer, or its rows in another format."""
    for media_type in TYPES.values():
        answer["200"]["content"].setdefault(media_type, {"schema": {"type": "string"}})
    return answer


#: What an answer has beside its rows.
_BESIDE: Final = {"trust/<path:agent_id>": rows.EXPLAINED, "agents/<path:agent_id>": rows.DETAILED}


def _live(_: str, __: str) -> Described:
    about = "Events `violation`, `decision`, `alert` (rows as in the lists) and `changed`; it never ends"
    content = {"text/event-stream": {"schema": {"type": "string", "description": about}}}
    return {
        "summary": "What happens now, as server-sent events, until the client goes.",
        "parameters": requests.LIVE,
        "responses": {"200": {"description": about, "content": content}},
    }


def _plain(path: str, method: str) -> Described:
    if method == "GET":
        return {
            "summary": "Whether the key works, whose it is, and whether the receiver can store.",
            "responses": _answer(200, rows.HEALTH),
        }
    return {
        "summary": f"Tell {path}: one object, or a list of them. All is stored, or nothing.",
        "requestBody": requests.plain_body(KINDS[path]),
        "responses": _answer(200, rows.ACCEPTED),
        "refusals": (413, 415),
    }


def _keys(path: str, method: str) -> Described:
    if path.endswith("/rotate"):
        return {
            "summary": "Make a key that takes the place of another, which goes on for a while.",
            "requestBody": requests.ROTATION,
            "responses": _answer(201, rows.ROTATED_KEY),
            "refusals": (404, 413),
        }
    listed = {"type": "object", "properties": {"data": {"type": "array", "items": rows.ROWS["keys"]}}}
    described: dict[str, Described] = {
        "GET": {"summary": "The tenant's keys, without their secrets.", "responses": _answer(200, listed)},
        "POST": {
            "summary": "Make a key.",
            "requestBody": requests.NEW_KEY,
            "responses": _answer(201, rows.CREATED_KEY),
        },
        "DELETE": {
            "summary": "Revoke a key.",
            "responses": {"204": {"description": "It works no more"}},
            "refusals": (404,),
        },
    }
    return described[method]


def _tenants(_: str, method: str) -> Described:
    listed = {"type": "object", "properties": {"data": {"type": "array", "items": rows.ROWS["tenants"]}}}
    described: dict[str, Described] = {
        "GET": {"summary": "The tenant; for the operator all of them.", "responses": _answer(200, listed)},
        "PUT": {
            "summary": "Give a tenant quotas of its own, as the operator.",
            "requestBody": requests.QUOTA,
            "responses": _answer(200, listed),
            "refusals": (404, 413),
        },
    }
    return described[method]


def _trust(_: str, __: str) -> Described:
    row = {"type": "array", "items": rows.ROWS["trust"]}
    return {
        "summary": "Acknowledge the alarm of an agent whose trust changed suddenly.",
        "requestBody": requests.NOTE,
        "responses": _answer(200, {"type": "object", "properties": {"data": row}}),
        "refusals": (404, 409),
    }


def _itself(_: str, __: str) -> Described:
    return {"summary": "This description.", "responses": _answer(200, {"type": "object"})}


#: By the part of the server.
_DESCRIBED: Final[dict[str, Callable[[str, str], Described]]] = {
    "api": _question,
    "plain": _plain,
    "keys": _keys,
    "tenants": _tenants,
    "trust": _trust,
    "alerts": describe_silences,
    "openapi": _itself,
    "live": _live,
}


def _first_line(answer: Callable[..., Any]) -> str:
    return (answer.__doc__ or "").strip().splitlines()[0]


def _answer(status: int, schema: Any) -> Described:
    return {str(status): {"description": "Done", "content": {"application/json": {"schema": schema}}}}


def _refusal(about: str) -> Described:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": about, "content": {"application/problem+json": {"schema": schema}}}
