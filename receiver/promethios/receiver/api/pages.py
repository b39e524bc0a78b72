"""Pages of rows, newest first, with a cursor to the next."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select

from promethios.receiver.api.question import Question, cursor_of
from promethios.receiver.api.view import View


def page(
    view: View,
    question: Question,
    statement: Select[Any],
    when: ColumnElement[Any],
    row_id: ColumnElement[Any],
) -> dict[str, Any]:
    """Answer one page of `statement`, ordered by `when` (nanoseconds) and `row_id`, the newest first."""
    rows = view.rows(
        statement.add_columns(when.label("page_time"), row_id.label("page_id"))
        .where(question.within(when), question.before(when, row_id))
        .order_by(when.desc(), row_id.desc())
        .limit(question.limit + 1)
    )
    answer: dict[str, Any] = {"data": [_without_place(row._mapping) for row in rows[: question.limit]]}
    if len(rows) > question.limit:
        last = rows[question.limit - 1]
        answer["cursor"] = cursor_of(last.page_time, last.page_id)
    return answer


def _without_place(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("page_time", "page_id")}
