"""When agents said goodbye, and that it was their last word: what a timeline of liveness shows as stopped."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, select, true

from promethios.receiver.api.liveness import GOODBYE
from promethios.receiver.api.parts import value
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.rollups.facts import HOUR, MINUTE
from promethios.receiver.store import schema

_MILLISECOND: Final = 1_000_000


class Goodbyes:
    """The goodbyes of one agent.

    Args:
        said: When it said goodbye and nothing more in that hour, oldest first, Unix milliseconds.
        before: Whether the last that was heard of it before these was a goodbye too.
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
        return any(last - unit - GOODBYE <= said < last for said in self._said)


def goodbyes(view: View, question: Question, first: int, last: int) -> dict[str, Goodbyes]:
    """The goodbyes of each agent from `first` to `last` (Unix milliseconds), and whether one came before."""
    agents = question.filters.get("agent", ())
    values = {"first": first * _MILLISECOND, "last": last * _MILLISECOND, "agents": list(agents)}
    eyes = (view.agent_id is not None, bool(agents))
    said = defaultdict[str, list[int]](list)
    for agent_id, when in view.rows(_said(*eyes), values):
        said[agent_id].append(when // _MILLISECOND)
    before = {agent_id for agent_id, stopped in view.rows(_before(*eyes), values) if stopped}
    return {agent_id: Goodbyes(said[agent_id], agent_id in before) for agent_id in said.keys() | before}


@cache
def _said(one_agent: bool, asked: bool) -> Select[Any]:
    """Agent and moment of each goodbye after which nothing was heard of the agent in the same hour."""
    eyes = Eyes(one_agent)
    beats, minutes = eyes.of(schema.heartbeats), eyes.of(schema.agent_minutes)
    # Its own last words may be of a moment later.
    over = (beats.c.time_unix_nano + GOODBYE * _MILLISECOND) // 1_000_000_000
    hour = over // HOUR * HOUR
    here = (minutes.c.hour == hour) & (minutes.c.agent_id == beats.c.agent_id)
    later = func.coalesce(minutes.c.minutes, 0).op(">>")(over % HOUR // MINUTE + 1)
    return (
        select(beats.c.agent_id, beats.c.time_unix_nano)
        .select_from(beats.outerjoin(minutes, here))
        .where(
            beats.c.stopped == 1,
            beats.c.time_unix_nano.between(value("first"), value("last")),
            later == 0,
            beats.c.agent_id.in_(bindparam("agents", expanding=True)) if asked else true(),
        )
        .order_by(beats.c.time_unix_nano)
    )


@cache
def _before(one_agent: bool, asked: bool) -> Select[Any]:
    """Whether the last heartbeat of each agent before `first` was a goodbye; null where there is none."""
    eyes = Eyes(one_agent)
    agents, beats = eyes.of(schema.agents), eyes.of(schema.heartbeats)
    latest = (
        select(beats.c.stopped)
        .where(
            beats.c.agent_id == agents.c.agent_id,
            beats.c.received_unix_nano < value("first"),
            beats.c.received_unix_nano.is_not(None),
        )
        .order_by(beats.c.received_unix_nano.desc(), beats.c.id.desc())
        .limit(1)
        .correlate(agents)
        .scalar_subquery()
    )
    chosen = agents.c.agent_id.in_(bindparam("agents", expanding=True)) if asked else true()
    return select(agents.c.agent_id, latest.label("stopped")).where(chosen)
