"""What a detector is, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

#: Looks at a candidate, given the whole text and the candidate's offsets, and answers the offsets of the
#: hit (the candidate's, or a part of them, or more), or None where it is no hit.
Check = Callable[[str, int, int], tuple[int, int] | None]
#: Finds by itself what patterns cannot say: the offsets of the hits in a text.
Find = Callable[[str], Iterable[tuple[int, int]]]

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
        words: A regular expression of the words before which `near` is looked for.
        near: Regular expressions of what says too little by itself, such as nine digits: candidates only
            behind one of the words, in the same text or as the value of a key.
        find: A plug-in's own way to find; it has no patterns then.
        budget: Seconds that `find` may take in one look through a payload.
        asynchronous: It is asked in the background, and its hits only ever flag.
    """

    id: str
    patterns: tuple[str, ...] = ()
    check: Check = accept
    bounded: bool = False
    words: str = ""
    near: tuple[str, ...] = ()
    find: Find | None = None
    budget: float = 0.25
    asynchronous: bool = False

    @property
    def is_foreign(self) -> bool:
        """Whether it is not one of ours, so that nothing is known of how short its hits are."""
        return self.find is not None or self.id.startswith("custom.")

    @property
    def sources(self) -> tuple[str, ...]:
        """All its patterns, those behind words included."""
        return self.patterns + tuple(behind(self.words, pattern) for pattern in self.near)


def behind(words: str, pattern: str) -> str:
    """The pattern behind one of the words, with at most 32 characters between them and no digit in them."""
    return rf"{word(words)}\D{{0,31}}?\b({pattern})\b"


def word(words: str) -> str:
    """One of the words, in the plural or with "number" behind it perhaps, and the character after it."""
    return rf"(?:^|[^A-Za-z]|\\[nrt])(?:{words})(?i:s|number|nummer|no|nr|num|id)?[^0-9A-Za-z]"


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


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a number is no part of a decimal, a version, or an identifier that is joined by dashes."""
    before, after = previous(text, start), text[end : end + 1]
    if (before and before in ".-+_#") or after == "_":
        return False
    return not (after in (".", "-", "+") and text[end + 1 : end + 2].isalnum())
