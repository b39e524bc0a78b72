"""Expressions that several answers share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, case, func
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op


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


class Unindexed:
    """A table whose columns the database takes from rows that it found by something else.

    Args:
        table: The table. Its ``c`` is the same but for a sign that SQLite takes as "look in no index for it"
            (https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_).
    """

    def __init__(self, table: FromClause) -> None:
        self._table = table

    @property
    def c(self) -> Unindexed:
        """Its columns."""
        return self

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        return self[name]

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        column = self._table.c[name]
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)
