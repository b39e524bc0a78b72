"""``/conversations``: who talked about what was decided, the latest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select

from promethios.receiver.api.columns import Unindexed, count_if, hexadecimal, millis
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def conversations(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each conversation of an agent in which something was decided in the range."""
    table = view.of(schema.decisions)
    later = table.alias("later")
    asked = question.matches("conversation", table.c.conversation_id)
    rest = Unindexed(later)
    after = exists().where(
        later.c.conversation_id == table.c.conversation_id,
        rest.c.agent_id == table.c.agent_id,
        question.within(rest.c.time_unix_nano),
        _is_after(rest, table),
    )
    statement = select(
        millis(table.c.time_unix_nano).label("time"),
        table.c.conversation_id,
        table.c.agent_id,
        hexadecimal(table.c.trace_id).label("trace_id"),
    ).where(
        table.c.conversation_id.is_not(None), question.matches("agent", table.c.agent_id), asked, not_(after)
    )
    answer = page(view, question, statement, table.c.time_unix_nano, table.c.id)
    return {**answer, "data": [_row(view, question, found) for found in answer["data"]]}


def _is_after(one: Any, other: Any) -> ColumnElement[bool]:
    same = and_(one.c.time_unix_nano == other.c.time_unix_nano, one.c.id > other.c.id)
    return or_(one.c.time_unix_nano > other.c.time_unix_nano, same)


def _row(view: View, question: Question, found: dict[str, Any]) -> dict[str, Any]:
    decided, matched = view.of(schema.decisions), view.of(schema.violations)
    number = (
        select(func.count())
        .where(matched.c.decision_id == decided.c.decision_id)
        .correlate(decided)
        .scalar_subquery()
    )
    (counts,) = view.rows(
        select(
            millis(func.min(decided.c.time_unix_nano)).label("first_seen"),
            func.count().label("decisions"),
            count_if(decided.c.enforced == "block").label("blocked"),
            func.sum(number).label("violations"),
        ).where(
            decided.c.conversation_id == found["conversation_id"],
            decided.c.agent_id == found["agent_id"],
            # By the conversation, and not by the time.
            question.within(decided.c.time_unix_nano + 0),
        )
    )
    return {
        "conversation_id": found["conversation_id"],
        "agent_id": found["agent_id"],
        "first_seen": counts.first_seen,
        "last_seen": found["time"],
        "decisions": counts.decisions,
        "blocked": counts.blocked,
        "violations": counts.violations,
        "trace_id": found["trace_id"],
    }
