"""Reading what a system told, by its words in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.decision import Verdict
from promethios.receiver.ingest.dialects.model import Dialect, Finding
from promethios.receiver.ingest.values import ItemError

_LONGEST_NAME: Final = 200
_LONGEST_REASON: Final = 2_000


def read(dialect: Dialect, told: Mapping[str, Any]) -> Finding | None:
    """What was decided; None where nothing was.

    Args:
        dialect: Whose words they are.
        told: The attributes, with the span's name and status under the names of `model`.

    Raises:
        ItemError: The verdict is a word that is not known.
    """
    point = _point(dialect, told)
    if not point or (found := _verdict(dialect, told)) is None:
        return None
    verdict, word = found
    return Finding(
        point,
        verdict,
        _text(told, dialect.policy, _LONGEST_NAME) or dialect.name,
        _text(told, dialect.version, _LONGEST_NAME),
        _text(told, dialect.detector, _LONGEST_NAME),
        dialect.severities.get(word, "medium"),
        _text(told, dialect.reason, _LONGEST_REASON),
        _text(told, dialect.tool, _LONGEST_NAME),
        _microseconds(told, dialect.milliseconds),
    )


def _point(dialect: Dialect, told: Mapping[str, Any]) -> str:
    return dialect.points.get(_text(told, dialect.stage, _LONGEST_NAME).lower(), dialect.point)


def _verdict(dialect: Dialect, told: Mapping[str, Any]) -> tuple[Verdict, str] | None:
    """The verdict, and the word for it."""
    if dialect.failed and dialect.failed not in told:
        return Verdict.ALLOW, ""
    for name, words in dialect.verdict:
        value = told.get(name)
        if value is None:
            continue
        word = _word(value)
        if word not in words:
            if dialect.strict:
                raise ItemError(f"the attribute {name} has none of the words that are known")
        else:
            return words[word], word
    return None if dialect.unsaid is None else (dialect.unsaid, "")


def _word(value: Any) -> str:
    """A value's first word; of a member of Python's enumerations (``Decision.ALLOW``) its name."""
    first, *_ = str(value)[:_LONGEST_NAME].lower().split(maxsplit=1) or [""]
    return first.rpartition(".")[2]


def _text(told: Mapping[str, Any], names: tuple[str, ...], longest: int) -> str:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and value:
            return value[:longest]
    return ""


def _microseconds(told: Mapping[str, Any], names: tuple[str, ...]) -> float:
    for name in names:
        value = told.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return value * 1_000.0
    return 0.0
