"""Finds what Jaeger's clients ask for: services, their operations, and traces by what one span says.

A search reads spans from the newest on, and no more than `MOST_EXAMINED` of them: who asks for what is not
there is told that the search ended there, instead of having the whole database read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select, true

from promethios.receiver.api.question import LATEST, Question
from promethios.receiver.api.rolled import Rolled
from promethios.receiver.api.serving import agents_of, of_services
from promethios.receiver.api.view import View
from promethios.receiver.jaeger.questions import Wanted
from promethios.receiver.jaeger.tags import KINDS, UNKNOWN, has_tag, is_error
from promethios.receiver.rollups.facts import SPANS
from promethios.receiver.store import schema

#: So many spans a search looks at; first a few, which mostly suffice, then many at once.
MOST_EXAMINED: Final = 500_000
_AT_ONCE: Final = (2_000, 50_000)
#: Of so many of a service's latest spans the names are told.
_NAMED: Final = 20_000
_NAMES: Final = {number: name for name, number in KINDS.items()}

_EVER: Final = Question(0, LATEST, 1_000, 1, None, {"agent": ()})


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Args:
        traces: The ids of the traces, the newest first.
        whole: Whether all spans of the range were looked at, or enough was found.
    """

    traces: list[bytes]
    whole: bool


def services(view: View) -> list[str]:
    """The names of the services that have spans."""
    rolled = Rolled(view, _EVER, SPANS)
    counted, known = rolled.count("resource_id"), view.eyes.of_everyone(schema.resources)
    rows = rolled.rows(
        select(known.c.service_name).join(counted, counted.c.resource_id == known.c.id).distinct()
    )
    return sorted({row["service_name"] or UNKNOWN for row in rows})


def operations(view: View, service: str, kind: str = "") -> list[tuple[str, str]]:
    """The names and kinds of a service's latest spans."""
    spans = _Spans(view, _EVER, service)
    latest = spans.latest(_NAMED, None).subquery("latest")
    rows = view.rows(select(latest.c.name, latest.c.kind).where(spans.of_service(latest)).distinct())
    found = {(row.name, _NAMES.get(row.kind, "internal")) for row in rows}
    return sorted(each for each in found if kind in ("", each[1]))


def find(view: View, wanted: Wanted) -> Found:
    """The newest traces that have a span as it is wanted."""
    question = Question(wanted.start // 1_000_000, wanted.end // 1_000_000, 1_000, 1, None, {"agent": ()})
    spans = _Spans(view, question, wanted.service, wanted)
    found: dict[bytes, None] = {}
    for rows in spans.walk():
        found |= dict.fromkeys(row.trace_id for row in rows)
        if len(found) >= wanted.limit:
            return Found(list(found)[: wanted.limit], True)
    return Found(list(found), spans.whole)


class _Spans:
    """The spans of a range among which a service's are, read from the newest on.

    Args:
        view: Whose eyes.
        question: The range.
        service: The service.
        wanted: What else is asked of a span.

    Attributes:
        whole: Whether all of them were read.
    """

    def __init__(self, view: View, question: Question, service: str, wanted: Wanted | None = None) -> None:
        self._view, self._question, self._wanted = view, question, wanted
        self._names = ("", UNKNOWN) if service == UNKNOWN else (service,)
        self._table = view.of(schema.spans)
        agents = agents_of(view, question, self._names)
        self._agents, self._few = list(agents), sum(agents.values()) <= _AT_ONCE[-1]
        self.whole = False

    def walk(self) -> Iterator[Any]:
        """The spans as they are wanted: a batch for each step back."""
        left, place = MOST_EXAMINED, None
        sizes = iter((left,) if self._few else _AT_ONCE)
        size = next(sizes)
        while self._agents and left > 0:
            yield self._view.rows(self._matching(self.latest(size, place)))
            left -= size
            place = self._end(size, place)
            if place is None:
                break
            size = next(sizes, size)
        self.whole = place is None

    def latest(self, most: int, place: Any) -> Select[Any]:
        """The latest spans before a place, of whatever service, as an index has them."""
        return self._ordered(select(self._table), place).limit(most)

    def _ordered(self, spans: Select[Any], place: Any) -> Select[Any]:
        when = self._table.c.start_unix_nano
        # The sum keeps SQLite from going through everybody's spans by time for a few of several agents'.
        order = when + 0 if len(self._agents) > 1 and self._few else when
        return spans.where(self._range(), self._indexed(), _behind(self._table, place)).order_by(
            order.desc(), self._table.c.id.desc()
        )

    def of_service(self, table: Any) -> ColumnElement[bool]:
        """The condition that a span is the service's."""
        return of_services(self._view, self._names, table.c.resource_id)

    def _range(self) -> ColumnElement[bool]:
        when = self._table.c.start_unix_nano
        wanted = self._wanted
        return self._question.within(when) if wanted is None else when.between(wanted.start, wanted.end)

    def _indexed(self) -> ColumnElement[bool]:
        """What the database has an index for, so that no more is read than that."""
        table = self._table
        conditions: list[ColumnElement[bool]] = []
        if len(self._agents) == 1 or self._few:
            conditions.append(table.c.agent_id.in_(self._agents))
        for key, value in (self._wanted.tags if self._wanted else {}).items():
            if is_error(key, value):
                conditions.append(has_tag(self._view, table, key, value))
        return and_(true(), *conditions)

    def _matching(self, latest: Select[Any]) -> Select[Any]:
        table, wanted = latest.subquery("latest"), self._wanted
        assert wanted is not None
        took = table.c.end_unix_nano - table.c.start_unix_nano
        return (
            select(table.c.trace_id)
            .where(
                self.of_service(table),
                table.c.name == wanted.operation if wanted.operation else true(),
                true() if wanted.least is None else took >= wanted.least,
                true() if wanted.most is None else took <= wanted.most,
                *(has_tag(self._view, table, *tag) for tag in wanted.tags.items()),
            )
            .order_by(table.c.start_unix_nano.desc(), table.c.id.desc())
        )

    def _end(self, size: int, place: Any) -> Any:
        """Where a step of this size ends, by an index alone; None where it is not full."""
        places = select(self._table.c.start_unix_nano, self._table.c.id)
        return next(iter(self._view.rows(self._ordered(places, place).limit(1).offset(size - 1))), None)


def _behind(table: Any, place: Any) -> ColumnElement[bool]:
    if place is None:
        return true()
    when, row_id = table.c.start_unix_nano, table.c.id
    # The first condition is what the index is read by.
    older = or_(when < place.start_unix_nano, row_id < place.id)
    return and_(when <= place.start_unix_nano, older)
