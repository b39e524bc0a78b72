"""What may be asked: the parameters of questions and the bodies of what is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from promethios.receiver.access.roles import Scope
from promethios.receiver.access.tenants import MOST, QUOTAS
from promethios.receiver.api.cursors import LONGEST_CURSOR
from promethios.receiver.api.formats import TYPES
from promethios.receiver.api.keys import DEFAULT_OVERLAP, LONGEST_OVERLAP
from promethios.receiver.api.question import (
    LATEST,
    LONGEST,
    MOST_EXPORTED,
    MOST_ROWS,
    ROWS,
    parameters_of,
)
from promethios.receiver.api.routes import Route, Shape
from promethios.receiver.plain.kinds import Kind

Parameter = dict[str, Any]

_MOMENT: Final = {"type": "integer", "minimum": 0, "maximum": LATEST}
_ABOUT: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "from": (_MOMENT, "From when, Unix milliseconds; by default six hours before `to`"),
    "to": (_MOMENT, "Until when, Unix milliseconds, included; by default now"),
    "step": (
        {"type": "integer", "minimum": 1, "maximum": LATEST},
        "The width of a step of a series, milliseconds, rounded to seconds; by default a 120th of the range",
    ),
    "format": (
        {"type": "string", "enum": ["", *TYPES], "default": "json"},
        f"`csv` and `ndjson` give the whole answer, up to {MOST_EXPORTED} rows; without it, by `Accept`",
    ),
    "top": (
        {"type": "integer", "minimum": 1, "maximum": MOST_ROWS},
        "Only so many agents, those that need to be looked at most; without it, all",
    ),
    "cursor": (
        {"type": "string", "pattern": "^[A-Za-z0-9_-]*$", "maxLength": LONGEST_CURSOR},
        "Where to go on: the `cursor` of the page before",
    ),
}
_AGENTS: Final = ({"type": "string", "maxLength": LONGEST}, "One agent, or several joined by `|`")
#: What may be asked of what happens now.
LIVE: Final = [
    {
        "name": "agent",
        "in": "query",
        "schema": _AGENTS[0],
        "description": f"{_AGENTS[1]}; without it, all",
    },
    {
        "name": "all",
        "in": "query",
        "schema": {"type": "string", "enum": ["", "0", "1"], "default": "0"},
        "description": "1 for the decisions that allow too",
    },
    {
        "name": "Last-Event-ID",
        "in": "header",
        "schema": {"type": "string"},
        "description": "The `id` of the last event that was seen: where to go on",
    },
]
_PATH: Final[dict[str, dict[str, Any]]] = {
    "trace_id": {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"},
    "key_id": {"type": "string", "minLength": 1},
    "agent_id": {"type": "string", "minLength": 1},
    "tenant": {"type": "string", "minLength": 1},
    "silence_id": {"type": "integer", "minimum": 0},
}


def query_parameters(route: Route) -> list[Parameter]:
    """The parameters of a question."""
    return [_query(name, route) for name in sorted(parameters_of(route))]


def path_parameters(names: Iterable[str]) -> list[Parameter]:
    """The parameters that stand in an address."""
    return [{"name": name, "in": "path", "required": True, "schema": _PATH[name]} for name in sorted(names)]


def _query(name: str, route: Route) -> Parameter:
    if name in _OF_ROUTE:
        schema, about = _OF_ROUTE[name](route)
    else:
        any_of = f"One {name}, or several joined by `|`; without it, all"
        schema, about = _ABOUT.get(name, ({"type": "string", "maxLength": LONGEST}, any_of))
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _limit(route: Route) -> tuple[dict[str, Any], str]:
    default = MOST_ROWS if route.shape is Shape.TABLE else ROWS
    schema = {"type": "integer", "minimum": 1, "maximum": MOST_EXPORTED, "default": default}
    return schema, f"The most rows; of JSON at most {MOST_ROWS}, of an export by default as many as can be"


def _sort(route: Route) -> tuple[dict[str, Any], str]:
    orders = [f"{way}{name}" for name in route.sortable for way in ("", "-")]
    schema = {"type": "string", "enum": ["", *orders], "default": str(route.order)}
    return schema, "The column to sort by, with `-` the greatest first; rows without it come last"


_OF_ROUTE: Final[dict[str, Callable[[Route], tuple[dict[str, Any], str]]]] = {"limit": _limit, "sort": _sort}


def body(schema: Any, *, required: bool = True) -> dict[str, Any]:
    """A body of JSON."""
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def plain_body(kind: Kind) -> dict[str, Any]:
    """One object of plain JSON, or a list of them; a field that is null is as good as left out."""
    fields = {
        name: {"anyOf": [read.schema, {"type": "null"}]} if name not in kind.needed else dict(read.schema)
        for name, read in kind.fields.items()
    }
    item = {
        "type": "object",
        "properties": fields,
        "required": sorted({"agent_id", *kind.needed}),
        "additionalProperties": False,
    }
    if "id" in fields:
        item["dependentRequired"] = {"id": ["time"]}
    return body({"anyOf": [item, {"type": "array", "items": item}]})


_ANY_SCOPE: Final = "|".join(Scope)

#: What makes a key.
NEW_KEY: Final = body(
    {
        "type": "object",
        "properties": {
            "scope": {
                "type": "string",
                "pattern": f"^({_ANY_SCOPE})(,({_ANY_SCOPE}))*$",
                "description": "What it may be used for, joined by commas",
            },
            "tenant": {"type": "string", "description": "Whose; by default the administrator's own"},
            "agent": {"type": ["string", "null"], "description": "The one agent that it speaks for"},
            "environment": {"type": "string", "pattern": "^[a-z0-9]{1,16}$", "default": "live"},
            "days": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": 36_500,
                "description": "For how long",
            },
        },
        "required": ["scope"],
        "additionalProperties": False,
    }
)

#: How a key is replaced.
ROTATION: Final = body(
    {
        "type": "object",
        "properties": {
            "overlap_seconds": {
                "type": "integer",
                "minimum": 0,
                "maximum": LONGEST_OVERLAP,
                "default": DEFAULT_OVERLAP,
                "description": "For how long the old key goes on",
            }
        },
        "additionalProperties": False,
    },
    required=False,
)

#: What a tenant may send; what is left out stays.
QUOTA: Final = body(
    {
        "type": "object",
        "properties": {
            name: {"type": ["integer", "null"], "minimum": 0, "maximum": MOST, "description": about}
            for name, about in zip(
                QUOTAS,
                (
                    "Bytes a minute, unpacked; 0 for any number, null for what the receiver's settings say",
                    "Spans, points and records a minute; 0 for any number, null for what the settings say",
                ),
                strict=True,
            )
        },
        "minProperties": 1,
        "additionalProperties": False,
    }
)

#: What may be said to an acknowledged alarm.
NOTE: Final = body(
    {
        "type": "object",
        "properties": {"note": {"type": "string", "maxLength": 200}},
        "additionalProperties": False,
    },
    required=False,
)
