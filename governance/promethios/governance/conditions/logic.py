"""The closures that names, fields, quantifiers and the logical operators compile to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from promethios.governance.conditions import values
from promethios.governance.conditions.environment import Run
from promethios.governance.conditions.errors import EvaluationError
from promethios.governance.conditions.values import adopt

#: How many items the quantifiers of one condition may look at, nested ones included.
MAX_STEPS: Final = 10_000


def bound(depth: int) -> Run:
    """Reads the variable of the quantifier at this depth."""
    return lambda frame: frame.bound[depth]


def lookup(container: Any, key: Any, missing: str) -> Any:
    """``container[key]``; raises `EvaluationError` with `missing` where there is no such item."""
    if isinstance(container, Mapping):
        if type(key) is not str or key not in container:
            raise EvaluationError(missing)
        return adopt(container[key])
    if not isinstance(container, (list, tuple)):
        raise EvaluationError(f"{values.kind_of(container)} has no items")
    if type(key) not in (int, float) or key != key // 1:
        raise EvaluationError("the position in a list is not an int")
    if not 0 <= key < len(container):
        raise EvaluationError("the list has no item at this position")
    return adopt(container[int(key)])


def field(operand: Run, name: str) -> Run:
    """``operand.name`` of a map."""
    missing = f"no key '{name}'"

    def run(frame: Any) -> Any:
        container = operand(frame)
        if not isinstance(container, Mapping):
            raise EvaluationError(f"{values.kind_of(container)} has no field '{name}'")
        if name not in container:
            raise EvaluationError(missing)
        return adopt(container[name])

    return run


def has(operand: Run, name: str) -> Run:
    """Whether the map has the key."""

    def run(frame: Any) -> bool:
        container = operand(frame)
        if not isinstance(container, Mapping):
            raise EvaluationError(f"{values.kind_of(container)} has no field '{name}'")
        return name in container

    return run


def item(container: Run, key: Run, known: Any) -> Run:
    """``container[key]``; the message names a key that is written out, never one from data."""
    missing = f"no key '{known}'" if type(known) is str else "no such key"
    return lambda frame: lookup(container(frame), key(frame), missing)


def attribute(attributes: Callable[[Any], Mapping[str, Any]], key: str, default: Run) -> Run:
    """The attribute, or the default where it is missing."""

    def run(frame: Any) -> Any:
        held = attributes(frame)
        return adopt(held[key]) if key in held else default(frame)

    return run


def ternary(choice: Run, chosen: Run, other: Run) -> Run:
    """``choice ? chosen : other``."""

    def run(frame: Any) -> Any:
        value = choice(frame)
        if type(value) is not bool:
            raise values.no_overload("?:", value)
        return chosen(frame) if value else other(frame)

    return run


def chain(decisive: bool, operands: tuple[Run, ...]) -> Run:
    """``a || b || c`` (`decisive` is true) or ``a && b && c`` (false).

    One operand with the decisive value decides, whatever the others are: only where none has it does an
    error of another count.
    """
    name = "||" if decisive else "&&"
    first, *others = operands

    def run(frame: Any) -> bool:
        value: object
        try:
            value = first(frame)
            if value is decisive:
                return decisive
            failure = None if type(value) is bool else values.no_overload(name, value)
        except EvaluationError as error:
            failure = error
        for operand in others:
            try:
                value = operand(frame)
            except EvaluationError as error:
                failure = failure or error
                continue
            if value is decisive:
                return decisive
            if type(value) is not bool:
                failure = failure or values.no_overload(name, value)
        if failure is not None:
            raise failure
        return not decisive

    return run


def quantifier(decisive: bool, sequence: Run, depth: int, body: Run) -> Run:
    """``exists`` (`decisive` is true) and ``all`` (false), with errors absorbed as `chain` does."""
    name = "exists" if decisive else "all"

    def run(frame: Any) -> bool:
        failure: EvaluationError | None = None
        value: object
        for member in _members(sequence(frame), name):
            frame.steps += 1
            if frame.steps > MAX_STEPS:
                raise EvaluationError(f"its quantifiers looked at more than {MAX_STEPS} items")
            try:
                frame.bound[depth] = adopt(member)
                value = body(frame)
            except EvaluationError as error:
                failure = failure or error
                continue
            if value is decisive:
                return decisive
            if type(value) is not bool:
                failure = failure or values.no_overload(name, value)
        if failure is not None:
            raise failure
        return not decisive

    return run


def _members(value: Any, name: str) -> Any:
    if isinstance(value, (list, tuple, Mapping)):
        return value
    raise values.no_overload(name, value)
