"""``/spans`` and ``/ungoverned``: what agents did, newest first."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, literal_column, not_, or_, select, true

from promethios.receiver.api.columns import hexadecimal, millis
from promethios.receiver.api.ids import looked_up, of_traces
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.routes import RANKS
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.rollups.calls import is_call, is_governed
from promethios.receiver.services import Services
from promethios.receiver.store import schema

#: OTLP's status codes by their names.
STATUSES: Final = {"unset": 0, "ok": 1, "error": 2}
#: The same, written out, or the database would not see that its index of failed spans has all of them.
_WRITTEN: Final[dict[str, ColumnElement[int]]] = {
    "unset": literal_column("0"),
    "ok": literal_column("1"),
    "error": literal_column("2"),
}


def spans(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each span."""
    table = view.of(schema.spans)
    governed = _asked_governed(question)
    return _page(view, question, table, true() if governed is None else _called(view, table, governed))


def ungoverned(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each call of a model or a tool about which nothing was decided."""
    table = view.of(schema.spans)
    return _page(view, question, table, _called(view, table, governed=False))


def _page(view: View, question: Question, table: Subquery, condition: ColumnElement[bool]) -> dict[str, Any]:
    statement = _row(view, table).where(
        *(question.matches(name, table.c[column]) for name, column in _FILTERS.items()),
        with_status(question, table),
        of_traces(question, table.c.trace_id),
        condition,
    )
    when = table.c.start_unix_nano
    return page(view, question, statement, when + 0 if looked_up(question, "trace") else when, table.c.id)


#: From a filter to the column that it is about.
_FILTERS: Final = {"agent": "agent_id", "operation": "operation", "model": "model", "tool": "tool"}


def _row(view: View, table: Subquery) -> Select[Any]:
    return select(
        millis(table.c.start_unix_nano).label("time"),
        *(table.c[name] for name in ("agent_id", "name", "operation", "provider", "model", "tool")),
        table.c.conversation_id,
        ((table.c.end_unix_nano - table.c.start_unix_nano) / 1e6).label("duration_ms"),
        case({code: name for name, code in STATUSES.items()}, value=table.c.status_code, else_="unset").label(
            "status"
        ),
        table.c.status_message,
        *(_decided(view, table, name).label(name) for name in ("verdict", "decision_id")),
        table.c.input_tokens,
        table.c.output_tokens,
        hexadecimal(table.c.trace_id).label("trace_id"),
        hexadecimal(table.c.span_id).label("span_id"),
    )


def _decided(view: View, table: Subquery, name: str) -> ColumnElement[Any]:
    """What is stamped on a span of its decision; else of the most severe decision that names it."""
    decided = view.of(schema.decisions)
    rank = case({verdict: place for place, verdict in enumerate(RANKS["verdict"])}, value=decided.c.verdict)
    named = (
        select(decided.c[name])
        .where(decided.c.trace_id == table.c.trace_id, decided.c.span_id == table.c.span_id)
        .order_by(rank.desc(), decided.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return case((table.c.decision_id.is_not(None), table.c[name]), else_=named)


def with_status(question: Question, table: Any) -> ColumnElement[bool]:
    """The condition that a span ended as the filter `status` allows.

    Raises:
        Refusal: It names a status that there is not.
    """
    asked = question.filters.get("status", ())
    if unknown := [name for name in asked if name not in STATUSES]:
        names = ", ".join(STATUSES)
        raise Refusal(Kind.UNDECODABLE, f"'status' must be one of {names}, not {unknown[0][:60]!r}")
    codes = [table.c.status_code == _WRITTEN[name] for name in asked]
    return or_(*codes) if codes else true()


def _asked_governed(question: Question) -> bool | None:
    """What the filter `governed` asks for; None for both."""
    asked = question.filters.get("governed", ())
    if unknown := [word for word in asked if word not in _GOVERNED]:
        raise Refusal(Kind.UNDECODABLE, f"'governed' must be yes or no, not {unknown[0][:60]!r}")
    return _GOVERNED[asked[0]] if len(set(asked)) == 1 else None


_GOVERNED: Final = {"yes": True, "no": False}


def _called(view: View, table: Subquery, governed: bool) -> ColumnElement[bool]:
    """The condition that a span is a call that was decided about, or one that was not."""
    decided = is_governed(table, view.eyes.of_everyone(schema.decisions))
    return and_(is_call(table), decided if governed else not_(decided))
