"""Python's objects as the plain values that policies can look at, and back again after redaction.

Tools take and return dataclasses, models and dates. A policy sees text, numbers, lists and maps; what is none
of these and unknown here stays as it is, and a detector then says that it could not look at it. The same goes
for an object that cannot be read, that is within itself, or that nests too deep.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

_log = logging.getLogger(__name__)
_DEPTH: Final = 64
_PLAIN: Final = (str, int, float, bool, type(None))
_PRINTED: Final = (date, time, timedelta, Decimal, UUID, PurePath)


class _Unreadable:
    def __repr__(self) -> str:
        return "<unreadable>"


#: Stands for content that there is and that could not be read: detectors say so, and ``onError`` answers.
UNREADABLE: Final = _Unreadable()

# What was seen already, by identity: the object, which stays alive by it, and its plain value.
_Seen = dict[int, tuple[Any, Any]]


def plain(value: Any) -> Any:
    """`value` with every known kind of object in it as a plain value; the very same object if it has none."""
    return _plain(value, 0, {})


def readable(read: Callable[..., Any], *args: Any) -> Any:
    """What `read` gives, or `UNREADABLE`: nothing that a library's object does reaches the application."""
    try:
        return read(*args)
    except Exception:
        _log.exception("cannot read what an operation carries; policies that look there answer by onError")
        return UNREADABLE


def _plain(value: Any, depth: int, seen: _Seen) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, _PLAIN) or depth > _DEPTH:
        return value
    if isinstance(value, _PRINTED):
        return str(value)
    if id(value) not in seen:
        seen[id(value)] = (value, value)  # this is what it finds that is within itself
        try:
            seen[id(value)] = (value, _opened(value, depth + 1, seen))
        except Exception:
            return value  # hostile or not loaded: nothing can be said of it
    return seen[id(value)][1]


def _opened(value: Any, depth: int, seen: _Seen) -> Any:
    if isinstance(value, Mapping):
        items = {key: _plain(item, depth, seen) for key, item in value.items()}
        return items if any(items[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        parts = [_plain(item, depth, seen) for item in value]
        return parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    if (fields := _fields(value)) is not None:
        return {name: _plain(item, depth, seen) for name, item in fields.items()}
    return value


def restored(value: Any, before: Any, after: Any) -> Any:
    """`value` after what was made of it by `plain`, `before`, was redacted to `after`.

    Plain values are replaced; objects keep their identity and get the redacted texts set in them. What cannot
    be put together again stays plain: nothing that was redacted comes back.
    """
    if after is before:
        return value
    try:
        return _restored(value, before, after)
    except Exception:
        return after


def _restored(value: Any, before: Any, after: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(after, Mapping):
        trios = zip(value.values(), before.values(), after.items(), strict=True)
        return {key: restored(item, old, new) for item, old, (key, new) in trios}
    if isinstance(value, list | tuple) and isinstance(after, list | tuple):
        parts = [restored(*trio) for trio in zip(value, before, after, strict=True)]
        return getattr(type(value), "_make", type(value))(parts)
    fields = _fields(value)
    if fields is None or not isinstance(after, Mapping):
        return after
    for name, item in fields.items():
        _set_field(value, name, restored(item, before[name], after[name]))
    return value


def _set_field(value: Any, name: str, part: Any) -> None:
    extra = _extra(value)
    if name in extra:
        extra[name] = part
    elif part is not getattr(value, name, None):
        object.__setattr__(value, name, part)  # a frozen object must not keep a secret either


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass or of a model of pydantic's shape; None for anything else."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    names = getattr(type(value), "model_fields", None)
    if not isinstance(names, dict):
        return None
    return {**{name: getattr(value, name, None) for name in names}, **_extra(value)}


def _extra(value: Any) -> dict[str, Any]:
    """What a model of pydantic's shape holds beside its fields."""
    extra = getattr(value, "__pydantic_extra__", None)
    return extra if isinstance(extra, dict) else {}
