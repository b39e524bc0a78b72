r"""Looser forms of our own patterns, for the set that all are looked for in.

An automaton that counts has a state for every count, and one that counts for a hundred patterns at once has
one for every combination: on texts full of ids that it has not seen, building those states took a hundred
times as long as the scan. The set need not count. It finds out that ``sk-`` and some letters occur;
the pattern itself, by itself, says whether there are as many as there must be.
"""

from __future__ import annotations

import re
from typing import Final

_REPEATED: Final = re.compile(
    r"(\\x\{[0-9A-Fa-f]+\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(?:\{(\d+)(,?)(\d*)\})?", re.DOTALL
)
#: How many of a class of characters are counted.
_COUNTED: Final = 4


def relax(source: str) -> str:
    """A pattern that matches wherever `source` does, and elsewhere too, with fewer states."""
    return _REPEATED.sub(_loosen, source)


def _loosen(match: re.Match[str]) -> str:
    atom, low, comma, high = match.groups()
    if low is None:
        return match[0]
    exact, count = not comma or low == high, int(low)
    if atom in (r"\d", ")"):
        return match[0] if exact else atom + _from(count)
    return match[0] if exact and count <= _COUNTED else atom + _from(min(count, _COUNTED))


def _from(count: int) -> str:
    return f"{{{count},}}" if count > 1 else "+" if count else "*"
