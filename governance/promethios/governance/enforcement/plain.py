"""Python's objects as the plain values that policies can look at, and back again after redaction.

Tools take and return dataclasses, models and dates. A policy sees text, numbers, lists and maps; what is none
of these and unknown here stays as it is, and a detector then says that it could not look at it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

_DEPTH: Final = 64
_PLAIN: Final = (str, int, float, bool, type(None))
_PRINTED: Final = (date, time, timedelta, Decimal, UUID, PurePath)


def plain(value: Any, depth: int = 0) -> Any:
    """`value` with every known kind of object in it as a plain value; the very same object if it has none."""
    if isinstance(value, Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, _PLAIN) or depth > _DEPTH:
        return value
    if isinstance(value, _PRINTED):
        return str(value)
    if isinstance(value, Mapping):
        items = {key: plain(item, depth + 1) for key, item in value.items()}
        return items if any(items[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        parts = [plain(item, depth + 1) for item in value]
        return parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    if (fields := _fields(value)) is not None:
        return {name: plain(item, depth + 1) for name, item in fields.items()}
    return value


def restored(value: Any, before: Any, after: Any) -> Any:
    """`value` after what was made of it by `plain`, `before`, was redacted to `after`.

    Plain values are replaced; objects keep their identity and get the redacted texts set in them.
    """
    if after is before or after == before:
        return value
    if before is value or isinstance(after, str):
        return after
    pairs = after.items() if isinstance(after, Mapping) else enumerate(after)
    changed = {key: restored(_part(value, key), before[key], item) for key, item in pairs}
    return _with_parts(value, changed)


def _fields(value: Any) -> dict[str, Any] | None:
    """The fields of a dataclass or of a model of pydantic's shape; None for anything else."""
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    names = getattr(type(value), "model_fields", None)
    return {name: getattr(value, name, None) for name in names} if isinstance(names, dict) else None


def _part(value: Any, key: Any) -> Any:
    return value[key] if isinstance(value, Mapping | list | tuple) else getattr(value, key)


def _with_parts(value: Any, parts: dict[Any, Any]) -> Any:
    if isinstance(value, Mapping):
        return {**value, **parts}
    if isinstance(value, list | tuple):
        return type(value)(parts[index] for index in range(len(value)))
    for name, part in parts.items():
        if part is not getattr(value, name):
            object.__setattr__(value, name, part)  # a frozen object must not keep a secret either
    return value
