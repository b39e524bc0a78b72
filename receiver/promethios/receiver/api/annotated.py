"""``/annotations``: what changed, for lines in charts: new policies, alerts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select

from promethios.receiver.api.bundles import BUNDLE
from promethios.receiver.api.question import LATEST, Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import PROCESSES
from promethios.receiver.services import Services
from promethios.receiver.store.alert_tables import alert_changes

#: So many changes of alerts are read at most, the latest.
_MOST: Final = 1_000


def annotated(_: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each version of policies that was new in the range, and for each alert that fired in it."""
    rows = [*_policies(view, question), *_alerts(view, question)]
    kinds = question.filters.get("kind", ())
    return {"data": [row for row in rows if not kinds or row["kind"] in kinds]}


def _policies(view: View, question: Question) -> list[dict[str, Any]]:
    """Versions of policies, where they first decided anything."""
    always = replace(question, start=0, end=LATEST)
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in counted(view, always, PROCESSES, "agent_id", *BUNDLE):
        if any(row[name] for name in BUNDLE):
            found[tuple(row[name] for name in BUNDLE)].append(row)
    rows = []
    for (name, version, digest), agents in found.items():
        first = min(agents, key=lambda row: (row["first"], row["agent_id"]))
        at = first["first"] // 1_000_000
        if question.start <= at <= question.end:
            rows.append(
                {
                    "time": at,
                    "time_end": None,
                    "title": f"policies {name} {version}".rstrip(),
                    "text": f"first by {first['agent_id']}; SHA-256 {digest[:12] or 'not told'}",
                    "tags": "policy",
                    "agent_id": first["agent_id"],
                    "kind": "policy",
                }
            )
    return rows


def _alerts(view: View, question: Question) -> list[dict[str, Any]]:
    """Alerts from when they fired until they were resolved."""
    table = view.of(alert_changes)
    changes = view.rows(
        select(table)
        .where(question.within(table.c.time_unix_nano), question.matches("agent", table.c.agent_id))
        .order_by(table.c.time_unix_nano.desc(), table.c.id.desc())
        .limit(_MOST)
    )
    rows, resolved = [], {}
    for change in changes:  # the latest first
        alert = (change.rule, change.labels)
        at = change.time_unix_nano // 1_000_000
        if change.state == "resolved":
            resolved[alert] = at
        else:
            rows.append(_alert(change, at, resolved.pop(alert, None)))
    return rows


def _alert(change: Any, at: int, until: int | None) -> dict[str, Any]:
    return {
        "time": at,
        "time_end": until,
        "title": f"{change.state}: {change.rule}",
        "text": change.summary,
        "tags": f"alert, {change.severity}",
        "agent_id": change.agent_id,
        "kind": "alert",
    }
