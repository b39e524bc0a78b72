"""``/series/liveness``: when each agent was live, stale or down."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, select, union_all

from promethios.receiver.api.liveness import STALE, level
from promethios.receiver.api.parts import value
from promethios.receiver.api.question import Question
from promethios.receiver.api.series import steps
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.rollups import seen
from promethios.receiver.rollups.facts import HOUR, MINUTE
from promethios.receiver.services import Services
from promethios.receiver.store import schema

_MINUTE: Final = MINUTE * 1_000
_HOUR: Final = HOUR * 1_000
_DAY: Final = 24 * _HOUR


def liveness(_: Services, view: View, question: Question) -> dict[str, Any]:
    """For each agent and step 2 (live), 1 (stale) or 0 (down).

    What was is told by the minute: an agent counts as heard of until the end of the minute that it was last
    heard of in; with steps of a day or more by the hour. A step that is not over yet is judged by the clock.
    """
    table = view.of(schema.agents)
    known = view.rows(
        select(table.c.agent_id, table.c.last_seen_unix_nano)
        .where(question.matches("agent", table.c.agent_id))
        .order_by(table.c.agent_id)
    )
    heard = _heard(view, question)
    now = time.time_ns() // 1_000_000
    lines = [
        (agent_id, _levels(heard.get(agent_id, {}), question, now, last_seen // 1_000_000))
        for agent_id, last_seen in known
    ]
    return {
        "data": [
            {"time": at, "agent_id": agent_id, "value": levels[place]}
            for place, at in enumerate(steps(question))
            for agent_id, levels in lines
        ]
    }


def _levels(heard: dict[int, int], question: Question, now: int, last_seen: int) -> list[int]:
    """An agent's level in each step; `heard` has for each step that it was heard of in until when."""
    first = steps(question).start
    last = max((until for at, until in heard.items() if at < first), default=-STALE)
    levels = []
    for at in steps(question):
        last, end = heard.get(at, last), at + question.step
        since = now - last_seen if end >= now else 0 if at in heard else end - last
        levels.append(level(since))
    return levels


def _heard(view: View, question: Question) -> dict[str, dict[int, int]]:
    """For each agent the steps that it was heard of in, and until when in each, milliseconds."""
    step, found = question.step, defaultdict[str, dict[int, int]](dict)
    by_hour = not step % _HOUR or step >= _DAY
    last = (steps(question)[-1] + step - 1) // _HOUR * HOUR
    # With short steps earlier than the first: who was heard of lately is not yet down.
    first = (steps(question).start - (0 if by_hour else STALE)) // _HOUR * HOUR
    values = {"first": first, "last": last, "step": step, **_marks(view)}
    rows = view.rows(_hours_heard(by_hour, view.agent_id is not None), values)
    if by_hour:
        for agent_id, place in rows:
            found[agent_id][place * step] = (place + 1) * step
        return found
    pieces = cache(lambda hour: _pieces(hour * 1_000, step))
    for agent_id, hour, minutes in rows:
        for at, low, mask in pieces(hour):
            if within := minutes >> low & mask:
                until = hour * 1_000 + (low + within.bit_length()) * _MINUTE
                found[agent_id][at] = max(until, found[agent_id].get(at, 0))
    return found


def _pieces(hour: int, step: int) -> list[tuple[int, int, int]]:
    """The steps that an hour lies in, and of each its minutes of the hour: the first, and a bit for each."""
    pieces = []
    for at in range(hour // step * step, hour + _HOUR, step):
        low = max(0, at - hour) // _MINUTE
        high = min(_HOUR, at + step - hour + _MINUTE - 1) // _MINUTE
        pieces.append((at, low, (1 << high - low) - 1))
    return pieces


def _marks(view: View) -> dict[str, int]:
    rows = view.rows(select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to))
    known = {row.source: row.up_to for row in rows}
    return {f"{source.name}_mark": known.get(source.name, 0) for source in seen.SOURCES}


@cache
def _hours_heard(by_hour: bool, one_agent: bool) -> Select[Any]:
    """Agent, hour and its minutes; or only agent and number of the step that an hour begins in."""
    hours = union_all(*_hours(one_agent)).subquery("hours")
    if not by_hour:
        return select(hours.c.agent_id, hours.c.hour, hours.c.minutes)
    return select(hours.c.agent_id, hours.c.hour * 1_000 // value("step")).distinct()


def _hours(one_agent: bool) -> Iterator[Select[Any]]:
    """The hours that are noted, and those of rows that are not noted yet."""
    noted, latest = Eyes(one_agent).of(schema.agent_minutes), Eyes(one_agent, by_id=True)
    between = (value("first"), value("last"))
    yield select(noted.c.agent_id, noted.c.hour, noted.c.minutes).where(noted.c.hour.between(*between))
    for source in seen.SOURCES:
        fresh = seen.after(latest, source, value(f"{source.name}_mark")).subquery(f"fresh_{source.name}")
        yield select(fresh.c.agent_id, fresh.c.hour, fresh.c.minutes).where(fresh.c.hour.between(*between))
