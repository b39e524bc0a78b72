"""What the fields of plain JSON may hold, how a wrong one is named, and the same as JSON Schema."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from promethios.receiver.ingest.values import INT64_MAX

Take = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Read:
    """How a field is read.

    Args:
        take: Gives the value as it is kept; raises ValueError where it cannot be used.
        schema: What may be sent, as JSON Schema: for the description of the API.
    """

    take: Take
    schema: Mapping[str, Any]

    def __call__(self, value: Any) -> Any:
        return self.take(value)


Fields = Mapping[str, Read]

_LATEST_MS: Final = INT64_MAX // 1_000_000
# March 1973 in milliseconds, the year 5138 in seconds: what is less was meant as seconds.
_EARLIEST_MS: Final = 10**11
_MOST_ATTRIBUTES: Final = 128
_MOST_LISTED: Final = 1_000


class FieldError(ValueError):
    """An object that cannot be taken; the message names its field."""


def read_fields(document: Any, known: Fields, needed: tuple[str, ...]) -> dict[str, Any]:
    """The fields of one object, each read as `known` says; those that are null are left out.

    Raises:
        FieldError: It is not an object, a field is unknown or missing, or its value cannot be used.
    """
    if not isinstance(document, dict):
        raise FieldError("must be an object")
    found = {}
    for name, value in document.items():
        if name not in known:
            raise FieldError(f"unknown field {name[:60]!r}{_nearest(name, known)}")
        if value is not None:
            try:
                found[name] = known[name](value)
            except ValueError as error:
                raise FieldError(f"{name!r} {error}") from error
    if missing := [name for name in needed if name not in found]:
        raise FieldError(f"{missing[0]!r} is missing")
    if "id" in found and "time" not in found:
        raise FieldError("'time' is missing: what has an 'id' and is sent again must be the same")
    return found


def _nearest(name: str, known: Fields) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    own = "; what is your own goes into 'attributes'" if "attributes" in known else ""
    return f"; did you mean {close[0]!r}?" if close else own


def _described(**schema: Any) -> Callable[[Take], Read]:
    return lambda take: Read(take, schema)


def text(longest: int, least: int = 0) -> Read:
    """Text of so many characters."""

    @_described(type="string", minLength=least, maxLength=longest)
    def read(value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= longest:
            raise ValueError(f"must be text of {least} to {longest} characters")
        return value

    return read


@_described(type="string", minLength=1, maxLength=200)
def name(value: Any) -> str:
    """A name: 1 to 200 printable characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= 200 or not value.isprintable():
        raise ValueError("must be text of 1 to 200 printable characters")
    return value


def choice(*values: str) -> Read:
    """One of these words."""

    @_described(enum=list(values))
    def read(value: Any) -> str:
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return str(value)

    return read


@_described(type="number")
def number(value: Any) -> float | int:
    """A finite number; a whole one that 64 bits hold stays whole."""
    if type(value) is int:
        return value if -INT64_MAX - 1 <= value <= INT64_MAX else float(value)
    if type(value) is float and math.isfinite(value):
        return value
    raise ValueError("must be a number")


@_described(type="number", minimum=0)
def positive(value: Any) -> float | int:
    """A number from 0."""
    if (read := number.take(value)) >= 0:
        return read  # type: ignore[no-any-return]
    raise ValueError("must be a number from 0")


@_described(type="number", minimum=_EARLIEST_MS, maximum=_LATEST_MS, description="Unix milliseconds")
def milliseconds(value: Any) -> int:
    """Unix milliseconds, as nanoseconds."""
    if type(value) not in (int, float) or not 0 < value <= _LATEST_MS:
        raise ValueError("must be Unix milliseconds")
    if value < _EARLIEST_MS:
        raise ValueError("must be Unix milliseconds, and these are seconds")
    return int(value * 1_000_000) if type(value) is int else round(value * 1_000) * 1_000


def hexadecimal(size: int) -> Read:
    """So many bytes in hexadecimal, not all of them zero."""

    @_described(type="string", pattern=f"^(?!0+$)[0-9a-fA-F]{{{2 * size}}}$")
    def read(value: Any) -> bytes:
        digits = f"must be {2 * size} hexadecimal digits, not all zero"
        if not isinstance(value, str) or len(value) != 2 * size or not value.isascii():
            raise ValueError(digits)
        try:
            found = bytes.fromhex(value)
        except ValueError as error:
            raise ValueError(digits) from error
        if len(found) != size or not any(found):
            raise ValueError(digits)
        return found

    return read


@_described(type="array", maxItems=_MOST_LISTED, items=name.schema)
def names(value: Any) -> list[str]:
    """A list of names."""
    if not isinstance(value, list) or len(value) > _MOST_LISTED:
        raise ValueError(f"must be a list of at most {_MOST_LISTED} names")
    return [name(each) for each in value]


def objects(known: Fields, needed: tuple[str, ...], most: int) -> Read:
    """A list of at most so many objects, each with fields of its own."""
    one = {
        "type": "object",
        "properties": {
            name: dict(read.schema) if name in needed else {"anyOf": [read.schema, {"type": "null"}]}
            for name, read in known.items()
        },
        "required": list(needed),
        "additionalProperties": False,
    }

    @_described(type="array", maxItems=most, items=one)
    def read(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or len(value) > most:
            raise ValueError(f"must be a list of at most {most} objects")
        return [_one(number, each) for number, each in enumerate(value)]

    def _one(number: int, value: Any) -> dict[str, Any]:
        try:
            return read_fields(value, known, needed)
        except FieldError as error:
            raise ValueError(f"has at place {number}: {error}") from error

    return read


_SCALAR: Final = {"type": ["string", "number", "boolean"]}


@_described(
    type="object",
    maxProperties=_MOST_ATTRIBUTES,
    additionalProperties={"anyOf": [_SCALAR, {"type": "array", "maxItems": _MOST_LISTED, "items": _SCALAR}]},
)
def attributes(value: Any) -> dict[str, Any]:
    """Names with text, numbers, booleans, or lists of them."""
    if not isinstance(value, dict) or len(value) > _MOST_ATTRIBUTES:
        raise ValueError(f"must be an object of at most {_MOST_ATTRIBUTES} attributes")
    for key, item in value.items():
        items = item if isinstance(item, list) else [item]
        if len(items) > _MOST_LISTED or not all(isinstance(each, str | bool | int | float) for each in items):
            raise ValueError(f"has {key[:60]!r}, which is not text, a number, a boolean or a list of them")
    return {key: item for key, item in value.items() if key}
