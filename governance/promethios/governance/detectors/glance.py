"""The fast way past everything that is clean: all texts of an operation joined, and scanned once.

Nearly every payload holds nothing. Where the joined text has no hit, no text in it has one, and nobody needs
to know where each of them was; where it has one, or anything is unusual, `survey` looks properly. So a
glance may be wrong in one direction only: it may say "perhaps" of what is clean.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from promethios.governance.detectors.scanner import SEPARATOR, Scanner
from promethios.governance.detectors.survey import (
    CARD_NUMBERS,
    MAX_CHARACTERS,
    MAX_DEPTH,
    MAX_PLAIN_KEY,
    VALUE_COST,
)

_UNUSUAL: Final = -1


def surely_clean(values: Iterable[Any], scanner: Scanner, limit: int = MAX_CHARACTERS) -> bool:
    """Whether a survey of each of the values would find nothing and leave nothing out."""
    if not scanner.joinable:
        return False
    texts: list[str] = []
    try:
        for value in values:
            if _gather(value, texts, limit, 0, scanner) < 0:
                return False
    except Exception:
        return False
    joined = SEPARATOR.join(texts)
    # An escape may hide in JSON what a pattern would see outside it.
    return not ("\\" in joined and "\\u" in joined) and scanner.is_clear(joined)


def _gather(value: Any, texts: list[str], left: int, depth: int, scanner: Scanner) -> int:
    """Add every text in the value; what is left of the characters to look at, below 0 where it is unusual."""
    kind = type(value)
    if depth > MAX_DEPTH or left < 0:
        return _UNUSUAL
    if kind is str:
        texts.append(value)
        return left - VALUE_COST - len(value)
    if kind is dict:
        return _gather_map(value, texts, left - VALUE_COST, depth + 1, scanner)
    if kind is list or kind is tuple:
        left -= VALUE_COST
        for item in value:
            left = _gather(item, texts, left, depth + 1, scanner)
            if left < 0:
                break
        return left
    if kind is int and (value in CARD_NUMBERS or (scanner.thorough and abs(value) < CARD_NUMBERS.stop)):
        texts.append(str(value))
    elif value is not None and kind is not bool and kind is not float and kind is not int:
        return _UNUSUAL
    return left - VALUE_COST


def _gather_map(value: dict[Any, Any], texts: list[str], left: int, depth: int, scanner: Scanner) -> int:
    for key, item in value.items():
        if type(key) is not str:
            return _UNUSUAL
        if len(key) > MAX_PLAIN_KEY or not key.isidentifier() or scanner.thorough:
            texts.append(key)
            left -= len(key)
        if label := scanner.label(key):
            if type(item) is not str and type(item) is not int:
                return _UNUSUAL
            texts.append(f"{label}{item}")
        if type(item) is str and depth <= MAX_DEPTH:  # most of what there is: a message's role and text
            texts.append(item)
            left -= VALUE_COST + len(item)
        else:
            left = _gather(item, texts, left, depth, scanner)
        if left < 0:
            break
    return left
