"""What a route is: one line of `ROUTES` says all that the mechanics around its answer need to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

Answer = Callable[..., dict[str, Any]]

#: Words whose order is not that of their letters, by the column that holds them; the least first.
RANKS: Final[Mapping[str, tuple[str, ...]]] = {
    "severity": ("low", "medium", "high", "critical"),
    "verdict": ("allow", "flag", "redact", "approve", "block"),
    "enforced": ("allow", "flag", "redact", "approve", "block"),
}


class Shape(Enum):
    """How the rows of an answer come."""

    #: The database sorts and cuts them: the answer calls `pages.page`. For what grows without end.
    LIST = "list"
    #: The answer has all of them, and the mechanics sort and cut. For what is counted or known.
    TABLE = "table"
    #: They are as they are: one row, or a series.
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Sort:
    """By which column, and which way."""

    column: str
    descending: bool

    def __str__(self) -> str:
        return f"-{self.column}" if self.descending else self.column


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the API: made by `listing`, `table` or `fixed`.

    Args:
        path: Below ``/api/v1/``, as Flask writes it.
        answer: What answers it: called with the services, the view, the question, and what the path holds.
        shape: How its rows come.
        filters: The filters that it knows besides the common parameters.
        sortable: The columns that `sort` may name.
        order: The order without `sort`; None where there is none to choose.
        key: The columns that tell the rows of a table apart.
        cut: Whether `top` leaves only some of the agents in a series.
    """

    path: str
    answer: Answer
    shape: Shape
    filters: frozenset[str] = frozenset()
    sortable: tuple[str, ...] = ()
    order: Sort | None = None
    key: tuple[str, ...] = ()
    cut: bool = False


def listing(path: str, answer: Answer, filters: str = "", *, sort: str = "") -> Route:
    """A list that the database cuts into pages, newest first.

    Args:
        path: The path.
        answer: Must call `pages.page`, on a statement with a column `time`.
        filters: The names of filters, separated by spaces.
        sort: What it may be sorted by besides `time`: labels of the statement's columns.
    """
    columns = ("time", *sort.split())
    return Route(path, answer, Shape.LIST, frozenset(filters.split()), columns, parse_sort("-time"))


def table(
    path: str, answer: Answer, filters: str = "", *, key: str, sort: str = "", order: str = ""
) -> Route:
    """A list that the answer gives whole; it is sorted and cut after that.

    Args:
        path: The path.
        answer: Must give every row: neither sorted nor cut.
        filters: The names of filters, separated by spaces.
        key: The columns that tell its rows apart; ties are sorted by them.
        sort: What it may be sorted by besides its key.
        order: Its order by default, such as ``-violations``; the key's where none is given.
    """
    keys = tuple(key.split())
    columns = (*keys, *(name for name in sort.split() if name not in keys))
    first = parse_sort(order or keys[0])
    return Route(path, answer, Shape.TABLE, frozenset(filters.split()), columns, first, keys)


def fixed(path: str, answer: Answer, filters: str = "", *, cut: bool = False) -> Route:
    """One row, or a series, or what else has its own order and no pages.

    Args:
        path: The path.
        answer: Gives the rows as they are to be.
        filters: The names of filters, separated by spaces.
        cut: The answer heeds `Question.top`.
    """
    return Route(path, answer, Shape.FIXED, frozenset(filters.split()), cut=cut)


def parse_sort(text: str) -> Sort:
    """``column`` or ``-column``."""
    return Sort(text.removeprefix("-"), text.startswith("-"))
