"""``/stats``: the numbers at the top of an overview, in one row."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from sqlalchemy import select

from promethios.receiver.api.liveness import state
from promethios.receiver.api.quantiles import QUANTILES, durations
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import DECISIONS, SPANS, VIOLATIONS
from promethios.receiver.services import Services
from promethios.receiver.store import schema


def stats(_: Services, view: View, question: Question) -> dict[str, Any]:
    """One row, over the range and the agents asked for."""
    states = _states(view, question)
    enforced = {row["enforced"]: row["decisions"] for row in counted(view, question, DECISIONS, "enforced")}
    severities = {
        row["severity"]: row["violations"] for row in counted(view, question, VIOLATIONS, "severity")
    }
    spans = next(iter(counted(view, question, SPANS)))
    quantiles = durations(view, question).get(0, {})
    return {
        "data": [
            {
                **{f"agents_{state}": states[state] for state in ("live", "stale", "down")},
                "decisions": sum(enforced.values()),
                "blocked": enforced.get("block", 0),
                "redacted": enforced.get("redact", 0),
                "flagged": enforced.get("flag", 0),
                "violations": sum(severities.values()),
                "critical": severities.get("critical", 0),
                "coverage": spans["governed"] / spans["calls"] if spans["calls"] else None,
                **{f"{name}_us": quantiles.get(name) for name in QUANTILES},
                **{name: spans[name] or 0 for name in ("input_tokens", "output_tokens")},
            }
        ]
    }


def _states(view: View, question: Question) -> Counter[str]:
    table = view.of(schema.agents)
    known = view.rows(select(table.c.last_seen_unix_nano).where(question.matches("agent", table.c.agent_id)))
    now = time.time_ns()
    return Counter(state((now - last_seen) // 1_000_000) for (last_seen,) in known)
