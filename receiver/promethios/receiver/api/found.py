"""``/traces``: which traces there are, newest first, found by what one of their spans or decisions says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)

from promethios.receiver.api.columns import Unindexed, count_if, hexadecimal, millis
from promethios.receiver.api.ids import looked_up
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import Question
from promethios.receiver.api.routes import RANKS
from promethios.receiver.api.serving import agents_of, of_services
from promethios.receiver.api.spans import STATUSES, with_status
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.store import schema

#: From a filter to the column that it is about, in `spans` and in `decisions`.
_SHARED: Final = {"agent": "agent_id", "operation": "operation", "model": "model", "tool": "tool"}
#: What decisions alone have.
_DECIDED: Final = {"verdict": "verdict", "conversation": "conversation_id"}
#: The longest duration that can be asked for, milliseconds.
_LONGEST: Final = 10**12


def traces(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each trace that has a span, or a decision, as the filters ask for."""
    by_decision = looked_up(question, *_DECIDED)
    statement, when, row_id = (_by_decisions if by_decision else _by_spans)(view, question)
    answer = page(view, question, statement, when, row_id)
    keys = [bytes.fromhex(row["trace_id"]) for row in answer["data"]]
    known = summaries(view, keys)
    return {**answer, "data": [known[key] for key in keys]}


Found = tuple[Select[Any], ColumnElement[Any], ColumnElement[Any]]


def _by_spans(view: View, question: Question) -> Found:
    """The first span of each trace that is as the filters ask for: no later one changes where that is."""
    table = view.of(schema.spans)
    earlier = view.by_trace(schema.spans).alias("earlier")
    # By its trace: as they are, the time and what is asked for would have SQLite read all spans like it.
    rest = Unindexed(earlier)
    before = exists().where(
        earlier.c.trace_id == table.c.trace_id,
        _asked_of_span(view, question, rest),
        question.within(rest.c.start_unix_nano),
        _is_before(rest, table, "start_unix_nano"),
    )
    return (
        _place(table, "start_unix_nano").where(_asked_of_span(view, question, table), not_(before)),
        table.c.start_unix_nano,
        table.c.id,
    )


def _by_decisions(view: View, question: Question) -> Found:
    """The same of decisions; decisions are kept for longer than spans, and a trace without any is none."""
    table, spans = view.of(schema.decisions), view.by_trace(schema.spans)
    earlier = view.by_trace(schema.decisions).alias("earlier")
    rest = Unindexed(earlier)
    before = exists().where(
        earlier.c.trace_id == table.c.trace_id,
        _asked_of_decision(question, rest),
        question.within(rest.c.time_unix_nano),
        _is_before(rest, table, "time_unix_nano"),
    )
    asked = _asked_of_span(view, question, Unindexed(spans))
    among = exists().where(spans.c.trace_id == table.c.trace_id, asked)
    when = table.c.time_unix_nano
    return (
        _place(table, "time_unix_nano").where(_asked_of_decision(question, table), not_(before), among),
        when + 0 if looked_up(question, "conversation") else when,
        table.c.id,
    )


def _place(table: Subquery, time: str) -> Select[Any]:
    columns: tuple[Any, ...] = (
        millis(table.c[time]).label("time"),
        hexadecimal(table.c.trace_id).label("trace_id"),
    )
    return select(*columns)


def _is_before(one: Any, other: Any, time: str) -> ColumnElement[bool]:
    same = and_(one.c[time] == other.c[time], one.c.id < other.c.id)
    return or_(one.c[time] < other.c[time], same)


def _asked_of_decision(question: Question, table: Any) -> ColumnElement[bool]:
    asked = {**_SHARED, **_DECIDED}
    return and_(true(), *(question.matches(name, table.c[column]) for name, column in asked.items()))


