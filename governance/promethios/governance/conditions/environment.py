"""What a condition can name: variables with their types, and how each is read from what is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from promethios.governance.conditions.types import Type


class Frame:
    """What one evaluation works on; the values that variables read are a subclass's.

    It belongs to one thread and one operation. `bound` holds the variables of the quantifiers that are
    running, `steps` how many items they have looked at.
    """

    __slots__ = ("bound", "steps")

    def __init__(self) -> None:
        self.bound: list[Any] = []
        self.steps = 0


#: A compiled part of a condition.
Run = Callable[[Any], Any]


class _Unknown:
    """The value of what is not known before the evaluation."""


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that conditions may use.

    Args:
        type: What reading it gives; `read` must keep this promise or raise `EvaluationError`.
        read: Reads the value from the frame.
        constant: The value, where it is the same for every evaluation.
        attribute: The attribute whose value it is, unchanged, wherever that is of the variable's type.
        steady: It has few values in the life of an agent, so that conditions on it may be decided once for
            each of them.
    """

    type: Type
    read: Run
    constant: Any = UNKNOWN
    attribute: str = ""
    steady: bool = False


def constant(kind: Type, value: Any) -> Variable:
    """A variable that always has this value."""
    return Variable(kind, lambda frame: value, value, steady=True)


@dataclass(frozen=True, slots=True)
class Environment:
    """The names of one condition.

    Args:
        variables: By name, which may be dotted (``model.request``); the longest name that fits is taken.
        attributes: Reads the map behind ``attr(key, default)``; without it the function does not exist.
        absent: What is said of names that exist elsewhere, and not here.
    """

    variables: Mapping[str, Variable] = field(default_factory=dict)
    attributes: Callable[[Any], Mapping[str, Any]] | None = None
    absent: Mapping[str, str] = field(default_factory=dict)

    def find(self, path: tuple[str, ...]) -> tuple[Variable, int] | None:
        """The variable with the longest name that begins `path`, and how many parts of the path it takes."""
        for length in range(len(path), 0, -1):
            variable = self.variables.get(".".join(path[:length]))
            if variable is not None:
                return variable, length
        return None
