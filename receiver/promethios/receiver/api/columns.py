"""Expressions that several answers share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func


def millis(column: ColumnElement[Any]) -> ColumnElement[int]:
    """A time in nanoseconds as milliseconds."""
    return column // 1_000_000


def bucket(column: ColumnElement[Any], step: int) -> ColumnElement[int]:
    """The start of the step, in milliseconds, that a time in nanoseconds falls into."""
    return column // (step * 1_000_000) * step


def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows fulfil a condition; 0 where there are none."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def hexadecimal(column: ColumnElement[Any]) -> ColumnElement[str]:
    """A blob as lower-case hexadecimal text; empty where there is none."""
    return func.lower(func.hex(column))
