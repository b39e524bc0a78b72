"""Connections to a SQLite database: one that writes, and some that read and hold nothing for long.

There is one writing connection, owned by the writer thread; every other connection is read-only. SQLite
before 3.51.3 can corrupt a WAL database that two connections write or checkpoint at once
(https://sqlite.org/wal.html#walresetbug), and most Pythons still carry such a version.

A reader keeps the write-ahead log from being emptied for as long as it reads: no statement of a reader runs
longer than `STATEMENT_SECONDS`, and none goes on `SNAPSHOT_SECONDS` after its connection was taken.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool, StaticPool

_log = logging.getLogger(__name__)

#: A question that takes longer is interrupted: it would hold the write-ahead log open.
STATEMENT_SECONDS: Final = 20.0
#: How long a reader may have the database as it was at one moment.
SNAPSHOT_SECONDS: Final = 30.0
BUSY_MILLISECONDS: Final = 5_000
#: The write-ahead log's file keeps so much when it is emptied, so that a full disk leaves room to delete.
JOURNAL_BYTES: Final = 64 * 1024 * 1024
#: Of a new database.
PAGE_BYTES: Final = 8192
_PROGRESS_STEPS: Final = 20_000


class Snapshots:
    """Which connections of readers are taken, and since when; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[sqlite3.Connection, float] = {}

    def taken(self, connection: sqlite3.Connection) -> None:
        """A reader has this connection from now on."""
        with self._lock:
            self._ends[connection] = time.monotonic() + SNAPSHOT_SECONDS

    def given_back(self, connection: sqlite3.Connection) -> None:
        """No reader has it any more."""
        with self._lock:
            self._ends.pop(connection, None)

    def deadline(self, connection: sqlite3.Connection) -> float:
        """When a statement that begins now must have ended, by the monotonic clock."""
        with self._lock:
            end = self._ends.get(connection, float("inf"))
        return min(end, time.monotonic() + STATEMENT_SECONDS)

    def end_overdue(self, now: float | None = None) -> int:
        """Take the snapshot from every reader that has had it for too long; how many these were."""
        now = time.monotonic() if now is None else now
        with self._lock:
            overdue = [connection for connection, end in self._ends.items() if end < now]
            for connection in overdue:
                del self._ends[connection]
        for connection in overdue:
            _log.warning("a reader kept its view of the database for %.0f s: ended", SNAPSHOT_SECONDS)
            connection.interrupt()
            connection.rollback()
        return len(overdue)


def writer_engine(path: Path) -> Engine:
    """One connection for one thread. Transactions are written out: `sqlite3` begins none by itself.

    It checkpoints when it is told to and not by itself in the middle of a commit: requests wait for that.
    """
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(path, "mode=rw"),
        poolclass=StaticPool,
        # What agents sent, and digests of keys, would be in the log of each error.
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        # These two say something only to a file without any table. Rows of spans have a kilobyte: of pages of
        # 4 KiB a seventh stays empty. Space is given back step by step.
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")

    return engine


def reader_engine(path: Path, snapshots: Snapshots | None = None, most: int = 16) -> Engine:
    """Connections that cannot write; at most `most` at once, half of which are kept."""
    watched = snapshots or Snapshots()
    mode = reading_mode(path)
    engine = create_engine(
        "sqlite://",
        creator=lambda: connect(path, mode),
        poolclass=QueuePool,
        pool_size=most // 2,
        max_overflow=most - most // 2,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA query_only = 1")

    @event.listens_for(engine, "checkout")
    def take(connection: sqlite3.Connection, *_: Any) -> None:
        watched.taken(connection)

    @event.listens_for(engine, "checkin")
    def give_back(connection: sqlite3.Connection | None, _: Any) -> None:
        if connection is not None:
            watched.given_back(connection)

    @event.listens_for(engine, "before_cursor_execute")
    def limit(connection: Connection, *_: Any) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        deadline = watched.deadline(driver)
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)

    return engine


@contextmanager
def snapshot(readers: Engine) -> Iterator[Connection]:
    """A connection that reads the database as it is at one moment, in however many statements."""
    with readers.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a connection that begins no transaction by itself.

    Args:
        path: The database file.
        mode: The parameters of its URI, such as ``mode=ro``.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def reading_mode(path: Path) -> str:
    """How to open a database for reading.

    A reader of a database with a write-ahead log makes two files beside it. Where it may not, and there is no
    log, nobody writes either, and the file can be read as it is.
    """
    there = path.resolve()
    log = Path(f"{there}-wal")
    if not os.access(there.parent, os.W_OK) and not log.exists():
        return "mode=ro&immutable=1"
    return "mode=ro"
