"""``/series/liveness``: when each agent was live, stale or down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, literal, select, union_all

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


def liveness(_: Services, view: View, question: Question) -> dict[str, Any]:
    """For each agent and step 2 (live), 1 (stale) or 0 (down).

    What was is told by the minute: an agent counts as heard of until the end of the minute that it was last
    heard of in. The step that is not over yet is judged by the clock.
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
        (agent_id, _levels(heard.get(agent_id, 0), question, now, last_seen // 1_000_000))
        for agent_id, last_seen in known
    ]
    return {
        "data": [
            {"time": at, "agent_id": agent_id, "value": levels[place]}
            for place, at in enumerate(steps(question))
            for agent_id, levels in lines
        ]
    }


def _levels(heard: int, question: Question, now: int, last_seen: int) -> list[int]:
    """An agent's level in each step; `heard` has a bit for each unit of time from `_first` on."""
    unit, first = _unit(question), _first(question)
    earlier = heard & (1 << (steps(question).start - first) // unit) - 1
    last, levels = _until(earlier, first, unit), []
    for at in steps(question):
        place, end = (at - first) // unit, at + question.step
        within = heard >> place & (1 << -(-(end - first) // unit) - place) - 1
        last = _until(within, first + place * unit, unit) if within else last
        since = now - last_seen if end >= now else 0 if within else end - last
        levels.append(level(since))
    return levels


def _until(heard: int, first: int, unit: int) -> int:
    """When the last unit of time ends that an agent was heard of in; long ago where there is none."""
    return first + heard.bit_length() * unit if heard else -STALE


def _unit(question: Question) -> int:
    """Of which stretches of time it matters whether an agent was heard of in them, milliseconds."""
    return _MINUTE if question.step % _HOUR else question.step


def _first(question: Question) -> int:
    """From when on it is looked: with short steps earlier, as who was heard of just before is not yet down."""
    start = steps(question).start
    return (start - STALE) // _HOUR * _HOUR if question.step % _HOUR else start


def _heard(view: View, question: Question) -> dict[str, int]:
    """For each agent a bit for each unit of time that it was heard of in."""
    unit, first = _unit(question) // 1_000, _first(question) // 1_000
    last = (steps(question)[-1] + question.step - 1) // _HOUR * HOUR
    values = {"first": first, "last": last, "unit": unit, **_marks(view)}
    found: dict[str, int] = {}
    for agent_id, place, bits in view.rows(_places(unit == MINUTE, view.agent_id is not None), values):
        found[agent_id] = found.get(agent_id, 0) | bits << place
    return found


def _marks(view: View) -> dict[str, int]:
    rows = view.rows(select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to))
    known = {row.source: row.up_to for row in rows}
    return {f"{source.name}_mark": known.get(source.name, 0) for source in seen.SOURCES}


@cache
def _places(by_minute: bool, one_agent: bool) -> Select[Any]:
    """Agent, place and the bits there: the minutes of each hour, or one for a step of whole hours."""
    hours = union_all(*_hours(Eyes(one_agent))).subquery("hours")
    place = ((hours.c.hour - value("first")) // value("unit")).label("place")
    if by_minute:
        return select(hours.c.agent_id, place, hours.c.minutes)
    return select(hours.c.agent_id, place, literal(1)).distinct()


def _hours(eyes: Eyes) -> Iterator[Select[Any]]:
    """The hours that are noted, and those of rows that are not noted yet."""
    noted = eyes.of(schema.agent_minutes)
    between = (value("first"), value("last"))
    yield select(noted.c.agent_id, noted.c.hour, noted.c.minutes).where(noted.c.hour.between(*between))
    for source in seen.SOURCES:
        fresh = seen.after(eyes, source, value(f"{source.name}_mark")).subquery(f"fresh_{source.name}")
        yield select(fresh.c.agent_id, fresh.c.hour, fresh.c.minutes).where(fresh.c.hour.between(*between))
