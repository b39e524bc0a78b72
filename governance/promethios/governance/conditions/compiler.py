"""A condition's syntax tree to Python closures, with its types checked on the way.

Each node becomes a function of the frame; there is no interpreter loop and no ``eval``. What is known
beforehand (literals, parameters, patterns) is computed here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from promethios.governance.conditions import logic, values
from promethios.governance.conditions.environment import UNKNOWN, Environment, Frame, Run
from promethios.governance.conditions.errors import ConditionError, EvaluationError
from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.conditions.nodes import (
    Call,
    Index,
    ListOf,
    Literal,
    Name,
    Node,
    Quantifier,
    Select,
)
from promethios.governance.conditions.overloads import RUN, result_type
from promethios.governance.conditions.parser import parse
from promethios.governance.conditions.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    MAP,
    NULL,
    TEXT,
    Type,
    agree,
    common,
    list_of,
)
from promethios.governance.detectors.patterns import Pattern, PatternError

_LITERAL_TYPES: Final = {bool: BOOL, int: INT, float: DOUBLE, str: TEXT, type(None): NULL}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. It keeps no state: threads may share it.

    Args:
        source: The text that was compiled.
        run: Computes the value from a frame.
        variables: How many variables its quantifiers bind at once.
    """

    source: str
    run: Run
    variables: int = 0

    def holds(self, frame: Frame) -> bool:
        """Whether the condition is true for what the frame holds.

        Raises:
            EvaluationError: it has no value, or one that is not a bool.
        """
        if self.variables:
            frame.bound = [None] * self.variables
            frame.steps = 0
        value = self.run(frame)
        if type(value) is not bool:
            raise EvaluationError(f"the condition's value is not a bool but {values.kind_of(value)}")
        return value


def compile_condition(source: str, environment: Environment) -> Condition:
    """Compile the source of a condition.

    Raises:
        ConditionError: it is not in the profile, uses a name that `environment` does not have, or is not a
            bool.
    """
    compiler = Compiler(environment)
    part = compiler.compile(parse(source))
    if not agree(part.type, BOOL):
        raise ConditionError(f"a condition is true or false, but this is of type {part.type}", 0)
    return Condition(source, part.run, compiler.deepest)


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled node: its type, its closure, and its value where that is known already."""

    type: Type
    run: Run
    constant: Any = UNKNOWN


def _constant(kind: Type, value: Any) -> Part:
    return Part(kind, lambda frame: value, value)


class Compiler:
    """Compiles the nodes of one tree."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._scopes: list[tuple[str, Type]] = []
        #: How many variables are bound at once, at most.
        self.deepest = 0

    def compile(self, node: Node) -> Part:
        """The node's part; raises `ConditionError` where it cannot be compiled."""
        match node:
            case Literal():
                return _constant(_LITERAL_TYPES[type(node.value)], node.value)
            case Name() | Select():
                return self._named(node)
            case Index():
                return self._index(node)
            case ListOf():
                return self._list(node)
            case Quantifier():
                return self._quantifier(node)
            case Call():
                return self._call(node)

    # Names and what is below them.

    def _named(self, node: Name | Select) -> Part:
        path = _path(node)
        if path is not None and (part := self._variable(path, node)):
            return part
        if isinstance(node, Select):
            return _select(self.compile(node.operand), node)
        raise AssertionError("a name is always a path")

    def _variable(self, path: tuple[str, ...], node: Name | Select) -> Part | None:
        """The variable that `path` names, or None where it names something below one."""
        for depth in range(len(self._scopes) - 1, -1, -1):
            name, kind = self._scopes[depth]
            if name == path[0]:
                return Part(kind, logic.bound(depth)) if len(path) == 1 else None
        found = self._environment.find(path)
        if found is None:
            raise self._unknown(path, node)
        variable, length = found
        if length < len(path):
            return None
        if isinstance(node, Select) and node.test:
            raise ConditionError(
                f"'{'.'.join(path)}' is always there", node.offset, "it is empty or 0 when unset: compare it"
            )
        return Part(variable.type, variable.read, variable.constant)

    def _unknown(self, path: tuple[str, ...], node: Name | Select) -> ConditionError:
        dotted = ".".join(path)
        below = sorted(name for name in self._environment.variables if name.startswith(dotted + "."))
        start: Node = node
        while isinstance(start, Select):
            start = start.operand
        if below:
            return ConditionError(f"'{dotted}' is not a value", start.offset, f"there is {', '.join(below)}")
        return ConditionError(
            f"unknown name '{dotted}'", start.offset, did_you_mean(dotted, self._environment.variables)
        )

    def _index(self, node: Index) -> Part:
        container, key = self.compile(node.operand), self.compile(node.key)
        if container.type.item and not agree(key.type, INT) and key.type != DOUBLE:
            raise ConditionError(
                f"a list has no item {key.type}", node.offset, "its items are numbered from 0"
            )
        if container.type not in (DYN, MAP) and not container.type.item:
            raise ConditionError(f"{container.type} has no items", node.offset)
        if container.type == MAP and not agree(key.type, TEXT):
            raise ConditionError(f"the keys of a map are text, not {key.type}", node.offset)
        if container.constant is not UNKNOWN and key.constant is not UNKNOWN:
            return _known_item(container.constant, key.constant, node.offset)
        return Part(container.type.item or DYN, logic.item(container.run, key.run, key.constant))

    # Lists and quantifiers.

    def _list(self, node: ListOf) -> Part:
        items = [self.compile(item) for item in node.items]
        kind = list_of(common([item.type for item in items]))
        if all(item.constant is not UNKNOWN for item in items):
            return _constant(kind, [item.constant for item in items])
        runs = tuple(item.run for item in items)
        return Part(kind, lambda frame: [run(frame) for run in runs])

    def _quantifier(self, node: Quantifier) -> Part:
        sequence = self.compile(node.sequence)
        if not sequence.type.item and sequence.type not in (DYN, MAP):
            raise ConditionError(f"'{node.kind}' needs a list or a map, not {sequence.type}", node.offset)
        depth = len(self._scopes)
        self._scopes.append((node.variable, TEXT if sequence.type == MAP else sequence.type.item or DYN))
        self.deepest = max(self.deepest, len(self._scopes))
        body = self.compile(node.body)
        self._scopes.pop()
        _must_be_bool(node.kind, [body], node.offset)
        return Part(BOOL, logic.quantifier(node.kind == "exists", sequence.run, depth, body.run))

    # Operators and functions.

    def _call(self, node: Call) -> Part:
        if node.function == "attr":
            return self._attribute(node)
        arguments = [self.compile(argument) for argument in node.arguments]
        if node.function in ("_&&_", "_||_"):
            _must_be_bool(node.function.strip("_"), arguments, node.offset)
            return Part(BOOL, logic.chain(node.function == "_||_", tuple(part.run for part in arguments)))
        if node.function == "_?_:_":
            return _ternary(arguments, node.offset)
        kind = result_type(node.function, [part.type for part in arguments], node.offset)
        return Part(kind, _quick(node, arguments) or _plain(node.function, arguments))

    def _attribute(self, node: Call) -> Part:
        attributes = self._environment.attributes
        if attributes is None or len(node.arguments) != 2:
            raise ConditionError(
                '\'attr\' takes a key and a default, as in attr("http.route", "")', node.offset
            )
        key, default = (self.compile(argument) for argument in node.arguments)
        if not isinstance(key.constant, str):
            raise ConditionError("the key of 'attr' is a text that is written out", node.offset)
        return Part(DYN, logic.attribute(attributes, key.constant, default.run))


