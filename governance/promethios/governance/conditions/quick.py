"""Faster closures for what policies write most.

Each means the same as the general one: it leaves out what the types have shown already, and reads an
attribute without the functions in between.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Final

from promethios.governance.conditions import values
from promethios.governance.conditions.environment import UNKNOWN, Run
from promethios.governance.conditions.errors import ConditionError
from promethios.governance.conditions.nodes import Call
from promethios.governance.conditions.parts import Part
from promethios.governance.conditions.types import BOOL, DYN, TEXT
from promethios.governance.detectors.patterns import Pattern, PatternError

#: What computes an operator between a value that surely is a text and one that is written out.
_ON_TEXT: Final[dict[str, Callable[[str, str], bool]]] = {
    "_==_": operator.eq,
    "_!=_": operator.ne,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
#: What computes an order between values that surely are of one kind.
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}


def quick(node: Call, parts: list[Part]) -> Run | None:
    """A faster closure for the call, or None where there is none.

    Raises:
        ConditionError: a pattern that is written out is not one of RE2's.
    """
    first = parts[0]
    constant = parts[1].constant if len(parts) == 2 else UNKNOWN
    if node.function == "matches" and isinstance(constant, str):
        return _matcher(first.run, constant, node.offset)
    if node.function == "@in" and isinstance(constant, (list, tuple)):
        texts = all(type(item) is str for item in constant)
        return _one_of(first, frozenset(constant)) if texts else None
    if first.type == TEXT and type(constant) is str and node.function in _ON_TEXT:
        return _on_text(first, constant, _ON_TEXT[node.function])
    if node.function in _ORDER and first.type == parts[1].type != DYN:
        return _on_both(first.run, parts[1], _ORDER[node.function])
    if node.function == "!_" and first.type == BOOL:
        run = first.run
        return lambda frame: not run(frame)
    return None


def _matcher(text: Run, source: str, offset: int) -> Run:
    """``text.matches(source)`` with a pattern that is written out: it is compiled here, once."""
    if "\b" in source:
        raise ConditionError(
            "the pattern has a backspace in it", offset, "'\\b' is one in a text: write r'...' for a pattern"
        )
    try:
        pattern = Pattern(source)
    except PatternError as error:
        lacks = re.search(r"\(\?<?[=!]|\\[1-9]", source)
        hint = "RE2 has no lookaround and no backreferences" if lacks else ""
        raise ConditionError(f"not a regular expression of RE2: {error}", offset, hint) from None

    def run(frame: Any) -> bool:
        value = text(frame)
        if type(value) is not str:
            raise values.no_overload("matches", value)
        return pattern.occurs(value)

    return run


def _one_of(text: Part, known: frozenset[str]) -> Run:
    """Whether the value is one of these texts; a value of another kind is not."""
    read, attribute = text.run, text.attribute

    def general(frame: Any) -> bool:
        value = read(frame)
        return type(value) is str and value in known

    def from_attribute(frame: Any) -> bool:
        value = frame.attributes.get(attribute)
        return value in known if type(value) is str else general(frame)

    return from_attribute if attribute else general


def _on_text(text: Part, known: str, compute: Callable[[str, str], bool]) -> Run:
    """An operator of `_ON_TEXT`, without looking at kinds again."""
    read, attribute = text.run, text.attribute

    def from_attribute(frame: Any) -> bool:
        value = frame.attributes.get(attribute)
        return compute(value if type(value) is str else read(frame), known)

    return from_attribute if attribute else lambda frame: compute(read(frame), known)


def _on_both(left: Run, right: Part, compute: Callable[[Any, Any], bool]) -> Run:
    """An operator of `_ORDER`, without looking at kinds again."""
    if right.constant is not UNKNOWN:
        known = right.constant
        return lambda frame: compute(left(frame), known)
    read = right.run
    return lambda frame: compute(left(frame), read(frame))
