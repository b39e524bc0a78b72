"""OTLP in JSON, decoded into the same messages as protobuf, so that both make the same rows.

`google.protobuf.json_format` does not do for OTLP: it reads the hexadecimal ids as base64 without an error,
and takes names of enums and snake_case keys. Here ids are hexadecimal, keys lowerCamelCase, enums numbers
(names are refused), 64-bit integers text or numbers, and unknown keys are ignored
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp.messages import REQUESTS
from promethios.receiver.refusal import Kind, Refusal

#: Messages in one another: as protobuf's own limit.
_DEEPEST: Final = 100
#: Objects for each item that a request may have; a span with 15 attributes has 32.
_OBJECTS_PER_ITEM: Final = 64
_HEXADECIMAL: Final = frozenset({"traceId", "spanId", "parentSpanId"})
#: 64 bits have up to 20 digits; Python would take time for thousands.
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_NAMED_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")


class _Wrong(ValueError):
    """What does not fit; its message names the key."""


def decode(signal: Signal, body: bytes, most_items: int) -> tuple[Message, str]:
    """Decode a request in JSON.

    Returns:
        The request, and a warning where keys were ignored that read like protobuf's own names of fields:
        they are unknown, as every unknown key, but whoever sends them believes otherwise.

    Raises:
        Refusal: It is not one, or has far more objects than `most_items` items could have.
    """
    if body.count(b"{") > most_items * _OBJECTS_PER_ITEM:
        raise Refusal(Kind.TOO_LARGE, f"the request has more than {most_items} items: send smaller batches")
    message, misnamed = REQUESTS[signal](), set[str]()
    try:
        _fill(message, orjson.loads(body or b"{}"), 1, misnamed)
    except (orjson.JSONDecodeError, _Wrong) as error:
        raise Refusal(
            Kind.UNDECODABLE, f"the body is not an {message.DESCRIPTOR.name} in JSON: {error}"
        ) from error
    return message, _warning(misnamed)


def _warning(misnamed: set[str]) -> str:
    return f"ignored the key {min(misnamed)!r}: keys are in lowerCamelCase" if misnamed else ""


def _fill(message: Message, value: Any, depth: int, misnamed: set[str]) -> None:
    if depth > _DEEPEST:
        raise _Wrong(f"objects are nested more than {_DEEPEST} levels deep")
    if not isinstance(value, dict):
        raise _Wrong(f"{message.DESCRIPTOR.name} must be an object, not {_kind(value)}")
    fields = _fields(message.DESCRIPTOR)
    for key, item in value.items():
        field = fields.get(key)
        if field is None and key in message.DESCRIPTOR.fields_by_name:
            misnamed.add(key)
        if field is None or item is None:
            continue
        if field.is_repeated:
            _extend(message, field, item, depth, misnamed)
        elif field.message_type is not None:
            child = getattr(message, field.name)
            child.SetInParent()
            _fill(child, item, depth + 1, misnamed)
        else:
            _set(partial(setattr, message, field.name), field, item)


def _extend(message: Message, field: FieldDescriptor, items: Any, depth: int, misnamed: set[str]) -> None:
    if not isinstance(items, list):
        raise _Wrong(f"{field.json_name} must be an array, not {_kind(items)}")
    target = getattr(message, field.name)
    for item in items:
        if field.message_type is not None:
            _fill(target.add(), item, depth + 1, misnamed)
        else:
            _set(target.append, field, item)


def _set(put: Callable[[Any], None], field: FieldDescriptor, item: Any) -> None:
    try:
        put(_CONVERT[field.cpp_type](field, item))
    except (ValueError, TypeError, binascii.Error) as error:
        raise _Wrong(f"{field.json_name}: {error}") from error


def _integer(_: FieldDescriptor, item: Any) -> int:
    if isinstance(item, str) and _INTEGER.fullmatch(item):
        return int(item)
    if type(item) is int:
        return item
    raise _Wrong(f"expected an integer, not {_kind(item)}")


def _enum(_: FieldDescriptor, item: Any) -> int:
    if type(item) is int:
        return item
    raise _Wrong(f"expected the number of an enum's value, not {_kind(item)}")


def _number(_: FieldDescriptor, item: Any) -> float:
    if type(item) in (int, float) or item in _NAMED_NUMBERS:
        return float(item)
    raise _Wrong(f"expected a number, not {_kind(item)}")


def _boolean(_: FieldDescriptor, item: Any) -> bool:
    if isinstance(item, bool):
        return item
    raise _Wrong(f"expected true or false, not {_kind(item)}")


def _string(field: FieldDescriptor, item: Any) -> str | bytes:
    if not isinstance(item, str):
        raise _Wrong(f"expected text, not {_kind(item)}")
    if field.type != FieldDescriptor.TYPE_BYTES:
        return item
    if field.json_name in _HEXADECIMAL:
        return binascii.unhexlify(item)
    return base64.b64decode(item, validate=True)


_CONVERT: Final[dict[int, Callable[[FieldDescriptor, Any], Any]]] = {
    FieldDescriptor.CPPTYPE_INT32: _integer,
    FieldDescriptor.CPPTYPE_INT64: _integer,
    FieldDescriptor.CPPTYPE_UINT32: _integer,
    FieldDescriptor.CPPTYPE_UINT64: _integer,
    FieldDescriptor.CPPTYPE_ENUM: _enum,
    FieldDescriptor.CPPTYPE_DOUBLE: _number,
    FieldDescriptor.CPPTYPE_FLOAT: _number,
    FieldDescriptor.CPPTYPE_BOOL: _boolean,
    FieldDescriptor.CPPTYPE_STRING: _string,
}


@cache
def _fields(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    return {field.json_name: field for field in descriptor.fields}


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
