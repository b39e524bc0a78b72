"""``/models``: which models were called, how often, for how many tokens and dollars."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from promethios.receiver.api.cost import summed
from promethios.receiver.api.quantiles import durations_by
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.calls import TOOL
from promethios.receiver.rollups.facts import MODEL_TIMES, OPERATIONS
from promethios.receiver.services import Services

_SUMS = ("errors", "input_tokens", "output_tokens")


def models(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each provider and model, the most called first."""
    keys = ("agent_id", "operation", "provider", "model", "response_model")
    rows = [row for row in counted(view, question, OPERATIONS, *keys) if row["operation"] != TOOL]
    costs = summed(rows, "provider", "model")
    times = durations_by(view, question, MODEL_TIMES, "provider", "model")
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["provider"], row["model"]].append(row)
    answer = [
        {
            "provider": provider,
            "model": model,
            "calls": sum(row["spans"] for row in of_model),
            **{name: sum(row[name] for row in of_model) for name in _SUMS},
            "cost_usd": costs[provider, model].usd,
            "p95_ms": times.get((provider, model), {}).get("p95"),
            "last_seen": max(row["last"] for row in of_model) // 1_000_000,
            "agents": len({row["agent_id"] for row in of_model}),
        }
        for (provider, model), of_model in found.items()
    ]
    return {"data": sorted(answer, key=lambda row: (-row["calls"], row["provider"], row["model"]))}
