"""What a node of a condition is compiled to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from promethios.governance.conditions import logic
from promethios.governance.conditions.environment import UNKNOWN, Run
from promethios.governance.conditions.types import BOOL, Type


@dataclass(frozen=True, slots=True)
class Part:
    """A compiled node.

    Args:
        type: The type of its value, as far as is known.
        run: Computes the value from a frame.
        constant: The value, where it is known already.
        attribute: The attribute whose text it mostly is: for a name that is read from attributes.
        steady: It depends on nothing but names that are `Variable.steady`, and so has one value for all
            operations that agree in these.
        screen: A steady condition that is false only where this one is; None where there is none.
    """

    type: Type
    run: Run
    constant: Any = UNKNOWN
    attribute: str = ""
    steady: bool = False
    screen: Run | None = None


def known(kind: Type, value: Any) -> Part:
    """The part of a value that is known."""
    return Part(kind, lambda frame: value, value, steady=True)


def joined(decisive: bool, parts: list[Part]) -> Part:
    """``a || b`` (`decisive` is true) or ``a && b`` (false), with what can be said of it beforehand.

    ``a && b`` is false where one of the two is, whatever the other; ``a || b`` only where both are. So one
    steady operand is enough to screen the first, and the second needs all.
    """
    run = logic.chain(decisive, tuple(part.run for part in parts))
    if all(part.steady for part in parts):
        return Part(BOOL, run, steady=True)
    screens = [screen for part in parts if (screen := screen_of(part)) is not None]
    if not screens or (decisive and len(screens) < len(parts)):
        return Part(BOOL, run)
    if len(screens) == 1:
        return Part(BOOL, run, screen=screens[0])
    return Part(BOOL, run, screen=logic.chain(decisive, tuple(screens)))


def screen_of(part: Part) -> Run | None:
    """What tells beforehand that the part is false, where there is such a thing."""
    return part.run if part.steady else part.screen
