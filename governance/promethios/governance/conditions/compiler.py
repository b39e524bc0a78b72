"""A condition's syntax tree to Python closures, with its types checked on the way.

Each node becomes a function of the frame; there is no interpreter loop and no ``eval``. What is known
beforehand (literals, parameters, patterns) is computed here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from promethios.governance.conditions import logic, values
from promethios.governance.conditions.environment import UNKNOWN, Environment, Run
from promethios.governance.conditions.errors import ConditionError, EvaluationError
from promethios.governance.conditions.hints import did_you_mean, nearest_name
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
from promethios.governance.conditions.parts import Part, joined, known, screen_of
from promethios.governance.conditions.quick import quick
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

_WORDS: Final = {
    "True": "write true",
    "False": "write false",
    "None": "names that are unset are empty: compare with ''",
}
_LITERAL_TYPES: Final = {bool: BOOL, int: INT, float: DOUBLE, str: TEXT, type(None): NULL}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. It keeps no state: threads may share it.

    Args:
        source: The text that was compiled.
        holds: Whether it is true for what a frame holds. It raises `EvaluationError` where the condition has
            no value, or one that is not a bool.
        screen: A condition on steady names only (see `Variable.steady`) that is false only where this one
            is; None where there is none.
        settled: It is a condition on steady names itself: its screen is all that there is to it.
    """

    source: str
    holds: Run
    screen: Run | None = None
    settled: bool = False


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
    holds = _entered(part.run, part.type == BOOL, compiler.deepest)
    screen = screen_of(part)
    if screen is None:
        return Condition(source, holds)
    return Condition(source, holds, _entered(screen, part.type == BOOL, compiler.deepest), part.steady)


def _entered(run: Run, is_bool: bool, variables: int) -> Run:
    """`run` with room for the variables of its quantifiers, and a look at its value where that is due."""

    def prepared(frame: Any) -> Any:
        frame.bound = [None] * variables
        frame.steps = 0
        return run(frame)

    inner = prepared if variables else run

    def checked(frame: Any) -> bool:
        value = inner(frame)
        if type(value) is not bool:
            raise EvaluationError(f"the condition's value is not a bool but {values.kind_of(value)}")
        return value

    return inner if is_bool else checked


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
                return known(_LITERAL_TYPES[type(node.value)], node.value)
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
                return Part(kind, logic.bound(depth), steady=True) if len(path) == 1 else None
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
        return Part(
            variable.type, variable.read, variable.constant, variable.attribute, steady=variable.steady
        )

    def _unknown(self, path: tuple[str, ...], node: Name | Select) -> ConditionError:
        dotted = ".".join(path)
        below = sorted(name for name in self._environment.variables if name.startswith(dotted + "."))
        start: Node = node
        while isinstance(start, Select):
            start = start.operand
        if below:
            return ConditionError(f"'{dotted}' is not a value", start.offset, f"there is {', '.join(below)}")
        if why := self._environment.absent.get(path[0]):
            return ConditionError(why, start.offset)
        if path[0] in _WORDS:
            return ConditionError(f"unknown name '{dotted}'", start.offset, _WORDS[path[0]])
        return ConditionError(
            f"unknown name '{dotted}'", start.offset, nearest_name(dotted, self._environment.variables)
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
        run = logic.item(container.run, key.run, key.constant)
        return Part(container.type.item or DYN, run, steady=container.steady and key.steady)

    # Lists and quantifiers.

    def _list(self, node: ListOf) -> Part:
        items = [self.compile(item) for item in node.items]
        kind = list_of(common([item.type for item in items]))
        if all(item.constant is not UNKNOWN for item in items):
            return known(kind, [item.constant for item in items])
        runs = tuple(item.run for item in items)
        steady = all(item.steady for item in items)
        return Part(kind, lambda frame: [run(frame) for run in runs], steady=steady)

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
        run = logic.quantifier(node.kind == "exists", sequence.run, depth, body.run)
        return Part(BOOL, run, steady=sequence.steady and body.steady)

    # Operators and functions.

    def _call(self, node: Call) -> Part:
        if node.function == "attr":
            return self._attribute(node)
        arguments = [self.compile(argument) for argument in node.arguments]
        if node.function in ("_&&_", "_||_"):
            _must_be_bool(node.function.strip("_"), arguments, node.offset)
            return joined(node.function == "_||_", arguments)
        if node.function == "_?_:_":
            return _ternary(arguments, node.offset)
        kind = result_type(node.function, [part.type for part in arguments], node.offset)
        run = quick(node, arguments) or _plain(node.function, arguments)
        if all(part.constant is not UNKNOWN for part in arguments):
            return _folded(kind, run)
        return Part(kind, run, steady=all(part.steady for part in arguments))

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
            return known(BOOL, isinstance(operand.constant, Mapping) and node.field in operand.constant)
        return _known_item(operand.constant, node.field, node.offset)
    if node.test:
        return Part(BOOL, logic.has(operand.run, node.field), steady=operand.steady)
    return Part(DYN, logic.field(operand.run, node.field), steady=operand.steady)


def _known_item(container: Any, key: Any, offset: int) -> Part:
    try:
        return known(DYN, logic.lookup(container, key, f"no key '{key}'"))
    except EvaluationError as error:
        keys = container if isinstance(container, Mapping) and key not in container else None
        # The one map that is known beforehand is that of the parameters.
        hint = "" if keys is None else did_you_mean(str(key), keys) or "add it to 'params'"
        raise ConditionError(str(error), offset, hint) from None


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
    run = logic.ternary(choice.run, chosen.run, other.run)
    return Part(common([chosen.type, other.type]), run, steady=all(part.steady for part in parts))


def _folded(kind: Type, run: Run) -> Part:
    """A call whose arguments are known: its value, or what fails in the same way every time."""
    try:
        return known(kind, run(None))
    except EvaluationError:
        return Part(kind, run, steady=True)


def _plain(function: str, parts: list[Part]) -> Run:
    compute = RUN[function]
    first = parts[0].run
    if len(parts) == 1:
        return lambda frame: compute(first(frame))
    second = parts[1].run
    if parts[1].constant is UNKNOWN:
        return lambda frame: compute(first(frame), second(frame))
    constant = parts[1].constant
    return lambda frame: compute(first(frame), constant)
