"""The content of an operation that was handed over beside its span: policies see it, telemetry does not.

It waits on the span for its end, where what nothing decided in time is decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

_HANDED: Final = "_promethios_handed"
_DEPTH: Final = 32


class Handed(NamedTuple):
    """What went into an operation and what came out of it; None where it was not handed over."""

    input: Any = None
    output: Any = None


_NOTHING: Final = Handed()


def hand(span: Any, content: Handed) -> None:
    """Leave `content` on `span`. What comes later is more of the same operation: it wins where it says it."""
    known = handed_of(span)
    setattr(span, _HANDED, Handed(content.input or known.input, content.output or known.output))


def handed_of(span: Any) -> Handed:
    """What was handed over with `span`; nothing where nothing was."""
    found: Handed = getattr(span, _HANDED, _NOTHING)
    return found


def plain(value: Any) -> Any:
    """`value` as JSON-like values that nobody else holds: dataclasses become maps, without what is None.

    Bytes are images and sounds, which no policy reads: their length stands in their place. What occurs more
    than once is looked at once, and is None within itself.
    """
    return _plain(value, 0, {})


def _plain(value: Any, depth: int, seen: dict[int, tuple[Any, Any]]) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, Enum)):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Enum):
        return _plain(value.value, depth + 1, seen)
    if depth > _DEPTH:
        return None
    if id(value) not in seen:
        seen[id(value)] = value, None  # with the value itself: what is gone leaves its id to another
        seen[id(value)] = value, _opened(value, depth + 1, seen)
    return seen[id(value)][1]


def _opened(value: Any, depth: int, seen: dict[int, tuple[Any, Any]]) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item, depth, seen) for item in value]
    parts = _parts(value)
    if parts is None:
        return value
    return {name: _plain(item, depth, seen) for name, item in parts.items() if item is not None}


def _parts(value: Any) -> Mapping[Any, Any] | None:
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return None
