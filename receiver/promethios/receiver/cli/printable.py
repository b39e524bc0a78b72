"""What agents call themselves, as a terminal may show it."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text without what would move the cursor, turn the direction of writing or change the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
