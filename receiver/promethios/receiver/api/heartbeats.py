"""What agents tell of themselves: the last heartbeats of each process, and what they say together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import orjson
from sqlalchemy import Select, Subquery, bindparam, func, select, true

from promethios.receiver.api.liveness import GOODBYE, STALE, patience, state
from promethios.receiver.api.parts import value
from promethios.receiver.api.question import Question
from promethios.receiver.api.view import Eyes, View
from promethios.receiver.store import schema

#: Of each process so many heartbeats are looked at: enough to tell a wrong clock from a late delivery.
_LOOKED_AT: Final = 3
#: Heartbeats whose offsets differ by less, nanoseconds, were not late: the agent's clock is wrong.
_STEADY: Final = 2 * 10**9
_MILLISECOND: Final = 1_000_000

#: What an agent's heartbeat says that is shown as it is.
_SHOWN: Final = ("mode", "bundle_name", "bundle_version", "bundle_hash", "adapters", "last_error")
_WORDS: Final = (*_SHOWN, "uptime", "clock_offset", "heartbeat")
_COUNTS: Final = ("queued", "spooled", "sent", "dropped", "own_governed", "own_ungoverned")
_OWN: Final = {"own_governed": "governed", "own_ungoverned": "ungoverned"}


@dataclass(frozen=True, slots=True)
class Instance:
    """A process of an agent, by its last heartbeats.

    Args:
        latest: The row of the last one.
        clock_offset: How far its clock is ahead of ours, milliseconds; None where it does not say the time.
        heard: When it was last heard, by our clock, Unix milliseconds.
    """

    latest: Any
    clock_offset: int | None
    heard: int

    @property
    def stopped(self) -> bool:
        """Whether it said goodbye."""
        return bool(self.latest.stopped)

    def lives(self, now: int) -> bool:
        """Whether it was heard lately, by `now` (Unix milliseconds), and not to say goodbye."""
        return not self.stopped and now - self.heard < patience(self.latest.interval_seconds)

    def row(self, now: int) -> dict[str, Any]:
        """What is shown of it."""
        latest = self.latest
        return {
            "instance_id": latest.instance_id,
            "state": _state(self, now),
            "heartbeat": self.heard,
            "uptime": latest.uptime_seconds,
            "clock_offset": self.clock_offset,
            **{name: getattr(latest, name) for name in _SHOWN},
            **{name: getattr(latest, _OWN.get(name, name)) for name in _COUNTS},
        }


def _state(instance: Instance, now: int) -> str:
    if instance.stopped:
        return "stopped"
    if instance.lives(now):
        return "alive"
    return "missing" if now - instance.heard < STALE else "dead"


def lately(view: View, question: Question, now: int) -> dict[str, list[Instance]]:
    """The processes of each agent that were heard of lately; the last one of an agent in any case.

    Args:
        view: Whose eyes.
        question: Which agents.
        now: Unix milliseconds.
    """
    agents = question.filters.get("agent", ())
    values = {"since": (now - STALE) * _MILLISECOND, "agents": list(agents), "most": _LOOKED_AT}
    eyes = (view.agent_id is not None, bool(agents))
    rows = [*view.rows(_recent(*eyes), values), *view.rows(_last(*eyes), values)]
    return _by_agent({row.id: row for row in rows}.values())


def instances(view: View, question: Question, agent_id: str) -> list[Instance]:
    """The processes of an agent that were heard of in the range, the last heard first."""
    values = {
        "agent": agent_id,
        "first": question.start * _MILLISECOND,
        "last": question.end * _MILLISECOND + _MILLISECOND - 1,
        "most": _LOOKED_AT,
    }
    found = _by_agent(view.rows(_within(view.agent_id is not None), values)).get(agent_id, [])
    return sorted(found, key=lambda each: -each.heard)[: question.limit]


def counting(processes: Sequence[Instance], now: int) -> Sequence[Instance]:
    """Those whose counts say how their agent does: those that live, else the last one."""
    living = [each for each in processes if each.lives(now)]
    return living or sorted(processes, key=lambda each: each.heard)[-1:]


def told(processes: Sequence[Instance], now: int) -> dict[str, Any]:
    """What is known of an agent by its processes: the last one's words, and the counts of all that live."""
    rows = [each.row(now) for each in counting(processes, now)]
    words = max(rows, key=lambda row: row["heartbeat"], default=dict.fromkeys(_WORDS))
    return {
        **{name: words[name] for name in _WORDS},
        **{name: _sum(row[name] for row in rows) for name in _COUNTS},
        "processes": sum(each.lives(now) for each in processes),
    }


def latest_of(processes: Sequence[Instance]) -> Instance | None:
    """The process that was heard last."""
    return max(processes, key=lambda each: each.heard, default=None)


def outlived(latest: Instance | None, last_seen: int) -> bool:
    """Whether an agent was seen (Unix milliseconds) after all that its processes said of themselves."""
    return latest is None or last_seen > latest.heard + GOODBYE


def status(processes: Sequence[Instance], last_seen: int, now: int) -> str:
    """``live``, ``stale``, ``down``; or ``stopped``: the last of its processes to be heard said goodbye."""
    latest = latest_of(processes)
    living = any(each.lives(now) for each in processes)
    if latest is not None and latest.stopped and not living and not outlived(latest, last_seen):
        return "stopped"
    return state(now - last_seen)


