"""What a mistake was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the most similar of the `known` words, or nothing where none is similar."""
    similar = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean '{similar[0]}'?" if similar else ""
