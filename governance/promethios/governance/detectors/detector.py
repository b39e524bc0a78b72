"""What a detector is, and what it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Looks at a candidate, given the whole text and the candidate's offsets, and answers the offsets of the
#: hit (the candidate's, or a part of them, or more), or None where it is no hit.
Check = Callable[[str, int, int], tuple[int, int] | None]

#: Where a word begins: also behind an escape, because much text is scanned as it stands in JSON ("\nsk-...").
WORD: Final = r"(?:\b|\\[abfnrtv]|\\u[0-9a-fA-F]{4})"


def accept(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The check of detectors whose patterns say everything."""
    return start, end


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds one kind of thing in a text.

    Args:
        id: Its name, ``group.kind``, such as ``pii.card``.
        patterns: Regular expressions in RE2's syntax; the first group of each is the candidate.
        check: Decides whether a candidate is a hit.
        bounded: Candidates are short, so that the next one is looked for from the second character of
            one that was refused, and not only from its end.
    """

    id: str
    patterns: tuple[str, ...]
    check: Check = accept
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a detector hit in one text: the offsets of the first character and behind the last."""

    detector: str
    start: int
    end: int


def previous(text: str, start: int) -> str:
    """The character before `start`; empty at the beginning and behind an escape such as ``\\n``."""
    if start >= 2 and text[start - 2] == "\\":
        return ""
    return text[start - 1] if start else ""
