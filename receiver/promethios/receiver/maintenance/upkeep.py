"""The chores that keep a database in order, put together in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from promethios.receiver.ingest.writer import Writer
from promethios.receiver.maintenance.clock import Moment, SteadyClock, now
from promethios.receiver.maintenance.holds import Holds
from promethios.receiver.maintenance.log import WriteAheadLog
from promethios.receiver.maintenance.retention import Keep, Retention
from promethios.receiver.maintenance.space import SpaceGuard
from promethios.receiver.settings import Settings
from promethios.receiver.store.sqlite import SQLiteStore

#: How often each chore is done, seconds.
_LOG_SECONDS: Final = 0.25
_SPACE_SECONDS: Final = 1.0
_RETENTION_SECONDS: Final = 0.1


class Upkeep:
    """Keeps a receiver's database in order while it runs.

    Args:
        store: The database.
        writer: Does the chores.
        settings: What to keep, and how much space.
        clocks: Says what the machine's clocks say.

    Attributes:
        log: The write-ahead log.
        space: The disk's free space.
        retention: What is deleted in time.
    """

    def __init__(
        self,
        store: SQLiteStore,
        writer: Writer,
        settings: Settings,
        clocks: Callable[[], Moment] = now,
    ) -> None:
        holds = Holds(writer.hold)
        self.log = WriteAheadLog(store.path, store.snapshots, holds)
        self.space = SpaceGuard(store.path, settings.min_free_bytes, holds)
        keep = Keep(settings.retention_days, settings.evidence_days, settings.max_db_bytes)
        self.retention = Retention(keep, SteadyClock(clocks))
        writer.every(_LOG_SECONDS, self.log.tend, "the write-ahead log")
        writer.every(_SPACE_SECONDS, self.space.look, "free space")
        writer.every(_RETENTION_SECONDS, self.retention.tend, "retention")

    def close(self) -> None:
        """Leave nothing behind; the writer has ended."""
        self.space.close()
