"""OTLP's attribute values as plain Python values, and as JSON text."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable
from typing import Any, Final

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

#: Deeper values are refused with their item. Protobuf itself gives up at 100 messages in one another.
DEEPEST: Final = 32
MOST_ATTRIBUTES: Final = 1_024
#: What the attributes of an item, its events, its links or its body may take as JSON, each.
MOST_BYTES: Final = 16 * 1024 * 1024
INT64_MAX: Final = 2**63 - 1


class ItemError(ValueError):
    """One item cannot be stored; its neighbours can. The message goes into `partial_success`."""


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Attributes by name; of a name that comes twice, the last.

    Raises:
        ItemError: There are too many, or a value is nested too deeply.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        # Most values are text or numbers: asking for them first is three times faster than WhichOneof.
        found[pair.key] = (
            value.string_value
            or value.int_value
            or (-math.inf < value.double_value < math.inf and value.double_value)
            or value_of(value)
        )
    if len(found) > MOST_ATTRIBUTES:
        raise ItemError(f"more than {MOST_ATTRIBUTES} attributes")
    return found


def value_of(value: AnyValue, depth: int = 1) -> Any:
    """The value as text, bool, int, float, list, dict or None.

    JSON knows neither bytes nor NaN nor infinities: they become text, as in OTLP's JSON mapping
    (base64, ``"NaN"``, ``"Infinity"``, ``"-Infinity"``).

    Raises:
        ItemError: It is nested too deeply.
    """
    if depth > DEEPEST:
        raise ItemError(f"a value is nested more than {DEEPEST} levels deep")
    kind = value.WhichOneof("value")
    if kind == "array_value":
        # Most are of text. On the deepest level an item is one too many, whatever it is.
        return [
            (depth < DEEPEST and item.string_value) or value_of(item, depth + 1)
            for item in value.array_value.values
        ]
    if kind == "double_value":
        return finite_or_text(value.double_value)
    if kind == "kvlist_value":
        return {pair.key: value_of(pair.value, depth + 1) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    return None if kind is None else getattr(value, kind)


def finite_or_text(number: float) -> float | str:
    """`number`, or its name where JSON has no word for it."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def json_text(value: Any) -> str:
    """`value` as JSON text.

    Raises:
        ItemError: It takes more than `MOST_BYTES`.
    """
    text = orjson.dumps(value)
    if len(text) > MOST_BYTES:
        raise ItemError(f"{len(text)} bytes of attributes or values, and {MOST_BYTES} are the most")
    return text.decode()


def text_hash(head: bytes, sizes: str, texts: str) -> bytes:
    """A 16-byte hash over `head`, of a fixed length, and texts, each told from the next by its length.

    Args:
        head: Numbers.
        sizes: How many characters each of the texts has, with spaces between.
        texts: All of them, one behind the other. Written as f-strings both cost half of what loops do.
    """
    told = f"{sizes}\n{texts}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(head + told, digest_size=16).digest()


def int64(number: int, what: str) -> int:
    """`number`, if it is one that the database can hold.

    Raises:
        ItemError: It is beyond 2^63 - 1, which only an unsigned field can be.
    """
    if number > INT64_MAX:
        raise ItemError(f"{what} {number} is beyond 2^63-1")
    return number


def content_id(*parts: object) -> int:
    """63 bits of a hash over `parts`: the id of a row that is the same whoever writes it and whenever."""
    return int.from_bytes(content_hash(*parts)[:8], "big") >> 1


def content_hash(*parts: object) -> bytes:
    """A 16-byte hash over `parts`, which are text, bytes, numbers or None."""
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
