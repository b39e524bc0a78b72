"""``/retention``: how much is kept, since when, and for how long it will be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, text

from promethios.receiver.access.keyring import FIRST_TENANT
from promethios.receiver.api.question import LATEST, Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.maintenance.marks import EVIDENCE
from promethios.receiver.rollups.facts import DECISIONS, LOGS, POINTS, SPANS, VIOLATIONS
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.store import schema

#: Which rollup counts each kind.
_COUNTED: Final = {
    "spans": SPANS,
    "metric_points": POINTS,
    "logs": LOGS,
    "decisions": DECISIONS,
    "violations": VIOLATIONS,
}
#: So many heartbeats are counted; nothing counts them beforehand.
_MOST: Final = 1_000_000


def retention(services: Services, view: View, question: Question) -> dict[str, Any]:
    """A row for each kind of what is stored; the operator is told of the database as well."""
    always = replace(question, start=0, end=LATEST)
    rows = [_row(services.settings, view, always, kind) for kind in ("heartbeats", *_COUNTED)]
    if _is_operator(view):
        rows.append(_database(services, view))
    return {"data": rows}


def _row(settings: Settings, view: View, always: Question, kind: str) -> dict[str, Any]:
    days = settings.evidence_days if kind in EVIDENCE else settings.retention_days
    return {
        "kind": kind,
        "rows": _heartbeats(view, always) if kind not in _COUNTED else _counted(view, always, kind),
        "oldest": _oldest(view, always, kind),
        "keep_days": days or None,
        "limit_bytes": None,
        "bytes": None,
    }


def _counted(view: View, always: Question, kind: str) -> int:
    rollup = _COUNTED[kind]
    (row,) = counted(view, always, rollup)
    return row[rollup.measures[0]] or 0


def _heartbeats(view: View, always: Question) -> int:
    table = view.of(schema.heartbeats)
    rows = select(table.c.id).where(always.matches("agent", table.c.agent_id)).limit(_MOST).subquery()
    return int(view.value(select(func.count()).select_from(rows)))


def _oldest(view: View, always: Question, kind: str) -> int | None:
    nanoseconds = view.value(_first(view, always, kind))
    return None if nanoseconds is None else int(nanoseconds) // 1_000_000


def _first(view: View, always: Question, kind: str) -> Select[Any]:
    if kind == "metric_points":
        return _first_point(view, always)
    table = view.of(schema.metadata.tables[kind])
    when = table.c.start_unix_nano if kind == "spans" else table.c.time_unix_nano
    return _least(when).where(always.matches("agent", table.c.agent_id))


def _first_point(view: View, always: Question) -> Select[Any]:
    """Points say by their series whose they are."""
    points, series = view.of(schema.metric_points), view.of(schema.metric_series)
    statement = _least(points.c.time_unix_nano)
    if view.agent_id is None and not always.filters["agent"]:
        return statement
    return statement.join(series, series.c.id == points.c.series_id).where(
        always.matches("agent", series.c.agent_id)
    )


def _least(when: ColumnElement[Any]) -> Select[Any]:
    """By an order and not by `min`, for which SQLite would not use the index under a further condition."""
    return select(when).order_by(when).limit(1)


def _is_operator(view: View) -> bool:
    """How large the database is, is about all tenants together."""
    tenants = schema.tenants
    name = view.value(select(tenants.c.name).where(tenants.c.id == view.tenant_id))
    return name == FIRST_TENANT and view.agent_id is None


_PAGES: Final = text("SELECT * FROM pragma_page_count")
_FREE: Final = text("SELECT * FROM pragma_freelist_count")
_SIZE: Final = text("SELECT * FROM pragma_page_size")


def _database(services: Services, view: View) -> dict[str, Any]:
    pages, free, size = (int(view.value(each)) for each in (_PAGES, _FREE, _SIZE))
    return {
        "kind": "database",
        "rows": None,
        "oldest": None,
        "keep_days": None,
        "limit_bytes": services.settings.max_db_bytes or None,
        "bytes": (pages - free) * size,
    }
