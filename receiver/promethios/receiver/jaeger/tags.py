"""What a tag asks of a span: by its column where it has one, else by its attributes or its process'."""

from __future__ import annotations

from typing import Any, Final

import orjson
from sqlalchemy import (
    ColumnElement,
    Integer,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
)

from promethios.governance import semconv
from promethios.receiver.api.view import View
from promethios.receiver.store import schema

#: OTLP's kinds of spans, as Jaeger calls them.
KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
#: OTLP's status codes, as Jaeger's tag has them.
STATUSES: Final = {"UNSET": 0, "OK": 1, "ERROR": 2}
#: The name that OpenTelemetry gives a service that has none.
UNKNOWN: Final = "unknown_service"

_TEXTS: Final = {
    semconv.OPERATION_NAME: "operation",
    semconv.PROVIDER_NAME: "provider",
    semconv.REQUEST_MODEL: "model",
    semconv.RESPONSE_MODEL: "response_model",
    semconv.TOOL_NAME: "tool",
    semconv.CONVERSATION_ID: "conversation_id",
    "otel.status_description": "status_message",
}
_NUMBERS: Final = {
    semconv.USAGE_INPUT_TOKENS: "input_tokens",
    semconv.USAGE_OUTPUT_TOKENS: "output_tokens",
}
#: What is stamped on a span of a decision about it, and what decisions say themselves.
_DECISIONS: Final = {
    semconv.DECISION_ID: "decision_id",
    semconv.DECISION_VERDICT: "verdict",
    semconv.DECISION_ENFORCED: "enforced",
}
_SCOPES: Final = ("otel.scope.name", "otel.library.name")


def is_error(key: str, value: str) -> bool:
    """Whether a tag asks for spans that failed, of which there is an index."""
    return (key, value) in (("error", "true"), ("otel.status_code", "ERROR"))


def has_tag(view: View, table: Any, key: str, value: str) -> ColumnElement[bool]:
    """The condition that a span, or its process, has a tag with this value."""
    column: ColumnElement[Any]
    if key in ("error", "otel.status_code", "span.kind"):
        return _special(table, key, value)
    if key in _TEXTS:
        column = table.c[_TEXTS[key]]
        return column == value
    if key in _NUMBERS:
        return cast(table.c[_NUMBERS[key]], Text) == value
    if key in _DECISIONS:
        return _decided(view, table, _DECISIONS[key], value)
    if key in _SCOPES:
        scopes, column = view.eyes.of_everyone(schema.scopes), table.c.scope_id
        return column.in_(select(scopes.c.id).where(scopes.c.name == value))
    resources = view.eyes.of_everyone(schema.resources)
    of_process = select(resources.c.id).where(_says(resources.c.attributes, key, value))
    return or_(_says(table.c.attributes, key, value), table.c.resource_id.in_(of_process))


def _special(table: Any, key: str, value: str) -> ColumnElement[bool]:
    kind, code = table.c.kind, table.c.status_code
    if key == "span.kind":
        return or_(false(), *(kind == number for name, number in KINDS.items() if name == value))
    # Written out, or the database would not see that its index of failed spans has all of them.
    failed: ColumnElement[bool] = code == literal_column("2", Integer)
    if key == "error":
        return {"true": failed, "false": not_(failed)}.get(value, false())
    if value == "ERROR":
        return failed
    return or_(false(), *(code == number for name, number in STATUSES.items() if name == value))


def _decided(view: View, table: Any, column: str, value: str) -> ColumnElement[bool]:
    decided = view.of(schema.decisions)
    named = exists().where(
        decided.c.trace_id == table.c.trace_id,
        decided.c.span_id == table.c.span_id,
        decided.c[column] == value,
    )
    return or_(table.c[column] == value, named)


def _says(attributes: ColumnElement[Any], key: str, value: str) -> ColumnElement[bool]:
    """The condition that attributes, which are JSON, have this value; first a look that costs little."""
    each = func.json_each(attributes).table_valued("key", "value", "type")
    told = case(
        (each.c.type.in_(("true", "false")), each.c.type),
        else_=cast(each.c.value, Text),
    )
    quoted = orjson.dumps(key).decode()
    # Before 3.45 SQLite tells a key as it is written in the JSON, with its escapes.
    named = each.c.key.in_((key, quoted[1:-1]))
    return and_(func.instr(attributes, quoted) > 0, exists(select(each.c.key).where(named, told == value)))