def _asked_of_span(view: View, question: Question, table: Any) -> ColumnElement[bool]:
    took = table.c.end_unix_nano - table.c.start_unix_nano
    least, most = (_duration(question, name) for name in ("min_duration", "max_duration"))
    shared = {} if looked_up(question, *_DECIDED) else _SHARED
    return and_(
        with_status(question, table),
        *(question.matches(name, table.c[column]) for name, column in shared.items()),
        question.matches("name", table.c.name),
        _of_services(view, question, table),
        true() if least is None else took >= least,
        true() if most is None else took <= most,
    )


def _of_services(view: View, question: Question, table: Any) -> ColumnElement[bool]:
    services = question.filters.get("service", ())
    if not services:
        return true()
    agents = agents_of(view, question, services)
    if not agents:
        return false()
    return and_(table.c.agent_id.in_(list(agents)), of_services(view, services, table.c.resource_id))


def _duration(question: Question, name: str) -> int | None:
    """What a filter says in milliseconds, as nanoseconds."""
    asked = question.filters.get(name, ())
    if not asked:
        return None
    (text, *more) = asked
    if more or not (text.isascii() and text.isdigit()) or int(text[:20]) > _LONGEST:
        raise Refusal(
            Kind.UNDECODABLE, f"{name!r} must be a whole number of milliseconds, not {'|'.join(asked)[:60]!r}"
        )
    return int(text) * 1_000_000


def summaries(view: View, keys: Sequence[bytes]) -> dict[bytes, dict[str, Any]]:
    """A row for each of these traces, by its id; for those that have a span."""
    spans = view.by_trace(schema.spans)
    first, last = func.min(spans.c.start_unix_nano), func.max(spans.c.end_unix_nano)
    statement = (
        select(
            spans.c.trace_id,
            millis(first).label("time"),
            ((last - first) / 1e6).label("duration_ms"),
            func.count().label("spans"),
            count_if(spans.c.status_code == STATUSES["error"]).label("errors"),
        )
        .where(spans.c.trace_id.in_(keys))
        .group_by(spans.c.trace_id)
    )
    roots, verdicts = _roots(view, keys), _verdicts(view, keys)
    return {
        row.trace_id: {
            "time": row.time,
            "trace_id": row.trace_id.hex(),
            **roots[row.trace_id],
            "duration_ms": row.duration_ms,
            "spans": row.spans,
            "errors": row.errors,
            "verdict": verdicts.get(row.trace_id),
        }
        for row in view.rows(statement)
    }


def _roots(view: View, keys: Sequence[bytes]) -> dict[bytes, dict[str, Any]]:
    """What the root of each trace says; where none came, or several, the earliest of them all."""
    spans, resources = view.by_trace(schema.spans), view.eyes.of_everyone(schema.resources)
    place = func.row_number().over(
        partition_by=spans.c.trace_id,
        order_by=(spans.c.parent_span_id.is_not(None), spans.c.start_unix_nano, spans.c.id),
    )
    ranked = (
        select(spans.c.trace_id, spans.c.name, spans.c.agent_id, spans.c.resource_id, place.label("place"))
        .where(spans.c.trace_id.in_(keys))
        .subquery("ranked")
    )
    rows = view.rows(
        select(ranked, resources.c.service_name)
        .outerjoin(resources, resources.c.id == ranked.c.resource_id)
        .where(ranked.c.place == 1)
    )
    return {
        row.trace_id: {
            "root": row.name,
            "service_name": row.service_name or "",
            "agent_id": row.agent_id,
        }
        for row in rows
    }


def _verdicts(view: View, keys: Sequence[bytes]) -> dict[bytes, str]:
    """The most severe verdict in each trace."""
    table = view.by_trace(schema.decisions)
    rank = case({verdict: place for place, verdict in enumerate(RANKS["verdict"])}, value=table.c.verdict)
    statement = (
        select(table.c.trace_id, func.max(rank).label("rank"))
        .where(table.c.trace_id.in_(keys))
        .group_by(table.c.trace_id)
    )
    return {row.trace_id: RANKS["verdict"][row.rank] for row in view.rows(statement)}
