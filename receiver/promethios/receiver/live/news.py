"""What was stored since somebody was told, seen with their eyes: rows as the lists have them."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, func, or_, select

from promethios.governance.decision import Verdict
from promethios.receiver.access.gate import Principal
from promethios.receiver.api.columns import millis
from promethios.receiver.api.decisions import decisions
from promethios.receiver.api.pages import page
from promethios.receiver.api.question import LATEST, Question
from promethios.receiver.api.view import View
from promethios.receiver.api.violations import violations
from promethios.receiver.live.listeners import Event, Marks, Topic
from promethios.receiver.services import Services
from promethios.receiver.store import schema
from promethios.receiver.store.alert_tables import alert_changes

#: So many rows of a kind are read at once.
ROWS: Final = 200
_NOT_ALLOW: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.ALLOW)

_TABLES: Final = {"decisions": schema.decisions, "violations": schema.violations, "alerts": alert_changes}
_EVENTS: Final = {"decisions": "decision", "violations": "violation", "alerts": "alert"}
_NEWEST: Final = {name: select(func.max(table.c.id)) for name, table in _TABLES.items()}


def newest(connection: Connection) -> Marks:
    """The newest rows of all tenants: where all who are told of everything stand."""
    return Marks(**{name: connection.scalar(statement) or 0 for name, statement in _NEWEST.items()})


def news(
    services: Services, connection: Connection, principal: Principal, topic: Topic, told: Marks, latest: Marks
) -> tuple[list[Event], Marks]:
    """The events of a topic after what was told, in the order in which they were stored, kind by kind.

    Args:
        services: The receiver's parts.
        connection: A connection in a transaction: what is read is of one moment.
        principal: Whose eyes.
        topic: What is asked for.
        told: After which rows to begin.
        latest: The newest rows, in the same transaction.

    Returns:
        The events, and how far one is told after them: `latest`, or less where there are more to read.
    """
    view = View(connection, principal, newest=True)
    events: list[Event] = []
    for name, event in _EVENTS.items():
        if getattr(told, name) >= getattr(latest, name):
            continue
        found = _READ[name](services, view, _question(topic, getattr(told, name)))
        for row, row_id in zip(found["data"], found["stored"], strict=True):
            told = told._replace(**{name: row_id})
            events.append((event, row, told))
        if len(found["data"]) < ROWS:
            told = told._replace(**{name: getattr(latest, name)})
    return events, told


def last_ingest(connection: Connection, principal: Principal) -> int | None:
    """When telemetry of the tenant last arrived, Unix milliseconds."""
    view, table = View(connection, principal), schema.tenants
    when = view.value(select(table.c.last_ingest_unix_nano).where(table.c.id == view.tenant_id))
    return None if when is None else int(when) // 1_000_000


def _question(topic: Topic, mark: int) -> Question:
    verdicts = () if topic.everything else _NOT_ALLOW
    filters = {"agent": topic.agents, "verdict": verdicts}
    return Question(0, LATEST, 1_000, ROWS, None, filters, stored_after=mark)


def _alerts(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Alerts that fired or were resolved."""
    table = view.of(alert_changes)
    columns = ("rule", "agent_id", "state", "severity", "summary", "value", "threshold")
    statement = select(
        millis(table.c.time_unix_nano).label("time"), *(table.c[name] for name in columns)
    ).where(or_(table.c.agent_id == "", question.matches("agent", table.c.agent_id)))
    return page(view, question, statement, table.c.time_unix_nano, table.c.id)


_READ: Final = {"decisions": decisions, "violations": violations, "alerts": _alerts}
