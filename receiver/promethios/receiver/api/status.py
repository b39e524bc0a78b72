"""``/status``: what this receiver is, and how much it holds."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from sqlalchemy import func, select

from promethios.receiver.api.question import Question
from promethios.receiver.api.view import View
from promethios.receiver.services import Services
from promethios.receiver.store import schema

_COUNTED: Final = (
    schema.spans,
    schema.metric_points,
    schema.logs,
    schema.decisions,
    schema.violations,
    schema.agents,
)


def status(services: Services, view: View, _: Question) -> dict[str, Any]:
    """One row: the version, the store, and counts over all time."""
    counts = {
        str(table.name): view.value(select(func.count()).select_from(view.of(table))) for table in _COUNTED
    }
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
