"""Python's `re` in place of RE2, for where that cannot be installed.

It backtracks: a pattern that repeats without a bound takes time with the square of the text or worse. Ours
are known and bounded; of a user's pattern the paths through it are counted, and one that has too many is
refused, with a word about what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as constants  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

from promethios.governance.detectors.patterns.error import PatternError
from promethios.governance.detectors.patterns.translation import translate

#: How many ways through a user's pattern there may be from one place in a text.
MAX_PATHS: Final = 10_000
_REPEATS: Final = (constants.MAX_REPEAT, constants.MIN_REPEAT)

#: A text as patterns see it.
Encoded = str


def encode(text: str) -> Encoded:
    """The text as patterns see it: as it is."""
    return text


def _compile(source: str) -> re.Pattern[str]:
    try:
        return re.compile(translate(source), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(str(error)) from None


class Pattern:
    """One regular expression.

    Args:
        source: In RE2's syntax, as far as `re` knows it.
        max_memory: Without meaning here.
        trusted: It is one of ours, and its cost is known.

    Raises:
        PatternError: It is not understood, or could take long.
    """

    __slots__ = ("_compiled",)

    def __init__(self, source: str, max_memory: int = 1 << 20, *, trusted: bool = False) -> None:
        self._compiled = _compile(source)
        if not trusted:
            _refuse_slow(self._compiled.pattern)

    @property
    def groups(self) -> int:
        """How many groups it has that capture."""
        return self._compiled.groups

    def occurs(self, text: str) -> bool:
        """Whether it occurs in the text."""
        return self._compiled.search(text) is not None

    def find(self, data: Encoded, start: int) -> tuple[int, int] | None:
        """The offsets of the first group of the first match from `start` on, in an encoded text."""
        match = self._compiled.search(data, start)
        return match.span(1) if match else None


class PatternSet:
    """Regular expressions that are looked for one after the other.

    Args:
        sources: What to look for; in answers each is meant by its position.
        max_memory: Without meaning here.
    """

    __slots__ = ("_patterns",)

    def __init__(self, sources: Iterable[str], max_memory: int) -> None:
        self._patterns = [_compile(source) for source in sources]

    def found(self, data: Encoded) -> list[int]:
        """The positions of the patterns that occur in an encoded text."""
        return [position for position, pattern in enumerate(self._patterns) if pattern.search(data)]


def _refuse_slow(pattern: str) -> None:
    if _paths(parser.parse(pattern, re.ASCII)) > MAX_PATHS:
        raise PatternError(
            "without google-re2 this pattern could take long: install it, or give every repetition"
            " a small bound, such as {0,20} for *"
        )


def _paths(parts: Any) -> float:
    """How many ways there are through a sequence of parts; infinite where something repeats unbounded."""
    product = 1.0
    for operation, argument in parts:
        product *= _paths_of(operation, argument)
        if product > MAX_PATHS:
            return float("inf")
    return product


def _paths_of(operation: Any, argument: Any) -> float:
    if operation in _REPEATS:
        low, high, inner = argument
        if high is constants.MAXREPEAT or high > MAX_PATHS:
            return float("inf")
        each = _paths(inner)
        total = 0.0
        for count in range(low, high + 1):
            total += each**count if each < 2 or count < 64 else float("inf")
            if total > MAX_PATHS:
                break
        return total
    if operation is constants.SUBPATTERN:
        return _paths(argument[3])
    if operation is constants.BRANCH:
        return sum(_paths(branch) for branch in argument[1])
    # A character, a class, a place: one way. What RE2 does not have is refused.
    return 1.0 if operation in _SINGLE else float("inf")


_SINGLE: Final = (
    constants.LITERAL,
    constants.NOT_LITERAL,
    constants.IN,
    constants.ANY,
    constants.AT,
    constants.CATEGORY,
    constants.RANGE,
)
