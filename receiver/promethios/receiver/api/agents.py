"""``/agents``: a row for every known agent, idle or not; and one agent with its processes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from sqlalchemy import Select, Subquery, func, select

from promethios.governance.trust import NEW, Standing, fade
from promethios.receiver.api.cost import spent
from promethios.receiver.api.heartbeats import (
    Instance,
    counting,
    dropped,
    instances,
    lately,
    latest_of,
    outlived,
    status,
    told,
)
from promethios.receiver.api.liveness import STALE, condition, state
from promethios.receiver.api.owners import owners
from promethios.receiver.api.quantiles import durations_by
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import Rolled, counted
from promethios.receiver.api.trust import standings
from promethios.receiver.api.view import View
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.rollups.facts import DECISIONS, SPANS, TIMES, VIOLATIONS
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def agents(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Who there is and how they do; counts are over the range, what was seen is over all time."""
    now = time.time_ns() // 1_000_000
    return {"data": _rows(view, question, lately(view, question, now), now)}


def agent(_: Services, view: View, question: Question, agent_id: str) -> dict[str, Any]:
    """One agent, its processes that were heard of in the range, and what its delivery lost, by reason.

    Raises:
        Refusal: There is no such agent.
    """
    question = replace(question, filters={"agent": (agent_id,)})
    now = time.time_ns() // 1_000_000
    processes = lately(view, question, now)
    rows = _rows(view, question, processes, now)
    if not rows:
        raise Refusal(Kind.NOT_FOUND, _NO_AGENT)
    return {
        "data": rows,
        "processes": [each.row(now) for each in instances(view, question, agent_id)],
        "dropped": dropped(counting(processes.get(agent_id, []), now)),
    }


_NO_AGENT: Final = "there is no such agent: /api/v1/agents lists them"


def _rows(
    view: View, question: Question, processes: Mapping[str, Sequence[Instance]], now: int
) -> list[dict[str, Any]]:
    table = view.of(schema.agents)
    known = view.rows(
        select(table).where(question.matches("agent", table.c.agent_id)).order_by(table.c.agent_id)
    )
    counts: dict[str, dict[str, Any]] = {}
    for part in (_decided, _violated, _called, _bundles, _worked, _timed, _paid):
        for row in part(view, question):
            counts.setdefault(row["agent_id"], {}).update(row)
    owned = owners(view)
    trusted = {name: fade(standing, now * 1_000_000) for name, (standing, _) in standings(view).items()}
    return [
        _row(
            each._mapping,
            counts.get(each.agent_id, {}),
            trusted.get(each.agent_id, NEW),
            processes.get(each.agent_id, ()),
            now,
        )
        | {"owner": owned.get(each.service_name, "")}
        for each in known
    ]


def _row(
    agent: Any, counted: dict[str, Any], trusted: Standing, processes: Sequence[Instance], now: int
) -> dict[str, Any]:
    last_seen = agent["last_seen_unix_nano"] // 1_000_000
    return {
        "agent_id": agent["agent_id"],
        "service_name": agent["service_name"],
        "status": status(processes, last_seen, now),
        "state": _condition(processes, last_seen, bool(counted.get("worked")), now),
        "trust": trusted.score,
        "tier": trusted.tier,
        "first_seen": agent["first_seen_unix_nano"] // 1_000_000,
        "last_seen": last_seen,
        **{name: counted.get(name) or 0 for name in _COUNTS},
        "cost_usd": counted.get("cost_usd", 0.0),
        "p95_us": counted.get("p95"),
        "last_bundle_version": counted.get("last_bundle_version"),
        "instances": counted.get("instances") or 0,
        **told(processes, now),
    }


def _condition(processes: Sequence[Instance], last_seen: int, working: bool, now: int) -> str:
    """What became of an agent; one that sends no heartbeats lives as long as it sends anything."""
    latest = latest_of(processes)
    after = outlived(latest, last_seen)
    return condition(
        living=any(each.lives(now) for each in processes) or (after and state(now - last_seen) == "live"),
        stopped=latest is not None and latest.stopped and not after,
        working=working,
        since=now - max(last_seen, latest.heard if latest else 0),
    )


_COUNTS = (
    "decisions",
    "blocked",
    "redacted",
    "flagged",
    "violations",
    "input_tokens",
    "output_tokens",
    "calls",
    "governed",
)


#: What the number of decisions is called, by what was done about them.
_ENFORCED: Final = {"block": "blocked", "redact": "redacted", "flag": "flagged"}


def _decided(view: View, question: Question) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in counted(view, question, DECISIONS, "agent_id", "enforced"):
        agent = found.setdefault(row["agent_id"], {"agent_id": row["agent_id"], "decisions": 0})
        agent["decisions"] += row["decisions"]
        if row["enforced"] in _ENFORCED:
            agent[_ENFORCED[row["enforced"]]] = row["decisions"]
    return list(found.values())


def _violated(view: View, question: Question) -> list[dict[str, Any]]:
    rows = counted(view, question, VIOLATIONS, "agent_id")
    return [{"agent_id": row["agent_id"], "violations": row["violations"]} for row in rows]


def _called(view: View, question: Question) -> list[dict[str, Any]]:
    rolled = Rolled(view, question, SPANS)
    return rolled.rows(_by_instance(rolled.count("agent_id", "resource_id"), view.of(schema.resources)))


@cache
def _by_instance(spans: Subquery, resources: Subquery) -> Select[Any]:
    return (
        select(
            spans.c.agent_id,
            *(func.sum(spans.c[name]).label(name) for name in SPANS.measures),
            func.count(resources.c.instance_id.distinct()).label("instances"),
        )
        .join(resources, resources.c.id == spans.c.resource_id)
        .group_by(spans.c.agent_id)
    )


def _worked(view: View, question: Question) -> list[dict[str, Any]]:
    """Which agents did anything lately, whatever the range is."""
    now = time.time_ns() // 1_000_000
    rows = counted(view, replace(question, start=now - STALE, end=now + STALE), SPANS, "agent_id")
    return [{"agent_id": row["agent_id"], "worked": row["spans"]} for row in rows]


#: Of so long, at the end of the range, each agent's decisions are timed, milliseconds.
_TIMED: Final = 3_600_000


def _timed(view: View, question: Question) -> list[dict[str, Any]]:
    """How long decisions took lately. Agents by themselves decide so seldom that bins hold one each: those of
    a long range are as many as its decisions."""
    lately = replace(question, start=max(question.start, question.end - _TIMED))
    times = durations_by(view, lately, TIMES, "agent_id")
    return [{"agent_id": agent_id, **hits} for (agent_id,), hits in times.items()]


def _paid(view: View, question: Question) -> list[dict[str, Any]]:
    costs = spent(view, question, "agent_id")
    return [{"agent_id": agent_id, "cost_usd": spend.usd} for (agent_id,), spend in costs.items()]


def _bundles(view: View, question: Question) -> list[dict[str, Any]]:
    """The policies of each agent's latest decision in the range."""
    known, table = view.of(schema.agents), view.of(schema.decisions)
    latest = (
        select(table.c.bundle_version)
        .where(
            table.c.agent_id == known.c.agent_id,
            table.c.dialect == "",
            question.within(table.c.time_unix_nano),
        )
        .order_by(table.c.time_unix_nano.desc(), table.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(known.c.agent_id, latest.label("last_bundle_version")).where(
        question.matches("agent", known.c.agent_id)
    )
    return [dict(row._mapping) for row in view.rows(statement)]
