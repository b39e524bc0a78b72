"""``/series/liveness``: when each agent was live, stale, down or stopped."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from heapq import nsmallest
from typing import Any, Final

from sqlalchemy import Select, bindparam, select, true, union_all

from promethios.receiver.api.goodbyes import Goodbyes, goodbyes
from promethios.receiver.api.heartbeats import lately, status
from promethios.receiver.api.liveness import LIVE_LEVEL, STALE, STOPPED_LEVEL, level
from promethios.receiver.api.parts import value
from promethios.receiver.api.question import Question
from promethios.receiver.api.series import steps
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.rollups import seen
from promethios.receiver.rollups.cover import up
from promethios.receiver.rollups.facts import HOUR
from promethios.receiver.services import Services
from promethios.receiver.store import schema

_HOUR: Final = HOUR * 1_000
_DAY: Final = 24 * _HOUR


def liveness(_: Services, view: View, question: Question) -> dict[str, Any]:
    """For each agent and step 3 (stopped), 2 (live), 1 (stale) or 0 (down).

    What was is told by the minute: an agent counts as heard of until the end of the minute that it was last
    heard of in; with steps of whole hours, or of a day or more, by the hour. A step that is not over yet is
    judged by the clock. With `top` of the agents that were stale or down for the most steps since they
    were first heard of in the range; of those that were not heard of last.
    """
    table = view.of(schema.agents)
    known = view.rows(
        select(table.c.agent_id, table.c.last_seen_unix_nano)
        .where(question.matches("agent", table.c.agent_id))
        .order_by(table.c.agent_id)
    )
    heard, now = _heard(view, question), time.time_ns() // 1_000_000
    kind, first = _kind(question), _first(question)
    said = goodbyes(view, question, kind, first, steps(question)[-1] + question.step)
    processes = lately(view, question, now)
    lines = [
        (
            agent_id,
            _levels(
                heard.get(agent_id, {}),
                question,
                now,
                _LEVELS[status(processes.get(agent_id, ()), last_seen // 1_000_000, now)],
                said.get(agent_id, _NEVER),
            ),
        )
        for agent_id, last_seen in known
    ]
    if question.top is not None:
        lines = sorted(nsmallest(question.top, lines, key=_calm))
    return {
        "data": [
            {"time": at, "agent_id": agent_id, "value": levels[place]}
            for place, at in enumerate(steps(question))
            for agent_id, levels in lines
        ]
    }


_LEVELS: Final = {"stopped": STOPPED_LEVEL, "live": LIVE_LEVEL, "stale": 1, "down": 0}
_NEVER: Final = Goodbyes([], before=False)
#: The levels of an agent that is away without having said so.
_AWAY: Final = frozenset({0, 1})


def _calm(line: tuple[str, list[int]]) -> tuple[bool, int, str]:
    """Sorts lines: those that were away the longest since they first came, and last who never came."""
    agent_id, levels = line
    came = next((place for place, level in enumerate(levels) if level), len(levels))
    return came == len(levels), -sum(level in _AWAY for level in levels[came:]), agent_id


def _levels(heard: dict[int, int], question: Question, now: int, current: int, said: Goodbyes) -> list[int]:
    """An agent's level in each step; `heard` has for each step that it was heard of in until when."""
    starts, step, unit = steps(question), question.step, _kind(question).unit * 1_000
    last = max((until for at, until in heard.items() if at < starts.start), default=None)
    closed = said.closed(last, unit)
    levels = []
    for at in starts:
        if at in heard:
            last = heard[at]
            closed = said.closed(last, unit)
            levels.append(LIVE_LEVEL)
        else:
            levels.append(STOPPED_LEVEL if closed else 0 if last is None else level(at + step - last))
    # Those that are not over yet.
    over = len(range(starts.start, min(now - step, starts.stop), step))
    return levels[:over] + [current] * (len(levels) - over)


def _kind(question: Question) -> seen.Seen:
    """By what agents are noted that a question of such steps reads."""
    step = question.step
    return seen.HOURS if not step % _HOUR or step >= _DAY else seen.MINUTES


def _first(question: Question) -> int:
    """From when what was heard matters, Unix milliseconds: from where a row of notes begins.

    With short steps before the first of them: who was heard of lately is not yet down.
    """
    kind = _kind(question)
    first = steps(question).start - (STALE if kind is seen.MINUTES else 0)
    return first // (kind.width * 1_000) * kind.width * 1_000


def _heard(view: View, question: Question) -> dict[str, dict[int, int]]:
    """For each agent the steps that it was heard of in, and until when in each, milliseconds."""
    step, agents, kind = question.step, question.filters.get("agent", ()), _kind(question)
    last = (steps(question)[-1] + step - 1) // 1_000
    values = {
        "first": _first(question) // 1_000,
        "last": last // kind.width * kind.width,
        "agents": list(agents),
        **_marks(view),
    }
    found = defaultdict[str, dict[int, int]](dict)
    pieces = cache(lambda begin: _pieces(kind, begin, step))
    for agent_id, begin, bits in view.rows(_noted(kind, view.agent_id is not None, bool(agents)), values):
        steps_heard = found[agent_id]
        for at, low, mask, start in pieces(begin):
            if within := bits >> low & mask:
                until = start + within.bit_length() * kind.unit * 1_000
                steps_heard[at] = max(until, steps_heard.get(at, 0))
    return found


def _pieces(kind: seen.Seen, begin: int, step: int) -> list[tuple[int, int, int, int]]:
    """The steps that a row's time lies in; of each the first bit, a mask, and when it begins."""
    start, width, unit = begin * 1_000, kind.width * 1_000, kind.unit * 1_000
    pieces = []
    for at in range(start // step * step, start + width, step):
        low = max(0, at - start) // unit
        high = up(min(width, at + step - start), unit) // unit
        pieces.append((at, low, (1 << high - low) - 1, start + low * unit))
    return pieces


def _marks(view: View) -> dict[str, int]:
    rows = view.rows(select(schema.rollup_marks.c.source, schema.rollup_marks.c.up_to))
    known = {row.source: row.up_to for row in rows}
    return {f"{source.name}_mark": known.get(source.name, 0) for source in seen.SOURCES}


@cache
def _noted(kind: seen.Seen, one_agent: bool, asked: bool) -> Select[Any]:
    """Agent, time and bits: of rows that are noted, and of those that are not noted yet."""
    parts = union_all(*_parts(kind, one_agent)).subquery("parts")
    agent = parts.c.agent_id.in_(bindparam("agents", expanding=True)) if asked else true()
    between = parts.c[kind.time].between(value("first"), value("last"))
    return select(parts.c.agent_id, parts.c[kind.time], parts.c[kind.bits]).where(between, agent)


def _parts(kind: seen.Seen, one_agent: bool) -> Iterator[Select[Any]]:
    noted, latest = Eyes(one_agent).of(kind.table), Eyes(one_agent, by_id=True)
    yield select(noted.c.agent_id, noted.c[kind.time], noted.c[kind.bits])
    for source in seen.SOURCES:
        fresh = kind.after(latest, source, value(f"{source.name}_mark")).subquery(f"fresh_{source.name}")
        yield select(fresh.c.agent_id, fresh.c[kind.time], fresh.c[kind.bits])
