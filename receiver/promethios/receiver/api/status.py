"""``/status``: what this receiver is, and how much it holds."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy import func, select

from promethios.receiver.api.question import LATEST, Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import DECISIONS, LOGS, POINTS, SPANS, VIOLATIONS, Rollup
from promethios.receiver.services import Services
from promethios.receiver.store import schema

_COUNTED: Final = (SPANS, POINTS, LOGS, DECISIONS, VIOLATIONS)


def status(services: Services, view: View, question: Question) -> dict[str, Any]:
    """One row: the version, the store, and counts over all time."""
    always = replace(question, start=0, end=LATEST)
    counts = {rollup.source.name: _number(view, always, rollup) for rollup in _COUNTED}
    counts["agents"] = view.value(select(func.count()).select_from(view.of(schema.agents)))
    last = view.value(
        select(schema.tenants.c.last_ingest_unix_nano).where(schema.tenants.c.id == view.tenant_id)
    )
    row = {
        "version": version("promethios"),
        "schema": services.store.revision,
        "store": "sqlite",
        "started": services.started // 1_000_000,
        **counts,
        "last_ingest": None if last is None else last // 1_000_000,
    }
    return {"data": [row]}


def _number(view: View, question: Question, rollup: Rollup) -> int:
    (row,) = counted(view, question, rollup)
    return row[rollup.measures[0]] or 0
