"""OTLP in JSON, decoded into the same messages as protobuf, so that both make the same rows.

`google.protobuf.json_format` does not do for OTLP: it reads the hexadecimal ids as base64 without an error,
and takes names of enums and snake_case keys. Here ids are hexadecimal, keys lowerCamelCase, enums numbers
(names are refused), 64-bit integers text or numbers, and unknown keys are ignored
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp.budget import Share
from promethios.receiver.otlp.messages import REQUESTS
from promethios.receiver.otlp.outline import admit, keys_of
from promethios.receiver.otlp.scalars import Wrong, converter, kind_of
from promethios.receiver.refusal import Kind, Refusal

#: Messages in one another: as protobuf's own limit.
_DEEPEST: Final = 100
#: What a request may have `most_items` of: items, and what wraps them.
_COUNTED: Final = frozenset(
    f"{envelope}{signal}" for envelope in ("Resource", "Scope") for signal in ("Spans", "Metrics", "Logs")
) | {
    "Span",
    "LogRecord",
    "Metric",
    "NumberDataPoint",
    "HistogramDataPoint",
    "ExponentialHistogramDataPoint",
    "SummaryDataPoint",
}


def decode(signal: Signal, body: bytes, most_items: int, share: Share) -> tuple[Message, str]:
    """Decode a request in JSON.

    Returns:
        The request, and a warning where keys were ignored that read like protobuf's own names of fields:
        they are unknown, as every unknown key, but whoever sends them believes otherwise.

    Raises:
        Refusal: It is not one, has more than `most_items` items or far more values than they could have,
            or there is no room in `share` for what it would become.
    """
    found = admit(body, most_items, share)
    message, walk = REQUESTS[signal](), _Walk(most_items)
    try:
        walk.fill(message, orjson.loads(body or b"{}"), 1)
        if walk.keys != found.keys:
            raise Wrong("an object has the same key twice")
    except (orjson.JSONDecodeError, Wrong) as error:
        raise Refusal(
            Kind.UNDECODABLE, f"the body is not an {message.DESCRIPTOR.name} in JSON: {error}"
        ) from error
    return message, walk.warning


class _Walk:
    """Fills a message from a document, and counts what it meets on the way."""

    def __init__(self, most: int) -> None:
        self.keys = 0
        self._most = most
        self._messages = 0
        self._misnamed: set[str] = set()

    @property
    def warning(self) -> str:
        """What the client's developer should know; empty where there is nothing."""
        if not self._misnamed:
            return ""
        return f"ignored the key {min(self._misnamed)!r}: keys are in lowerCamelCase"

    def fill(self, message: Message, value: Any, depth: int) -> None:
        """Set a message's fields from an object's members."""
        if type(value) is not dict:
            raise Wrong(f"{message.DESCRIPTOR.name} must be an object, not {kind_of(value)}")
        if depth > _DEEPEST:
            raise Wrong(f"objects are nested more than {_DEEPEST} levels deep")
        self.keys += len(value)
        putters = _putters(message.DESCRIPTOR)
        for key, item in value.items():
            put = putters.get(key)
            if put is None:
                self._ignore(message, key, item)
            elif item is not None:
                put(self, message, item, depth)

    def extend(self, target: Any, items: list[Any], depth: int, counted: bool) -> None:
        """Add a message for each object; what was read is let go at once, for its memory."""
        if counted:
            self._messages += len(items)
            if self._messages > self._most:
                raise Refusal(
                    Kind.TOO_LARGE, f"the request has more than {self._most} items: send smaller batches"
                )
        for place, item in enumerate(items):
            self.fill(target.add(), item, depth)
            items[place] = None

    def _ignore(self, message: Message, key: str, item: Any) -> None:
        if key in message.DESCRIPTOR.fields_by_name:
            self._misnamed.add(key)
        self.keys += keys_of(item)


_Putter = Callable[[_Walk, Any, Any, int], None]


@cache
def _putters(descriptor: Descriptor) -> dict[str, _Putter]:
    """What to do with the value of each key of a message's object."""
    return {field.json_name: _putter(field) for field in descriptor.fields}


def _putter(field: FieldDescriptor) -> _Putter:
    if field.message_type is not None:
        counted = field.message_type.name in _COUNTED
        return _message_list(field, counted) if field.is_repeated else _message(field)
    return _scalar_list(field) if field.is_repeated else _scalar(field)


def _message(field: FieldDescriptor) -> _Putter:
    name = field.name

    def put(walk: _Walk, message: Any, item: Any, depth: int) -> None:
        child = getattr(message, name)
        child.SetInParent()
        walk.fill(child, item, depth + 1)

    return put


def _message_list(field: FieldDescriptor, counted: bool) -> _Putter:
    name, key = field.name, field.json_name

    def put(walk: _Walk, message: Any, items: Any, depth: int) -> None:
        walk.extend(getattr(message, name), _list(key, items), depth + 1, counted)

    return put


def _scalar(field: FieldDescriptor) -> _Putter:
    name, key, convert = field.name, field.json_name, converter(field)

    def put(_: _Walk, message: Any, item: Any, __: int) -> None:
        try:
            setattr(message, name, convert(item))
        except ValueError as error:
            raise Wrong(f"{key}: {error}") from error

    return put


def _scalar_list(field: FieldDescriptor) -> _Putter:
    name, key, convert = field.name, field.json_name, converter(field)

    def put(_: _Walk, message: Any, items: Any, __: int) -> None:
        given = _list(key, items)
        try:
            getattr(message, name).extend([convert(item) for item in given])
        except ValueError as error:
            raise Wrong(f"{key}: {error}") from error

    return put


def _list(key: str, items: Any) -> list[Any]:
    if type(items) is not list:
        raise Wrong(f"{key} must be an array, not {kind_of(items)}")
    return items
