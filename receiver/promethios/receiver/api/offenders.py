"""``/violations/by_agent``: whose operations the policies matched."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from promethios.governance.trust import NEW, fade
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.series import SEVERITIES
from promethios.receiver.api.trust import standings
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import VIOLATIONS
from promethios.receiver.services import Services


def by_agent(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for every known agent, most violations first."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    filters = {"severity": "severity", "policy_id": "policy"}
    for row in counted(view, question, VIOLATIONS, "agent_id", "severity", filters=filters):
        found[row["agent_id"]].append(row)
    accounts, now = standings(view), time.time_ns()
    answer = [
        {
            "agent_id": agent,
            "trust": fade(accounts.get(agent, (NEW, 0))[0], now).score,
            "violations": sum(row["violations"] for row in found[agent]),
            **{name: _of(found[agent], name) for name in reversed(SEVERITIES)},
            "blocked": sum(row["blocked"] for row in found[agent]),
            "last_seen": max((row["last"] // 1_000_000 for row in found[agent]), default=None),
        }
        for agent in view.agents(question)
    ]
    return {"data": sorted(answer, key=lambda row: (-row["violations"], row["agent_id"]))}


def _of(rows: list[dict[str, Any]], severity: str) -> int:
    return sum(row["violations"] for row in rows if row["severity"] == severity)