def _path(node: Node) -> tuple[str, ...] | None:
    """The names of ``a.b.c``, or None where the node is something else."""
    parts = []
    while isinstance(node, Select):
        parts.append(node.field)
        node = node.operand
    return (node.name, *reversed(parts)) if isinstance(node, Name) else None


def _select(operand: Part, node: Select) -> Part:
    if operand.type not in (DYN, MAP):
        raise ConditionError(f"{operand.type} has no field '{node.field}'", node.offset)
    if operand.constant is not UNKNOWN:
        if node.test:
            return _constant(BOOL, isinstance(operand.constant, Mapping) and node.field in operand.constant)
        return _known_item(operand.constant, node.field, node.offset)
    if node.test:
        return Part(BOOL, logic.has(operand.run, node.field))
    return Part(DYN, logic.field(operand.run, node.field))


def _known_item(container: Any, key: Any, offset: int) -> Part:
    try:
        return _constant(DYN, logic.lookup(container, key, f"no key '{key}'"))
    except EvaluationError as error:
        known = container if isinstance(container, Mapping) else ()
        raise ConditionError(str(error), offset, did_you_mean(str(key), known)) from None


def _must_be_bool(name: str, parts: list[Part], offset: int) -> None:
    for part in parts:
        if not agree(part.type, BOOL):
            raise ConditionError(f"'{name}' joins conditions, but one is of type {part.type}", offset)


def _ternary(parts: list[Part], offset: int) -> Part:
    choice, chosen, other = parts
    if not agree(choice.type, BOOL):
        raise ConditionError(f"'?' chooses by a condition, but this is of type {choice.type}", offset)
    if not agree(chosen.type, other.type):
        raise ConditionError(f"'?:' gives {chosen.type} or {other.type}; both must be of one type", offset)
    return Part(common([chosen.type, other.type]), logic.ternary(choice.run, chosen.run, other.run))


def _plain(function: str, parts: list[Part]) -> Run:
    compute = RUN[function]
    first = parts[0].run
    if len(parts) == 1:
        return lambda frame: compute(first(frame))
    second = parts[1].run
    if parts[1].constant is UNKNOWN:
        return lambda frame: compute(first(frame), second(frame))
    known = parts[1].constant
    return lambda frame: compute(first(frame), known)


def _quick(node: Call, parts: list[Part]) -> Run | None:
    """A faster closure for what policies write most: comparing a text, or finding it in a list of texts."""
    first = parts[0]
    known = parts[1].constant if len(parts) == 2 else UNKNOWN
    if node.function == "matches" and isinstance(known, str):
        return _matcher(first.run, known, node.offset)
    if (
        node.function == "@in"
        and isinstance(known, (list, tuple))
        and all(type(item) is str for item in known)
    ):
        return logic.one_of(first.run, frozenset(known))
    if first.type == TEXT and type(known) is str and node.function in logic.ON_TEXT:
        return logic.on_text(first.run, known, logic.ON_TEXT[node.function])
    if node.function in logic.ORDER and first.type == parts[1].type != DYN:
        return logic.on_both(first.run, parts[1].run, logic.ORDER[node.function])
    return None


def _matcher(text: Run, source: str, offset: int) -> Run:
    """``text.matches(source)`` with a pattern that is written out: it is compiled here, once."""
    try:
        pattern = Pattern(source)
    except PatternError as error:
        raise ConditionError(f"not a regular expression of RE2: {error}", offset) from None

    def run(frame: Any) -> bool:
        value = text(frame)
        if type(value) is not str:
            raise values.no_overload("matches", value)
        return pattern.occurs(value)

    return run
