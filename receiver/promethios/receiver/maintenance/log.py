"""The write-ahead log: emptied in time, and never without bound.

SQLite's own way is to checkpoint in the middle of a commit that finds 1,000 pages in the log, while the
requests of that commit wait. Here the writer does it between commits. A log begins anew only when no reader
looks into it, so readers are limited, a log that grew beyond `FORCED_BYTES` is emptied while nothing is
written, and one that somebody outside holds open beyond `MOST_BYTES` stops what makes it grow.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from promethios.receiver.maintenance.holds import Holds
from promethios.receiver.store.connections import BUSY_MILLISECONDS, Snapshots

_log = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024
#: Beyond this the log is emptied by force, bytes.
FORCED_BYTES: Final = 256 * _MIB
#: Beyond this nothing more is taken until the log could be emptied, bytes.
MOST_BYTES: Final = 4096 * _MIB
#: Rows after which the log is copied into the database, and seconds, where there is anything to copy.
_ROWS: Final = 2_000
_SECONDS: Final = 5.0
#: How long an emptying by force waits for readers, and how long until the next, where they did not end.
_PATIENCE_MILLISECONDS: Final = 250
_AGAIN_SECONDS: Final = 5.0


class WriteAheadLog:
    """Keeps the log of a database bounded; a chore of the writer.

    Args:
        database: The database file.
        snapshots: The receiver's own readers.
        holds: Holds the writer when a reader outside keeps the log from being emptied.
        forced_bytes, most_bytes: The two bounds.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        database: Path,
        snapshots: Snapshots,
        holds: Holds,
        *,
        forced_bytes: int = FORCED_BYTES,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = Path(f"{database.resolve()}-wal")
        self._snapshots = snapshots
        self._holds = holds
        self._forced_bytes, self._most_bytes = forced_bytes, most_bytes
        self._clock = clock
        self._copied_at, self._copied_rows = clock(), 0
        self._again = self._copy_again = clock()

    @property
    def size(self) -> int:
        """Bytes of the log's file."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def tend(self, connection: Connection) -> None:
        """Do what is due; called every fraction of a second, outside a transaction."""
        self._snapshots.end_overdue()
        if self._is_due(connection):
            # What fails, as on a full disk, is not tried at once again.
            self._copy_again = self._clock() + _AGAIN_SECONDS
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").all()
            self._copied_at = self._copy_again = self._clock()
            self._copied_rows = _rows(connection)
        if self.size > self._forced_bytes and self._clock() >= self._again:
            self._force(connection)
        if self.size <= self._most_bytes:
            self._holds.set("the write-ahead log", None)

    def _is_due(self, connection: Connection) -> bool:
        if self._clock() < self._copy_again:
            return False
        rows = _rows(connection)
        if rows < self._copied_rows:
            # Another connection, opened after the disk failed: it counts from 0 again.
            self._copied_rows = 0
        new = rows - self._copied_rows
        return new >= _ROWS or (new > 0 and self._clock() - self._copied_at >= _SECONDS)

    def _force(self, connection: Connection) -> None:
        """Empty the log, waiting a moment for readers to end; those that begin meanwhile do not hinder it."""
        # What fails, as on a full disk, is not tried at once again.
        self._again = self._clock() + _AGAIN_SECONDS
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_PATIENCE_MILLISECONDS}")
        try:
            busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        self._again = self._clock() + _AGAIN_SECONDS
        if not busy:
            return
        size = self.size // _MIB
        _log.warning("the write-ahead log has %d MiB and a reader keeps it from being emptied", size)
        if self.size > self._most_bytes:
            self._holds.set(
                "the write-ahead log",
                f"a program outside the receiver reads the database and keeps its log of {size} MiB from "
                "being emptied: end it (`promethios doctor` names it)",
            )


def _rows(connection: Connection) -> int:
    """Rows that the writer has changed so far."""
    return connection.connection.driver_connection.total_changes  # type: ignore[union-attr,no-any-return]
