"""What the detectors of credentials share: what is only a placeholder, and names that introduce a value."""

from __future__ import annotations

import re
from typing import Final

from promethios.governance.detectors.detector import WORD, Detector

#: How many different characters the random part of a credential has at least; a placeholder has fewer.
_MIN_DISTINCT: Final = 8
_PREFIX: Final = re.compile(r"[A-Za-z_]{2,8}[-_.](?:[a-z]{2,8}\d{0,2}[-_])?")
# "your-api-key-here" has as many different characters as a key.
_SPOKEN: Final = re.compile(
    r"(?i)example|your[-_]?|placeholder|changeme|redacted|dummy|x{6}|\*{3}|\.{3}|0{12}|1234567890"
)


def random_enough(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Refuses placeholders such as ``sk-proj-xxxxxxxx``."""
    body = _PREFIX.sub("", text[start:end], count=1)
    return (start, end) if len(set(body)) >= _MIN_DISTINCT else None


def no_example(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Refuses what is written to be replaced, where a candidate has no prefix of its own."""
    return None if _SPOKEN.search(text, start, end) else random_enough(text, start, end)


def prefixed(name: str, *patterns: str) -> Detector:
    """Credentials that begin with what they are."""
    return Detector(f"secret.{name}", tuple(f"{WORD}({pattern})" for pattern in patterns), random_enough)


def named(words: str, pattern: str) -> str:
    """A value without a prefix, assigned to a name, as in environments, configurations and JSON."""
    assigned = r"""[\\"' ]{0,4}(?:=|:|=>)[\\"' ]{0,4}"""
    return rf"(?i:(?:{words})[\w.-]{{0,16}}){assigned}({pattern})(?:[^A-Za-z0-9/+_=-]|$)"
