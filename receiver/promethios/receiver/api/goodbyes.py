"""When agents said goodbye, and that it was their last word: what a timeline of liveness shows as stopped."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, func, select, true

from promethios.receiver.api.liveness import GOODBYE
from promethios.receiver.api.parts import value
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.rollups.facts import DAY, HOUR, MINUTE, SECOND
from promethios.receiver.rollups.seen import HOURS, Seen
from promethios.receiver.store import schema

_MILLISECOND: Final = 1_000_000


class Goodbyes:
    """The goodbyes of one agent.

    Args:
        said: When it said goodbye, Unix milliseconds.
        before: Whether a goodbye was the last that was heard of it before these.
    """

    def __init__(self, said: list[int], before: bool) -> None:
        self._said = said
        self._before = before

    def closed(self, last: int | None, unit: int) -> bool:
        """Whether the last thing heard of an agent was a goodbye.

        Args:
            last: Until when it was heard of, at the end of a unit; None for nothing since `said` begins.
            unit: How long a unit is, milliseconds.
        """
        if last is None:
            return self._before
        # Its other last words may be of a moment later.
        return any(last - unit - GOODBYE <= said < last for said in self._said)


def goodbyes(view: View, question: Question, kind: Seen, first: int, last: int) -> dict[str, Goodbyes]:
    """The goodbyes of each agent in a range, and whether one was its last word before the range.

    Args:
        view: Whose eyes.
        question: Which agents.
        kind: By what agents are noted in the timeline.
        first, last: The range, Unix milliseconds: from a whole hour on, and the end is not in it.
    """
    agents = question.filters.get("agent", ())
    values = {"first": first * _MILLISECOND, "last": last * _MILLISECOND, "agents": list(agents)}
    eyes = (view.agent_id is not None, bool(agents))
    said = defaultdict[str, list[int]](list)
    for agent_id, when, later in view.rows(_said(*eyes), values):
        # By the hour alone nobody would see that an agent was started again within it.
        if kind is not HOURS or not later:
            said[agent_id].append(when // _MILLISECOND)
    before = _closed_before(view, eyes, values)
    return {agent_id: Goodbyes(said[agent_id], agent_id in before) for agent_id in said.keys() | before}


@cache
def _said(one_agent: bool, asked: bool) -> Select[Any]:
    """Agent and moment of each goodbye in the range, and in which minutes of its hour the agent was heard
    later, as bits."""
    eyes = Eyes(one_agent)
    beats, minutes = eyes.of(schema.heartbeats), eyes.of(schema.agent_minutes)
    over = (beats.c.time_unix_nano + GOODBYE * _MILLISECOND) // SECOND
    here = (minutes.c.hour == over // HOUR * HOUR) & (minutes.c.agent_id == beats.c.agent_id)
    return (
        select(beats.c.agent_id, beats.c.time_unix_nano, _later(minutes, over))
        .select_from(beats.outerjoin(minutes, here))
        .where(
            beats.c.stopped == 1,
            beats.c.time_unix_nano >= value("first"),
            beats.c.time_unix_nano < value("last"),
            beats.c.agent_id.in_(bindparam("agents", expanding=True)) if asked else true(),
        )
    )


def _later(minutes: Any, over: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(minutes.c.minutes, 0).op(">>")(over % HOUR // MINUTE + 1)


def _closed_before(view: View, eyes: tuple[bool, bool], values: dict[str, Any]) -> set[str]:
    """The agents of which nothing was heard between their last goodbye before the range and the range."""
    first = values["first"] // SECOND
    found = {agent: (when // SECOND, later) for agent, when, later in view.rows(_last_before(*eyes), values)}
    if not found:
        return set()
    begin = min(over for over, _ in found.values()) // DAY * DAY
    hours = defaultdict[str, list[int]](list)
    noted = {"begin": begin, "end": first, "agents": list(found)}
    for agent, day, bits in view.rows(_hours(eyes[0]), noted):
        hours[agent] += [day + number * HOUR for number in range(24) if bits >> number & 1]
    return {
        agent
        for agent, (over, later) in found.items()
        if (over >= first or not later) and not any(over < hour < first for hour in hours[agent])
    }


@cache
def _hours(one_agent: bool) -> Select[Any]:
    table = Eyes(one_agent).of(schema.agent_hours)
    return select(table.c.agent_id, table.c.day, table.c.hours).where(
        table.c.day >= value("begin"),
        table.c.day < value("end"),
        table.c.agent_id.in_(bindparam("agents", expanding=True)),
    )


@cache
def _last_before(one_agent: bool, asked: bool) -> Select[Any]:
    """Of each agent that said goodbye before the range: when it had, the last time, and the bits as above."""
    eyes = Eyes(one_agent)
    agents, beats, minutes = map(eyes.of, (schema.agents, schema.heartbeats, schema.agent_minutes))
    last = (
        select(func.max(beats.c.time_unix_nano))
        .where(
            beats.c.agent_id == agents.c.agent_id,
            beats.c.stopped == 1,
            beats.c.time_unix_nano < value("first"),
        )
        .correlate(agents)
        .scalar_subquery()
    )
    chosen = agents.c.agent_id.in_(bindparam("agents", expanding=True)) if asked else true()
    said = (
        select(agents.c.agent_id, (last + GOODBYE * _MILLISECOND).label("over"))
        .where(chosen)
        .subquery("said")
    )
    over = said.c.over // SECOND
    here = (minutes.c.hour == over // HOUR * HOUR) & (minutes.c.agent_id == said.c.agent_id)
    return (
        select(said.c.agent_id, said.c.over, _later(minutes, over))
        .select_from(said.outerjoin(minutes, here))
        .where(said.c.over.is_not(None))
    )