def dropped(processes: Iterable[Instance]) -> list[dict[str, Any]]:
    """How many items were lost, by reason, the most first."""
    lost: dict[str, int] = defaultdict(int)
    for each in processes:
        for reason, items in orjson.loads(each.latest.dropped_by or "{}").items():
            lost[reason] += items
    return [
        {"reason": reason, "items": items} for reason, items in sorted(lost.items(), key=lambda one: -one[1])
    ]


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _by_agent(rows: Iterable[Any]) -> dict[str, list[Instance]]:
    """Rows of heartbeats, as processes by agent."""
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        found[row.agent_id, row.instance_id].append(row)
    agents: dict[str, list[Instance]] = defaultdict(list)
    for (agent_id, _), beats in found.items():
        agents[agent_id].append(_instance(beats))
    return agents


def _instance(beats: list[Any]) -> Instance:
    """One process, by its last heartbeats: the events among them, where there are any."""
    events = [beat for beat in beats if beat.sequence_num is not None] or beats
    latest = max(events, key=lambda beat: (beat.received_unix_nano, beat.time_unix_nano))
    offsets = [beat.clock_offset_nano for beat in events if beat.clock_offset_nano is not None]
    # What was on its way for the shortest time says most about the clock.
    offset = max(offsets, default=None)
    wrong = offset is not None and len(offsets) > 1 and offset - min(offsets) < _STEADY
    heard = latest.time_unix_nano - (offset if wrong and offset is not None else 0)
    return Instance(
        latest,
        None if offset is None else offset // _MILLISECOND,
        min(heard, latest.received_unix_nano) // _MILLISECOND,
    )


@cache
def _recent(one_agent: bool, asked: bool) -> Select[Any]:
    """The last heartbeats since a time, of each process."""
    eyes = Eyes(one_agent)
    beats, agents = eyes.of(schema.heartbeats), eyes.of(schema.agents)
    chosen = (
        select(beats.c.id, _place(beats))
        .select_from(agents.join(beats, beats.c.agent_id == agents.c.agent_id))
        .where(beats.c.received_unix_nano > value("since"), _one_of(agents, asked))
        .subquery("chosen")
    )
    return _chosen(eyes, chosen)


@cache
def _last(one_agent: bool, asked: bool) -> Select[Any]:
    """The last heartbeats of the process of each agent that was heard last, whenever that was.

    More than one, because the metric may have been stored a moment after the event that says goodbye: those
    of the ten minutes before the last. Longer ones would be looked for in vain where there are no events.
    """
    eyes = Eyes(one_agent)
    beats, agents = eyes.of(schema.heartbeats), eyes.of(schema.agents)
    again = eyes.of(schema.heartbeats).alias("again")
    last = (
        select(again.c.id)
        .where(again.c.agent_id == agents.c.agent_id, again.c.received_unix_nano.is_not(None))
        .order_by(again.c.received_unix_nano.desc(), again.c.id.desc())
        .limit(1)
        .correlate(agents)
        .scalar_subquery()
    )
    newest = eyes.of(schema.heartbeats).alias("newest")
    of_one_process = (
        (beats.c.agent_id == newest.c.agent_id)
        & (beats.c.instance_id == newest.c.instance_id)
        & (beats.c.received_unix_nano > newest.c.received_unix_nano - STALE * _MILLISECOND)
        & (beats.c.received_unix_nano <= newest.c.received_unix_nano)
    )
    chosen = (
        select(beats.c.id, _place(beats))
        .select_from(agents.join(newest, newest.c.id == last).join(beats, of_one_process))
        .where(_one_of(agents, asked))
        .subquery("chosen")
    )
    return _chosen(eyes, chosen)


def _chosen(eyes: Eyes, chosen: Subquery) -> Select[Any]:
    """The rows of those that have a place: to sort ids takes a third of what whole rows take."""
    beats = eyes.of(schema.heartbeats).alias("kept")
    return select(beats).join(chosen, chosen.c.id == beats.c.id).where(chosen.c.place <= value("most"))


def _one_of(agents: Any, asked: bool) -> Any:
    return agents.c.agent_id.in_(bindparam("agents", expanding=True)) if asked else true()


@cache
def _within(one_agent: bool) -> Select[Any]:
    """The last heartbeats of each process of an agent that was heard of in a range."""
    beats = Eyes(one_agent).of(schema.heartbeats)
    chosen = (
        select(beats, _place(beats))
        .where(
            beats.c.agent_id == bindparam("agent"),
            beats.c.received_unix_nano.between(value("first"), value("last")),
        )
        .subquery("chosen")
    )
    return select(chosen).where(chosen.c.place <= value("most"))


def _place(beats: Any) -> Any:
    """Which heartbeat of its process it is, counted from the last; the metric's come after the events."""
    order = (
        (beats.c.sequence_num.is_(None)).asc(),
        beats.c.received_unix_nano.desc(),
        beats.c.time_unix_nano.desc(),
    )
    partition = (beats.c.agent_id, beats.c.instance_id)
    return func.row_number().over(partition_by=partition, order_by=order).label("place")
