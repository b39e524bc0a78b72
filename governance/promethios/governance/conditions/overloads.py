"""The operators and functions: for which types each is defined, and what computes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from promethios.governance.conditions import values
from promethios.governance.conditions.errors import ConditionError, EvaluationError
from promethios.governance.conditions.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    LIST,
    MAP,
    TEXT,
    Type,
    agree,
    common,
)
from promethios.governance.detectors.patterns import Pattern, PatternError

#: The longest pattern that may come from data, in characters. Written-out ones are bounded by the source.
MAX_DYNAMIC_PATTERN: Final = 256

_ORDER: Final = tuple((kind, kind, BOOL) for kind in (INT, DOUBLE, TEXT, BOOL))
_NUMBERS: Final = ((INT, INT, INT), (DOUBLE, DOUBLE, DOUBLE))
_TEXTS: Final = ((TEXT, TEXT, BOOL),)

#: For each operator and function, its overloads: the types of the arguments and, last, of the result.
_OVERLOADS: Final[dict[str, tuple[tuple[Type, ...], ...]]] = {
    "_<_": _ORDER,
    "_<=_": _ORDER,
    "_>_": _ORDER,
    "_>=_": _ORDER,
    "_+_": (*_NUMBERS, (TEXT, TEXT, TEXT), (LIST, LIST, LIST)),
    "_-_": _NUMBERS,
    "_*_": _NUMBERS,
    "_/_": _NUMBERS,
    "_%_": ((INT, INT, INT),),
    "-_": ((INT, INT), (DOUBLE, DOUBLE)),
    "!_": ((BOOL, BOOL),),
    "size": ((TEXT, INT), (LIST, INT), (MAP, INT)),
    "int": ((INT, INT), (DOUBLE, INT), (TEXT, INT)),
    "double": ((INT, DOUBLE), (DOUBLE, DOUBLE), (TEXT, DOUBLE)),
    "string": ((TEXT, TEXT), (INT, TEXT), (DOUBLE, TEXT), (BOOL, TEXT)),
    "startsWith": _TEXTS,
    "endsWith": _TEXTS,
    "contains": _TEXTS,
    "matches": _TEXTS,
}


def result_type(function: str, arguments: list[Type], offset: int) -> Type:
    """The type of a call's result.

    Raises:
        ConditionError: the function takes another number of arguments, or is not defined for these types.
    """
    if function in ("_==_", "_!=_"):
        return _needs(agree(arguments[0], arguments[1]), function, arguments, BOOL, offset)
    if function == "@in":
        return _needs(_can_contain(arguments[1], arguments[0]), function, arguments, BOOL, offset)
    overloads = _OVERLOADS[function]
    if len(arguments) != len(overloads[0]) - 1:
        raise ConditionError(f"'{function}' cannot take {len(arguments)} values", offset)
    fitting = [types[-1] for types in overloads if all(map(agree, types, arguments))]
    joined = function == "_+_" and not agree(arguments[0], arguments[1])
    return _needs(bool(fitting) and not joined, function, arguments, common(fitting), offset)


def _can_contain(container: Type, item: Type) -> bool:
    if container.item:
        return agree(container.item, item)
    return container == DYN or (container == MAP and item in (TEXT, DYN))


def _needs(holds: bool, function: str, arguments: list[Type], result: Type, offset: int) -> Type:
    if holds:
        return result
    symbol = function.strip("_@")
    kinds = " and ".join(map(str, arguments))
    mixed = {INT, DOUBLE} == set(arguments)
    hint = "int and double do not mix: write double(...) around the int" if mixed else ""
    raise ConditionError(f"'{symbol}' is not defined for {kinds}", offset, hint)


def _not(value: Any) -> bool:
    if type(value) is not bool:
        raise values.no_overload("!", value)
    return not value


def _on_texts(name: str, run: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def checked(text: Any, other: Any) -> bool:
        if type(text) is not str or type(other) is not str:
            raise values.no_overload(name, text, other)
        return run(text, other)

    return checked


def _matches(text: str, pattern: str) -> bool:
    if len(pattern) > MAX_DYNAMIC_PATTERN:
        raise EvaluationError("a pattern from data is too long")
    try:
        return Pattern(pattern).occurs(text)
    except PatternError:
        raise EvaluationError("a pattern from data is not a regular expression") from None


#: What computes each operator and function.
RUN: Final[dict[str, Callable[..., Any]]] = {
    "_==_": values.equal,
    "_!=_": lambda left, right: not values.equal(left, right),
    "_<_": partial(values.compare, "<"),
    "_<=_": partial(values.compare, "<="),
    "_>_": partial(values.compare, ">"),
    "_>=_": partial(values.compare, ">="),
    "@in": values.contains,
    "_+_": values.add,
    "_-_": values.subtract,
    "_*_": values.multiply,
    "_/_": values.divide,
    "_%_": values.remainder,
    "-_": values.negate,
    "!_": _not,
    "size": values.size,
    "int": values.to_int,
    "double": values.to_double,
    "string": values.to_text,
    "startsWith": _on_texts("startsWith", str.startswith),
    "endsWith": _on_texts("endsWith", str.endswith),
    "contains": _on_texts("contains", str.__contains__),
    "matches": _on_texts("matches", _matches),
}
