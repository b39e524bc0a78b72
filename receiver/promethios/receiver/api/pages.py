"""Pages of rows: cut by the database where they grow without end, here where all of them are known.

Both are cut by the values of the last row and not by counting: a row that is added meanwhile makes no other
row appear twice or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, or_, true

from promethios.receiver.api.cursors import Place, not_ours, write_cursor
from promethios.receiver.api.question import Question
from promethios.receiver.api.routes import RANKS, Route, Sort
from promethios.receiver.api.view import View

_PLACE: Final = ("page_value", "page_time", "page_id")
_NEWEST: Final = Sort("time", descending=True)


def page(
    view: View,
    question: Question,
    statement: Select[Any],
    when: ColumnElement[Any],
    row_id: ColumnElement[Any],
) -> dict[str, Any]:
    """Answer one page of `statement`: newest first, or as the question's `sort` says.

    Args:
        view: Whose eyes.
        question: The range, the sort, the cursor and the limit.
        statement: The rows, with a label for each column.
        when: Their time, nanoseconds.
        row_id: Their id; among rows of one moment the higher one is the newer.
    """
    if question.stored_after is not None:
        return _stored(view, question, statement, row_id)
    sort = question.sort or _NEWEST
    by_time = sort.column == "time"
    value = when if by_time else _ranked(sort.column, statement.selected_columns[sort.column])
    rows = view.rows(
        statement.add_columns(value.label(_PLACE[0]), when.label(_PLACE[1]), row_id.label(_PLACE[2]))
        .where(question.within(when), _behind(question.cursor, sort, value, when, row_id))
        .order_by(*_order(sort, value, when, row_id))
        .limit(question.limit + 1)
        .offset(question.skip or None)
    )
    answer: dict[str, Any] = {"data": [_without_place(row._mapping) for row in rows[: question.limit]]}
    if len(rows) > question.limit:
        last = rows[question.limit - 1]
        answer["cursor"] = write_cursor(str(sort), (last.page_value, last.page_time, last.page_id))
    return answer


def _stored(
    view: View, question: Question, statement: Select[Any], row_id: ColumnElement[Any]
) -> dict[str, Any]:
    """The rows after the one with an id, as they were stored, and their ids."""
    rows = view.rows(
        statement.add_columns(row_id.label(_PLACE[2]))
        .where(row_id > question.stored_after)
        .order_by(row_id)
        .limit(question.limit)
    )
    return {
        "data": [_without_place(row._mapping) for row in rows],
        "stored": [row.page_id for row in rows],
    }


def _order(sort: Sort, value: Any, when: Any, row_id: Any) -> list[Any]:
    """Rows without the value come last, either way; the database has an index for time, and no null there."""
    if sort.column == "time":
        return [when.desc(), row_id.desc()] if sort.descending else [when, row_id]
    return [value.is_(None), value.desc() if sort.descending else value, when.desc(), row_id.desc()]


def _behind(
    place: Place | None, sort: Sort, value: Any, when: ColumnElement[Any], row_id: ColumnElement[Any]
) -> ColumnElement[bool]:
    """The condition that a row comes after a place."""
    if place is None:
        return true()
    if len(place) != len(_PLACE) or not all(type(number) is int for number in place[1:]):
        raise not_ours()
    last, at, last_id = place
    older = or_(when < at, and_(when == at, row_id < last_id))
    if sort.column == "time":
        return older if sort.descending else or_(when > at, and_(when == at, row_id > last_id))
    if last is None:
        return and_(value.is_(None), older)
    beyond = value < last if sort.descending else value > last
    return or_(beyond, and_(value == last, older), value.is_(None))


def _ranked(name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What is sorted by: words that have a rank by that."""
    if name not in RANKS:
        return column
    return case({word: rank for rank, word in enumerate(RANKS[name])}, value=column, else_=-1)


def _without_place(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _PLACE}


def cut(question: Question, route: Route, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One page of a table of which all rows are here."""
    sort = question.sort or route.order
    assert sort is not None
    ordered = sorted(rows, key=lambda row: _key(route, row))
    known = [row for row in ordered if row[sort.column] is not None]
    known.sort(key=lambda row: _rank(sort.column, row[sort.column]), reverse=sort.descending)
    ordered = known + [row for row in ordered if row[sort.column] is None]
    if question.cursor is not None:
        ordered = _after(question.cursor, route, sort, ordered)
    answer: dict[str, Any] = {"data": ordered[: question.limit]}
    if len(ordered) > question.limit:
        last = ordered[question.limit - 1]
        place = (_rank(sort.column, last[sort.column]), *(last[name] for name in route.key))
        answer["cursor"] = write_cursor(str(sort), place)
    return answer


def _after(place: Place, route: Route, sort: Sort, rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(place) != 1 + len(route.key):
        raise not_ours()
    value, key = place[0], _sortable(place[1:])

    def follows(row: Mapping[str, Any]) -> bool:
        own = _rank(sort.column, row[sort.column])
        if own == value:
            return _key(route, row) > key
        if own is None or value is None:
            return own is None
        return bool(own < value if sort.descending else own > value)

    try:
        return [row for row in rows if follows(row)]
    except TypeError as error:  # a number where there are words
        raise not_ours() from error


def _rank(name: str, value: Any) -> Any:
    if name not in RANKS or value is None:
        return value
    return RANKS[name].index(value) if value in RANKS[name] else -1


def _key(route: Route, row: Mapping[str, Any]) -> tuple[tuple[bool, Any], ...]:
    return _sortable(tuple(row[name] for name in route.key))


def _sortable(values: Place) -> tuple[tuple[bool, Any], ...]:
    """Values that may be null, which come last."""
    return tuple((value is None, "" if value is None else value) for value in values)
