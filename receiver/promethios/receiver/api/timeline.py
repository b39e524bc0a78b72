"""``/series/liveness``: when each agent was live, stale or down."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import func, select, union_all

from promethios.receiver.api.columns import bucket, millis
from promethios.receiver.api.liveness import STALE, level
from promethios.receiver.api.question import Question
from promethios.receiver.api.series import steps
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def liveness(_: Services, view: View, question: Question) -> dict[str, Any]:
    """For each agent and step 2 (live), 1 (stale) or 0 (down)."""
    table = view.of(schema.agents)
    known = view.rows(
        select(table.c.agent_id).where(question.matches("agent", table.c.agent_id)).order_by(table.c.agent_id)
    )
    seen = _seen(view, question)
    now = time.time_ns() // 1_000_000
    rows = []
    for (agent_id,) in known:
        last = seen.get((agent_id, None), -STALE)
        for at in steps(question):
            end = min(at + question.step, now)
            last = seen.get((agent_id, at), last)
            # Whoever was seen in a step lived in it; the step that is not over yet is judged by the clock.
            since = end - last if last < at or end == now else 0
            rows.append({"time": at, "agent_id": agent_id, "value": level(since)})
    return {"data": sorted(rows, key=lambda row: row["time"])}


def _seen(view: View, question: Question) -> dict[tuple[str, int | None], int]:
    """When an agent was last seen in each step; under None, before the first one."""
    spans, heartbeats = view.of(schema.spans), view.of(schema.heartbeats)
    moments = union_all(
        select(spans.c.agent_id, spans.c.end_unix_nano.label("moment")).where(
            spans.c.start_unix_nano.between((question.start - STALE) * 1_000_000, question.end * 1_000_000)
        ),
        select(heartbeats.c.agent_id, heartbeats.c.time_unix_nano.label("moment")).where(
            heartbeats.c.time_unix_nano.between(
                (question.start - STALE) * 1_000_000, question.end * 1_000_000
            )
        ),
    ).subquery("moments")
    at = bucket(moments.c.moment, question.step)
    statement = select(
        moments.c.agent_id, at.label("at"), millis(func.max(moments.c.moment)).label("last")
    ).group_by(moments.c.agent_id, at)
    first = steps(question).start
    seen: dict[tuple[str, int | None], int] = {}
    for agent_id, step, last in view.rows(statement):
        key = (agent_id, step if step >= first else None)
        seen[key] = max(last, seen.get(key, last))
    return seen
