"""What a running receiver consists of, put together and taken apart in one place."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy import Engine

from promethios.governance.alerting import AlertingError
from promethios.receiver.access.gate import Gate
from promethios.receiver.access.keyring import NOTED, Keyring, touch_keys
from promethios.receiver.access.quotas import Quota, Quotas
from promethios.receiver.alerts.configuration import Alerting, load_alerting
from promethios.receiver.alerts.figures import AlertCounts
from promethios.receiver.ingest.pipeline import Pipeline
from promethios.receiver.ingest.writer import Writer
from promethios.receiver.maintenance.clock import Moment, now
from promethios.receiver.maintenance.upkeep import Upkeep
from promethios.receiver.refusal import Refusal
from promethios.receiver.rollups import fill as rollups
from promethios.receiver.settings import Settings, SettingsError
from promethios.receiver.store.sqlite import SQLiteStore
from promethios.receiver.telemetry.counts import Counts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the transports.

    Args:
        settings: The receiver's settings.
        store: The database.
        writer: The one thread that writes to it.
        keyring: The API keys.
        gate: Who may do what.
        pipeline: The way of a request into the database.
        upkeep: Keeps the database in order.
        counts: How much came, and what became of it.
        alerting: The alert rules, and who is told of alerts.
        alert_counts: How alerts do.
        started: When the receiver started, Unix nanoseconds.
    """

    settings: Settings
    store: SQLiteStore
    writer: Writer
    keyring: Keyring
    gate: Gate
    pipeline: Pipeline
    upkeep: Upkeep
    counts: Counts
    alerting: Alerting = field(default_factory=Alerting)
    alert_counts: AlertCounts = field(default_factory=AlertCounts)
    started: int = field(default_factory=time.time_ns)

    @classmethod
    def open(cls, settings: Settings, clocks: Callable[[], Moment] = now) -> Services:
        """Open the database and start the writer.

        Args:
            settings: The receiver's settings.
            clocks: Says what the machine's clocks say, to retention.

        Raises:
            DatabaseInUse: Another receiver holds the database.
            StoreError: The database cannot be used.
            SettingsError: The file of alerts cannot be used.
        """
        alerting = _alerting(settings)
        store = SQLiteStore(settings.path)
        _log.info("database %s, SQLite %s", settings.path, sqlite3.sqlite_version)
        writer = Writer(
            store.writer, queue_bytes=settings.queue_bytes, commit_seconds=settings.commit_ms / 1000
        )
        writer.every(rollups.EVERY_SECONDS, rollups.chore, "rollups")
        keyring = Keyring(store.lookups)
        quotas = Quotas(Quota(settings.quota_bytes_per_minute, settings.quota_items_per_minute))
        writer.every(NOTED, keyring.write_uses, "note when keys were used")
        counts = Counts()
        gate, pipeline = Gate(keyring, quotas), Pipeline(writer, keyring, quotas, counts)
        upkeep = Upkeep(store, writer, settings, clocks)
        return cls(settings, store, writer, keyring, gate, pipeline, upkeep, counts, alerting)

    @property
    def readers(self) -> Engine:
        """Read-only connections."""
        return self.store.readers

    def close(self) -> None:
        """Commit what waits, then close the database. The transports must have stopped before."""
        used = self.keyring.take_uses()
        if used:
            # A note for people; that it cannot be written is no reason not to end.
            with suppress(Refusal):
                self.writer.do(lambda connection: touch_keys(connection, used))
        self.writer.stop()
        self.upkeep.close()
        self.store.close()


def _alerting(settings: Settings) -> Alerting:
    try:
        return load_alerting(settings.alerts, os.environ)
    except AlertingError as error:
        raise SettingsError(f"alerts: {error}") from error
