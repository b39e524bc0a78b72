"""``match``: which operations a policy is about, by their names and attributes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: The names that ``match`` takes besides ``attributes``, and the alias that each compares.
MATCHABLE: Final[Mapping[str, str]] = {
    "agent": "agent.name",
    "environment": "environment",
    "model": "model.request",
    "operation": "operation.name",
    "provider": "model.provider",
    "service": "service.name",
    "tool": "tool.name",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names that are written out, and patterns with ``*`` (anything) and ``?`` (one character).

    Python's `re` is enough for them: without groups and alternatives each ``*`` only ever moves forward.
    Two are equal where the same was written, whichever file it was read from.
    """

    exact: frozenset[str]
    patterns: tuple[Callable[[str], Any], ...] = field(default=(), compare=False)
    globs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, written: tuple[str, ...]) -> Names:
        """The names as they are written in a policy."""
        globs = tuple(name for name in written if "*" in name or "?" in name)
        return cls(frozenset(written) - set(globs), tuple(map(_glob, globs)), frozenset(globs))

    def hold(self, name: str) -> bool:
        """Whether the name is one of them."""
        if name in self.exact:
            return True
        return bool(self.patterns) and any(pattern(name) for pattern in self.patterns)


def _glob(pattern: str) -> Callable[[str], bool]:
    """A matcher that is linear in the text: the pieces between the ``*`` are found one behind the other."""
    first, *rest = [re.compile(_literal(piece), re.DOTALL) for piece in pattern.split("*")]
    if not rest:
        return lambda text: first.fullmatch(text) is not None
    *middle, last = rest
    tail = len(pattern.rsplit("*", 1)[1])

    def matches(text: str) -> bool:
        found = first.match(text)
        for piece in middle:
            found = found and piece.search(text, found.end())
        end = len(text) - tail
        return found is not None and found.end() <= end and last.fullmatch(text, end) is not None

    return matches


def _literal(piece: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in piece)


@dataclass(frozen=True, slots=True)
class Matcher:
    """Holds where every name and every attribute that is given fits.

    Args:
        names: For each key of `MATCHABLE` that is given, the names it may have.
        attributes: For each attribute, the values it may have: names for text, or equal numbers and bools.
    """

    names: tuple[tuple[str, Names], ...] = ()
    attributes: tuple[tuple[str, Names, tuple[bool | int | float, ...]], ...] = ()

    def attributes_hold(self, attributes: Mapping[str, Any]) -> bool:
        """Whether the attributes fit; the names are compared by the index. A missing one never fits."""
        return all(_fits(attributes.get(key), names, values) for key, names, values in self.attributes)


def _fits(value: Any, names: Names, values: tuple[bool | int | float, ...]) -> bool:
    if isinstance(value, str):
        return names.hold(str.__str__(value))
    if type(value) not in (bool, int, float):
        return False
    return any(value == wanted and (type(value) is bool) == (type(wanted) is bool) for wanted in values)
