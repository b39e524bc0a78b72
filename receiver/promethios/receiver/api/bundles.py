"""``/bundles`` and ``/evidence``: by which policies processes decided, and what their numbering lacks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select

from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import PROCESSES
from promethios.receiver.services import Services
from promethios.receiver.store import schema

#: What tells versions of policies apart.
BUNDLE: Final = ("bundle_name", "bundle_version", "bundle_hash")


def bundles(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each version of policies that decided in the range."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in counted(view, question, PROCESSES, "agent_id", *BUNDLE):
        if any(row[name] for name in BUNDLE):
            found[tuple(row[name] for name in BUNDLE)].append(row)
    return {
        "data": [
            {
                **dict(zip(BUNDLE, bundle, strict=True)),
                "first_seen": min(row["first"] for row in rows) // 1_000_000,
                "last_seen": max(row["last"] for row in rows) // 1_000_000,
                "agents": len(rows),
                "decisions": sum(row["decisions"] for row in rows),
            }
            for bundle, rows in found.items()
        ]
    }


def evidence(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each process that decided in the range, with how many of its decisions are not here."""
    rows = counted(view, _kept(view, question), PROCESSES, "agent_id", "instance_id")
    return {
        "data": [
            {
                "agent_id": row["agent_id"],
                "instance_id": row["instance_id"],
                "first_seq": row["least"],
                "last_seq": row["most"],
                "decisions": row["decisions"],
                "missing": max(0, row["most"] - row["least"] + 1 - row["decisions"]),
                "last_seen": row["last"] // 1_000_000,
            }
            for row in rows
        ]
    }


def _kept(view: View, question: Question) -> Question:
    """The range from the oldest decision on: a bucket that was deleted in part keeps its old bounds."""
    table = view.eyes.of_everyone(schema.decisions)
    when = table.c.time_unix_nano
    oldest = view.value(select(when).order_by(when).limit(1))
    start = question.end if oldest is None else min(oldest // 1_000_000, question.end)
    return replace(question, start=max(question.start, start))
