"""``/agents``: a row for every known agent, idle or not."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import func, select

from promethios.governance.trust import NEW, Standing, fade
from promethios.receiver.api.calls import is_call, is_governed, uses_tokens
from promethios.receiver.api.columns import count_if
from promethios.receiver.api.liveness import state
from promethios.receiver.api.question import Question
from promethios.receiver.api.trust import standings
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def agents(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Who there is and how they do; counts are over the range, what was seen is over all time."""
    table = view.of(schema.agents)
    known = view.rows(
        select(table).where(question.matches("agent", table.c.agent_id)).order_by(table.c.agent_id)
    )
    counted: dict[str, dict[str, Any]] = {}
    for part in (_decided(view, question), _violated(view, question), _called(view, question)):
        for row in part:
            counted.setdefault(row["agent_id"], {}).update(row)
    now = time.time_ns()
    trusted = {agent: fade(standing, now) for agent, (standing, _) in standings(view).items()}
    return {
        "data": [
            _row(
                agent._mapping,
                counted.get(agent.agent_id, {}),
                trusted.get(agent.agent_id, NEW),
                now // 1_000_000,
            )
            for agent in known
        ]
    }


def _row(agent: Any, counted: dict[str, Any], trusted: Standing, now: int) -> dict[str, Any]:
    last_seen = agent["last_seen_unix_nano"] // 1_000_000
    return {
        "agent_id": agent["agent_id"],
        "service_name": agent["service_name"],
        "status": state(now - last_seen),
        "trust": trusted.score,
        "tier": trusted.tier,
        "first_seen": agent["first_seen_unix_nano"] // 1_000_000,
        "last_seen": last_seen,
        **{name: counted.get(name) or 0 for name in _COUNTS},
        "last_bundle_version": counted.get("last_bundle_version"),
        "instances": counted.get("instances") or 0,
    }


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


def _decided(view: View, question: Question) -> list[dict[str, Any]]:
    table = view.of(schema.decisions)
    statement = (
        select(
            table.c.agent_id,
            func.count().label("decisions"),
            count_if(table.c.enforced == "block").label("blocked"),
            count_if(table.c.enforced == "redact").label("redacted"),
            count_if(table.c.enforced == "flag").label("flagged"),
            # SQLite takes a bare column from the row that has the maximum.
            func.max(table.c.time_unix_nano).label("latest"),
            table.c.bundle_version.label("last_bundle_version"),
        )
        .where(question.within(table.c.time_unix_nano))
        .group_by(table.c.agent_id)
    )
    return [dict(row._mapping) for row in view.rows(statement)]


def _violated(view: View, question: Question) -> list[dict[str, Any]]:
    table = view.of(schema.violations)
    statement = (
        select(table.c.agent_id, func.count().label("violations"))
        .where(question.within(table.c.time_unix_nano))
        .group_by(table.c.agent_id)
    )
    return [dict(row._mapping) for row in view.rows(statement)]


def _called(view: View, question: Question) -> list[dict[str, Any]]:
    spans, resources = view.of(schema.spans), view.of(schema.resources)
    call, tokens = is_call(spans), uses_tokens(spans)
    statement = (
        select(
            spans.c.agent_id,
            func.sum(spans.c.input_tokens).filter(tokens).label("input_tokens"),
            func.sum(spans.c.output_tokens).filter(tokens).label("output_tokens"),
            count_if(call).label("calls"),
            count_if(call & is_governed(spans, view.of(schema.decisions))).label("governed"),
            func.count(resources.c.instance_id.distinct()).label("instances"),
        )
        .join(resources, resources.c.id == spans.c.resource_id)
        .where(question.within(spans.c.start_unix_nano))
        .group_by(spans.c.agent_id)
    )
    return [dict(row._mapping) for row in view.rows(statement)]
