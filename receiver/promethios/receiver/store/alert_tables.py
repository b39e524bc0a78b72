"""The tables of alerts: how each stands and what became of it, what is silenced, what is still to be told."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from promethios.receiver.store.schema import Int64, metadata


def _id() -> Column[int]:
    return Column("id", Int64, primary_key=True)


def _tenant() -> Column[int]:
    return Column("tenant_id", Int64, ForeignKey("tenants.id"), nullable=False)


def _needed(name: str, kind: Any = Int64) -> Column[Any]:
    return Column(name, kind, nullable=False)


def _text(name: str) -> Column[Any]:
    return _needed(name, Text)


def _told(name: str, *columns: Column[Any], constraint: Any = None) -> Table:
    """A table of what is said of an alert."""
    return Table(
        name,
        metadata,
        _id(),
        _tenant(),
        *map(_text, ("rule", "labels", "agent_id", "state", "severity", "summary")),
        _needed("value", Float),
        _needed("threshold", Float),
        *columns,
        constraint,
    )


#: How each alert stands that is pending or firing, or was lately: see `alerts/`. `told` is the state that was
#: last put into the outbox, empty where none was; `bad_seconds` is for how long its number has been bad.
alerts: Final = _told(
    "alerts",
    _text("told"),
    _needed("bad_seconds", Float),
    _needed("since_unix_nano"),
    _needed("changed_unix_nano"),
    Column("told_unix_nano", Int64),
    constraint=UniqueConstraint("tenant_id", "rule", "labels", name="uq_alerts"),
)

#: When each alert fired and when it was resolved.
alert_changes: Final = _told(
    "alert_changes",
    _needed("time_unix_nano"),
    constraint=Index("ix_alert_changes_time", "tenant_id", "time_unix_nano"),
)

#: What is not to be told until when; an empty rule or agent is each of them.
alert_silences: Final = Table(
    "alert_silences",
    metadata,
    _id(),
    _tenant(),
    *map(_text, ("rule", "agent_id", "reason", "author")),
    _needed("created_unix_nano"),
    _needed("until_unix_nano"),
)

#: What is to be told, until it was: a row for each message and channel. A dead one was given up.
alert_outbox: Final = Table(
    "alert_outbox",
    metadata,
    _id(),
    _tenant(),
    *map(_text, ("message_id", "channel", "body")),
    _needed("created_unix_nano"),
    _needed("due_unix_nano"),
    _needed("attempts", Integer),
    _needed("dead", Integer),
    _text("error"),
    UniqueConstraint("message_id", "channel", name="uq_alert_outbox"),
    Index("ix_alert_outbox_due", "dead", "due_unix_nano"),
)

#: Where each channel led, and a hash of its secret: so that a new address is noticed that has the old secret.
alert_channels: Final = Table(
    "alert_channels",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _text("target"),
    _needed("salt", LargeBinary),
    _needed("secret", LargeBinary),
)
