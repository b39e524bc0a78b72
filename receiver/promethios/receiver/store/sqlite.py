"""SQLite: where the file is, how a connection is set up, and who may write.

There is one writing connection, owned by the writer thread; every other connection is read-only. SQLite
before 3.51.3 can corrupt a WAL database that two connections write or checkpoint at once
(https://sqlite.org/wal.html#walresetbug), and most Pythons still carry such a version.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from promethios.receiver.store.lock import DatabaseLock

#: A question that takes longer is interrupted: it would hold the write-ahead log open.
STATEMENT_SECONDS: Final = 20.0
BUSY_MILLISECONDS: Final = 5_000
JOURNAL_BYTES: Final = 64 * 1024 * 1024
_PROGRESS_STEPS: Final = 20_000
_MIGRATIONS: Final = str(Path(__file__).with_name("migrations"))


class StoreError(RuntimeError):
    """The database cannot be used; the message says which, why, and what to do."""


class SQLiteStore:
    """A SQLite database that this process, and no other, writes.

    Args:
        path: The database file; it is created, with its folder, when it is not there.

    Raises:
        DatabaseInUse: Another process holds the database.
        StoreError: The file is not a database, or not one of ours, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _make_private(path)
        self._lock = _lock(path)
        self.writer, self.readers = _writer_engine(path), _reader_engine(path)
        try:
            self.revision = self._migrate()
        except DBAPIError as error:
            self.close()
            raise StoreError(f"cannot open {path}: {error.orig}; it is left as it is") from error
        except CommandError as error:
            self.close()
            raise StoreError(
                f"cannot open {path}: another version wrote it ({error}); it is left as it is"
            ) from error

    def _migrate(self) -> str:
        with self.writer.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            configuration = Config(attributes={"connection": connection})
            configuration.set_main_option("script_location", _MIGRATIONS)
            command.upgrade(configuration, "head")
            revision = MigrationContext.configure(connection).get_current_revision()
            connection.exec_driver_sql("COMMIT")
        return str(revision)

    def close(self) -> None:
        """Close every connection, then let go of the lock."""
        self.readers.dispose()
        self.writer.dispose()
        self._lock.release()


def read_only(path: Path) -> Engine:
    """Read-only connections to a database that a receiver may hold meanwhile.

    Raises:
        StoreError: There is none, or it cannot be read, or another version wrote it.
    """
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    engine = _reader_engine(path)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(f"cannot read {path}: {error.orig}") from error
    if found != (head := ScriptDirectory(_MIGRATIONS).get_current_head()):
        engine.dispose()
        raise StoreError(
            f"cannot read {path}: it has schema {found}, this version reads {head}; "
            "start this version's receiver on it once"
        )
    return engine


def _make_private(path: Path) -> None:
    """Create what is missing with no rights for others: a database holds what agents say."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: cannot make its folder: {error.strerror}; choose another file with --db"
        ) from error
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}; choose another file with --db") from error


def _lock(path: Path) -> DatabaseLock:
    try:
        return DatabaseLock(path)
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: cannot lock {path}.lock: {error.strerror}; choose another file with --db"
        ) from error


def _writer_engine(path: Path) -> Engine:
    """One connection for one thread. Transactions are written out: `sqlite3` begins none by itself."""
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "rw"), poolclass=StaticPool)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")

    return engine


def _reader_engine(path: Path) -> Engine:
    engine = create_engine(
        "sqlite://", creator=lambda: _connect(path, "ro"), poolclass=QueuePool, pool_size=8, max_overflow=8
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA query_only = 1")

    @event.listens_for(engine, "before_cursor_execute")
    def limit(connection: Connection, *_: Any) -> None:
        deadline = time.monotonic() + STATEMENT_SECONDS
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)

    return engine


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA mmap_size = 0")
    return connection
