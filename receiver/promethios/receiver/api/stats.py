"""``/stats``: the numbers at the top of an overview, in one row."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from sqlalchemy import select

from promethios.governance.trust import NEW, fade
from promethios.receiver.api.cost import Spend, spent
from promethios.receiver.api.heartbeats import lately, status
from promethios.receiver.api.policies import SHADOW
from promethios.receiver.api.quantiles import QUANTILES, durations
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.trust import standings
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import DECISIONS, POLICIES, SPANS, VIOLATIONS
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def stats(_: Services, view: View, question: Question) -> dict[str, Any]:
    """One row, over the range and the agents asked for."""
    return {
        "data": [
            {
                **_agents(view, question),
                **_decided(view, question),
                **_violated(view, question),
                **_called(view, question),
            }
        ]
    }


def _agents(view: View, question: Question) -> dict[str, Any]:
    """How many there are and how they do; now, whatever the range is."""
    table = view.of(schema.agents)
    known = view.rows(
        select(table.c.agent_id, table.c.last_seen_unix_nano).where(
            question.matches("agent", table.c.agent_id)
        )
    )
    now = time.time_ns() // 1_000_000
    processes, accounts = lately(view, question, now), standings(view)
    states = Counter(
        status(processes.get(agent_id, ()), last_seen // 1_000_000, now) for agent_id, last_seen in known
    )
    scores = [fade(accounts.get(agent_id, (NEW, 0))[0], now * 1_000_000).score for agent_id, _ in known]
    return {
        "agents": len(known),
        **{f"agents_{state}": states[state] for state in ("live", "stale", "down", "stopped")},
        "lowest_trust": min(scores, default=None),
    }


def _decided(view: View, question: Question) -> dict[str, Any]:
    enforced = {row["enforced"]: row["decisions"] for row in counted(view, question, DECISIONS, "enforced")}
    quantiles = durations(view, question).get(0, {})
    return {
        "decisions": sum(enforced.values()),
        "blocked": enforced.get("block", 0),
        "redacted": enforced.get("redact", 0),
        "flagged": enforced.get("flag", 0),
        **{f"{name}_us": quantiles.get(name) for name in QUANTILES},
    }


def _violated(view: View, question: Question) -> dict[str, Any]:
    severities = {
        row["severity"]: row["violations"] for row in counted(view, question, VIOLATIONS, "severity")
    }
    modes = counted(view, question, POLICIES, "mode")
    return {
        "violations": sum(severities.values()),
        "critical": severities.get("critical", 0),
        "errors": sum(row["failed"] for row in modes),
        "shadow": sum(row["violations"] for row in modes if row["mode"] == SHADOW),
    }


def _called(view: View, question: Question) -> dict[str, Any]:
    spans = next(iter(counted(view, question, SPANS)))
    calls, governed = spans["calls"] or 0, spans["governed"] or 0
    return {
        "calls": calls,
        "ungoverned": calls - governed,
        "coverage": governed / calls if calls else None,
        **{name: spans[name] or 0 for name in ("input_tokens", "output_tokens")},
        "cost_usd": spent(view, question).get((), Spend()).usd,
    }
