"""Check digits, as their standards define them. All take digits, and letters where the number has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# The dihedral group of order 10, and the permutation of each position: J. Verhoeff, "Error Detecting Decimal
# Codes", Mathematical Centre Tracts 29, 1969.
_TIMES: Final = tuple(
    tuple(
        (a + b) % 5
        if a < 5 and b < 5
        else (a + b % 5) % 5 + 5
        if a < 5
        else (a - b) % 5 + 5
        if b < 5
        else (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)
_TURNS: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def weighted(digits: str, weights: Iterable[int]) -> int:
    """The sum of the digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def verhoeff(digits: str) -> bool:
    """Whether the last digit is the check digit of the others by Verhoeff's scheme."""
    check = 0
    for position, digit in enumerate(reversed(digits)):
        check = _TIMES[check][int(_TURNS[position % 8][int(digit)])]
    return check == 0


def mod_97_10(characters: str) -> bool:
    """Whether the remainder of letters and digits, read as a number, is 1 (ISO/IEC 7064, MOD 97-10)."""
    return int("".join(str(int(character, 36)) for character in characters)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7064, MOD 11,10)."""
    product = 10
    for digit in digits[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (product + int(digits[-1])) % 10 == 1


def mod_11_2(digits: str) -> bool:
    """Whether the last character, a digit or X, is the check of the digits (ISO/IEC 7064, MOD 11-2)."""
    value = 0
    for digit in digits[:-1]:
        value = (value + int(digit)) * 2 % 11
    return (12 - value) % 11 == (10 if digits[-1] == "X" else int(digits[-1]))


def ean(digits: str) -> bool:
    """Whether the last of 13 digits is the check digit of the others (GS1)."""
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0
