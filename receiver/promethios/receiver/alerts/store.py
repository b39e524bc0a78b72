"""Alerts in the database: read with one tenant's eyes, written by the writer's thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from promethios.receiver.alerts.messages import Silence
from promethios.receiver.alerts.standing import Standing, State
from promethios.receiver.store.alert_tables import alert_changes, alert_outbox, alert_silences, alerts

#: So many messages may wait for one channel.
MOST_WAITING: Final = 1_000
#: So many alerts of a tenant are kept, and so many silences.
MOST_ALERTS: Final = 10_000
MOST_SILENCES: Final = 1_000
#: How long what happened, and what was given up, is kept, nanoseconds.
KEPT: Final = 183 * 86_400 * 10**9
KEPT_DEAD: Final = 7 * 86_400 * 10**9

_TIMES: Final = {"since": "since_unix_nano", "changed": "changed_unix_nano", "told_at": "told_unix_nano"}
_COLUMNS: Final = {name: _TIMES.get(name, name) for name in Standing.__dataclass_fields__}


def read_standings(connection: Connection, tenant_id: int) -> dict[tuple[str, str], Standing]:
    """How every alert of a tenant stands, by its key."""
    rows = connection.execute(select(alerts).where(alerts.c.tenant_id == tenant_id))
    found = [_standing(row._mapping) for row in rows]
    return {each.key: each for each in found}


def _standing(row: Any) -> Standing:
    values = {name: row[column] for name, column in _COLUMNS.items()}
    return Standing(**{**values, "state": State(values["state"])})


def read_silences(connection: Connection, tenant_id: int, now: int) -> list[Silence]:
    """The silences of a tenant that are not over."""
    table = alert_silences
    statement = select(table.c.rule, table.c.agent_id, table.c.until_unix_nano).where(
        table.c.tenant_id == tenant_id, table.c.until_unix_nano > now
    )
    return [Silence(*row) for row in connection.execute(statement)]


def write_standings(
    connection: Connection, tenant_id: int, changed: Iterable[Standing], gone: Iterable[tuple[str, str]]
) -> None:
    """Put alerts in the place of what they were, and forget others."""
    for rule, labels in gone:
        connection.execute(
            delete(alerts).where(
                alerts.c.tenant_id == tenant_id, alerts.c.rule == rule, alerts.c.labels == labels
            )
        )
    rows = [
        {"tenant_id": tenant_id, **{_COLUMNS[name]: each for name, each in asdict(standing).items()}}
        for standing in changed
    ]
    if rows:
        statement = upsert(alerts)
        new = {name: statement.excluded[name] for name in _COLUMNS.values() if name not in ("rule", "labels")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["tenant_id", "rule", "labels"], set_=new), rows
        )


def note_changes(connection: Connection, tenant_id: int, changed: Sequence[Standing]) -> None:
    """Remember when alerts fired and were resolved."""
    told = ("rule", "labels", "agent_id", "state", "severity", "summary", "value", "threshold")
    rows = [
        {
            "tenant_id": tenant_id,
            "time_unix_nano": each.changed,
            **{name: getattr(each, name) for name in told},
        }
        for each in changed
    ]
    if rows:
        connection.execute(insert(alert_changes), rows)


def put(
    connection: Connection, tenant_id: int, message_id: str, body: str, channels: Iterable[str], now: int
) -> list[str]:
    """Put a message into the outbox, for each channel that has room; return those that have none."""
    full = []
    for channel in channels:
        waiting = select(func.count()).where(alert_outbox.c.channel == channel, alert_outbox.c.dead == 0)
        if (connection.execute(waiting).scalar() or 0) >= MOST_WAITING:
            full.append(channel)
            continue
        row = {
            "tenant_id": tenant_id,
            "message_id": message_id,
            "channel": channel,
            "body": body,
            "created_unix_nano": now,
            "due_unix_nano": now,
            "attempts": 0,
            "dead": 0,
            "error": "",
        }
        connection.execute(insert(alert_outbox).values(row))
    return full


def waiting_for(connection: Connection, channel: str, now: int, ahead: int) -> Any:
    """The message that a channel is to be sent next: due, or due so far ahead that a clock was set back."""
    table = alert_outbox
    statement = (
        select(table)
        .where(
            table.c.channel == channel,
            table.c.dead == 0,
            (table.c.due_unix_nano <= now) | (table.c.due_unix_nano > now + ahead),
        )
        .order_by(table.c.due_unix_nano, table.c.id)
        .limit(1)
    )
    return connection.execute(statement).first()


def next_due(connection: Connection, channel: str) -> int | None:
    """When the next message of a channel is due, Unix nanoseconds; None for none."""
    table = alert_outbox
    due: int | None = connection.execute(
        select(func.min(table.c.due_unix_nano)).where(table.c.channel == channel, table.c.dead == 0)
    ).scalar()
    return due


def attempt(connection: Connection, row_id: int, due: int) -> None:
    """Note that a message is being sent, and when it is again should nobody hear of it."""
    table = alert_outbox
    connection.execute(
        update(table).where(table.c.id == row_id).values(attempts=table.c.attempts + 1, due_unix_nano=due)
    )


def arrived(connection: Connection, row_id: int) -> None:
    """A message was sent."""
    connection.execute(delete(alert_outbox).where(alert_outbox.c.id == row_id))


def failed(connection: Connection, row_id: int, error: str, due: int, dead: bool) -> None:
    """A message was not sent: when it is again, or that it is given up."""
    values = {"error": error, "due_unix_nano": due, "dead": int(dead)}
    connection.execute(update(alert_outbox).where(alert_outbox.c.id == row_id).values(**values))


def give_up_unknown(connection: Connection, channels: Sequence[str]) -> int:
    """Give up what is for channels that there are no more; how many messages."""
    table = alert_outbox
    statement = (
        update(table)
        .where(table.c.dead == 0, table.c.channel.not_in(channels))
        .values(dead=1, error="the channel is not configured any more")
    )
    return connection.execute(statement).rowcount


def tidy(connection: Connection, now: int) -> None:
    """Delete what is too old to be of use.

    The newest change stays: SQLite would give its id away again, and who listens goes by ids.
    """
    newest = select(func.max(alert_changes.c.id)).scalar_subquery()
    connection.execute(
        delete(alert_changes).where(alert_changes.c.time_unix_nano < now - KEPT, alert_changes.c.id < newest)
    )
    connection.execute(delete(alert_silences).where(alert_silences.c.until_unix_nano < now - KEPT))
    old = alert_outbox.c.created_unix_nano < now - KEPT_DEAD
    connection.execute(delete(alert_outbox).where(alert_outbox.c.dead == 1, old))
