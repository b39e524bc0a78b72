"""What stands for a number, a text or bytes in OTLP's JSON (https://protobuf.dev/programming-guides/json/)."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor

#: The bytes that OTLP writes in hexadecimal, other than protobuf's own mapping.
_HEXADECIMAL: Final = frozenset({"traceId", "spanId", "parentSpanId"})
#: 64 bits have up to 20 digits; Python would take time for thousands.
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_NAMED_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")
#: Up to here every whole number has a float of its own, so that none was rounded to another.
_EXACT: Final = 2.0**53
_URL_SAFE: Final = str.maketrans("-_", "+/")


class Wrong(ValueError):
    """What does not fit; its message names the key."""


def converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    """What turns a field's value in JSON into Python's; it raises `ValueError`."""
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _hexadecimal if field.json_name in _HEXADECIMAL else _base64
    return _CONVERTERS[field.cpp_type]


def kind_of(value: Any) -> str:
    """What JSON calls it, for a message."""
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _integer(item: Any) -> int:
    if type(item) is int:
        return item
    if type(item) is str and _INTEGER.fullmatch(item):
        return int(item)
    if type(item) is float and item.is_integer() and abs(item) < _EXACT:
        return int(item)
    raise Wrong(f"expected an integer, not {kind_of(item)}")


def _enum(item: Any) -> int:
    if type(item) is int:
        return item
    raise Wrong(f"expected the number of an enum's value, not {kind_of(item)}")


def _number(item: Any) -> float:
    if type(item) in (int, float):
        return float(item)
    if type(item) is str and item in _NAMED_NUMBERS:
        return float(item)
    if type(item) is str and _NUMBER.fullmatch(item) and math.isfinite(number := float(item)):
        return number
    raise Wrong(f"expected a number, not {kind_of(item)}")


def _boolean(item: Any) -> bool:
    if type(item) is bool:
        return item
    raise Wrong(f"expected true or false, not {kind_of(item)}")


def _string(item: Any) -> str:
    if type(item) is str:
        return item
    raise Wrong(f"expected text, not {kind_of(item)}")


def _hexadecimal(item: Any) -> bytes:
    return binascii.unhexlify(_string(item))


def _base64(item: Any) -> bytes:
    """Both alphabets, with and without padding, as protobuf's JSON mapping wants it."""
    text = _string(item).rstrip("=").translate(_URL_SAFE)
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


_CONVERTERS: Final[dict[int, Callable[[Any], Any]]] = {
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
