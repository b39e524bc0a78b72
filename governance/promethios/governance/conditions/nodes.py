"""The syntax tree of a condition. Every node knows its offset in the source, for error messages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that was written down: None, bool, int, float or text."""

    offset: int
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Name:
    """A name on its own: a variable, or the first part of a dotted one."""

    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """``operand.field``; with `test`, ``has(operand.field)``."""

    offset: int
    operand: Node
    field: str
    test: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """``operand[key]``."""

    offset: int
    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator: ``_+_`` and ``size`` alike. A method's receiver is its first argument."""

    offset: int
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """``[item, ...]``."""

    offset: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quantifier:
    """``sequence.exists(variable, body)`` or ``sequence.all(variable, body)``."""

    offset: int
    kind: str
    sequence: Node
    variable: str
    body: Node


Node = Literal | Name | Select | Index | Call | ListOf | Quantifier
