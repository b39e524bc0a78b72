"""Ids of traces as text and as the database has them."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import ColumnElement, true

from promethios.receiver.api.question import Question
from promethios.receiver.refusal import Kind, Refusal

_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


def trace_key(text: str) -> bytes:
    """The id of a trace as it is stored.

    Raises:
        Refusal: It has not 32 hexadecimal digits.
    """
    if not _TRACE_ID.fullmatch(text):
        raise Refusal(Kind.UNDECODABLE, f"a trace id has 32 hexadecimal digits, unlike {text[:60]!r}")
    return bytes.fromhex(text)


def of_traces(question: Question, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that a row belongs to one of the traces that the filter `trace` allows.

    Raises:
        Refusal: One of them is no id.
    """
    asked = question.filters.get("trace", ())
    return column.in_([trace_key(text) for text in asked]) if asked else true()


def looked_up(question: Question, *names: str) -> bool:
    """Whether a filter is given that has an index: the rows are found by it, and then sorted by time."""
    return any(question.filters.get(name) for name in names)
