"""What the API is asked: parameters with a default each, and refused when they are not known."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, true

from promethios.receiver.api.cursors import Place, read_cursor
from promethios.receiver.api.routes import Route, Shape, Sort, parse_sort
from promethios.receiver.refusal import Kind, Refusal

_HOUR: Final = 3_600_000
_RANGE: Final = 6 * _HOUR
_STEPS: Final = 120
_MOST_STEPS: Final = 11_000
#: The most rows of one answer in JSON.
MOST_ROWS: Final = 1_000
#: How many rows a list has without `limit`; a table has as many as can be.
ROWS: Final = 100
#: The most rows of an export.
MOST_EXPORTED: Final = 100_000
#: The latest moment that can be asked for, Unix milliseconds.
LATEST: Final = 2**63 // 1_000_000 - 1
#: The longest text of a filter, characters.
LONGEST: Final = 10_000

#: What every route understands, so that a dashboard may send the same to all of them.
COMMON: Final = frozenset({"from", "to", "agent", "step", "limit", "cursor", "format"})
#: What dashboards send for "all of them".
_ALL: Final = frozenset({"", ".*", "$__all"})


@dataclass(frozen=True, slots=True)
class Question:
    """A question's parameters.

    Args:
        start: From when, Unix milliseconds.
        end: Until when, Unix milliseconds, included.
        step: The width of a step in a series, milliseconds: a whole number of seconds.
        limit: The most rows.
        cursor: After which row to go on: its values by the order; None for the first page.
        filters: The values allowed for each filter; empty for all.
        sort: The order; None where there is none to choose.
        skip: How many rows of a list are left out before its first.
        stored_after: Ask a list for what was stored after the row with this id, in that order.
        top: Of so many agents a series is, those that need to be looked at most; None for all.
    """

    start: int
    end: int
    step: int
    limit: int
    cursor: Place | None
    filters: Mapping[str, tuple[str, ...]]
    sort: Sort | None = None
    skip: int = 0
    stored_after: int | None = None
    top: int | None = None

    def within(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition that a time in nanoseconds lies in the range."""
        return column.between(self.start * 1_000_000, self.end * 1_000_000 + 999_999)

    def matches(self, name: str, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition that a column has one of the values that a filter allows."""
        values = self.filters.get(name, ())
        return column.in_(values) if values else true()


def parse_question(arguments: Mapping[str, str], route: Route, form: str = "json") -> Question:
    """Read the parameters of a request.

    Args:
        arguments: The parameters as text.
        route: What they are asked of.
        form: What the answer is written in, ``json`` or an export.

    Raises:
        Refusal: One is not known, or its value cannot be used.
    """
    known = parameters_of(route)
    if unknown := sorted(set(arguments) - known):
        raise _bad(f"unknown parameter {unknown[0][:60]!r}: this route knows {', '.join(sorted(known))}")
    end = _number(arguments, "to", time.time_ns() // 1_000_000, 0, LATEST)
    start = _number(arguments, "from", max(0, end - _RANGE), 0, LATEST)
    if start > end:
        raise _bad(f"'from' ({start}) is after 'to' ({end}): both are Unix milliseconds")
    sort = _sort(arguments.get("sort", ""), route)
    return Question(
        start,
        end,
        _step(arguments, end - start),
        _limit(arguments, route, form),
        read_cursor(arguments.get("cursor", ""), None if sort is None else str(sort)),
        {name: parse_values(name, arguments.get(name, "")) for name in route.filters | {"agent"}},
        sort,
        top=_number(arguments, "top", 0, 1, MOST_ROWS) or None,
    )


def parameters_of(route: Route) -> frozenset[str]:
    """Every parameter that a route knows."""
    sorts, cuts = {"sort"} if route.sortable else set(), {"top"} if route.cut else set()
    return COMMON | route.filters | sorts | cuts


def _sort(text: str, route: Route) -> Sort | None:
    if not text:
        return route.order
    sort = parse_sort(text)
    if sort.column not in route.sortable:
        raise _bad(f"'sort' must be one of {', '.join(route.sortable)}, with '-' for the reverse")
    return sort


def _limit(arguments: Mapping[str, str], route: Route, form: str) -> int:
    if form != "json":
        return _number(arguments, "limit", MOST_EXPORTED, 1, MOST_EXPORTED)
    return _number(arguments, "limit", MOST_ROWS if route.shape is Shape.TABLE else ROWS, 1, MOST_ROWS)


def _step(arguments: Mapping[str, str], length: int) -> int:
    step = _number(arguments, "step", max(1_000, length // _STEPS), 1, LATEST)
    step = 1_000 * min(max(1, round(step / 1_000)), LATEST // 1_000)
    if length // step > _MOST_STEPS:
        raise _bad(
            f"'step' ({step} ms) cuts the range into more than {_MOST_STEPS} steps: ask for longer ones"
        )
    return step


def _number(arguments: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = arguments.get(name, "")
    if not text:
        return default
    if len(text) > 20 or not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise _bad(f"{name!r} must be a whole number from {least} to {most}, not {text[:60]!r}")
    return int(text)


def parse_values(name: str, text: str) -> tuple[str, ...]:
    """The values of ``a|b``; none where all are meant.

    Raises:
        Refusal: The text is longer than `LONGEST`.
    """
    if text in _ALL:
        return ()
    if len(text) > LONGEST:
        raise _bad(f"{name!r} is longer than {LONGEST} characters")
    return tuple(text.split("|"))


def _bad(message: str) -> Refusal:
    return Refusal(Kind.UNDECODABLE, message, code="bad-parameter")
