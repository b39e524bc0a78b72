"""A SQLite database that one process writes: opened, checked where that is due, migrated, closed in order."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from promethios.receiver.store import alert_tables as alert_tables  # they are of the schema too
from promethios.receiver.store.checking import check
from promethios.receiver.store.connections import Snapshots, reader_engine, writer_engine
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.lock import DatabaseLock

__all__ = ["SQLiteStore", "StoreError", "read_only"]

_log = logging.getLogger(__name__)

#: How long the check after an unclean end may take before the receiver serves, seconds.
CHECK_SECONDS: Final = 2.0
#: A database that cannot give space back learns it at the start where that is quick, bytes.
VACUUM_BYTES: Final = 32 * 1024 * 1024
_MAGIC: Final = b"SQLite format 3\x00"
_MIGRATIONS: Final = str(Path(__file__).with_name("migrations"))
#: Connections that look up keys: each lookup takes some 0.1 ms.
_LOOKUPS: Final = 4


class SQLiteStore:
    """A SQLite database that this process, and no other, writes.

    Args:
        path: The database file; it is created, with its folder, when it is not there.

    Attributes:
        writer, readers: The one connection that writes, and those that read.
        lookups: Those that look up keys: they wait for no question, however many are asked.
        snapshots: Which readers have the database, and since when.
        unclean: Whether who wrote it last was killed, or lost its power.
        revision: The schema's.

    Raises:
        DatabaseInUse: Another process holds the database.
        StoreError: The file is not a database, or is damaged, or not one of ours, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        made = _make_private(path)
        _refuse_other_files(path)
        self._lock = _lock(path)
        self.unclean = self._lock.unclean
        self.snapshots = Snapshots()
        self._engines: list[Engine] = []
        try:
            _refuse_log_without_database(path, made)
            self._check()
            self._engines = [
                writer_engine(path),
                reader_engine(path, self.snapshots),
                reader_engine(path, self.snapshots, _LOOKUPS),
            ]
            self.writer, self.readers, self.lookups = self._engines
            self.revision = self._migrate()
            self._prepare_to_shrink()
        except BaseException as error:
            self._leave(made)
            raise _explained(path, error) from error

    def _check(self) -> None:
        """After an unclean end: look whether the database is whole, before anything writes to it."""
        if not self.unclean:
            return
        started = time.monotonic()
        found = check(self.path, seconds=CHECK_SECONDS)
        if found.problems:
            raise StoreError(
                f"cannot open {self.path}: it is damaged ({'; '.join(found.problems[:3])}); it is left as it "
                f"is: see `promethios doctor {self.path}`, or bring back a backup with `promethios restore`"
            )
        _log.warning(
            "%s was not closed in order the last time; what was acknowledged is there. Checked %s in %.1f s: "
            "it is whole%s",
            self.path,
            "all of it" if found.complete else "a part of it",
            time.monotonic() - started,
            "" if found.complete else f"; `promethios doctor {self.path}` checks all of it",
        )

    def _migrate(self) -> str:
        with self.writer.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            configuration = Config(attributes={"connection": connection})
            configuration.set_main_option("script_location", _MIGRATIONS)
            command.upgrade(configuration, "head")
            revision = MigrationContext.configure(connection).get_current_revision()
            connection.exec_driver_sql("COMMIT")
        return str(revision)

    def _prepare_to_shrink(self) -> None:
        """Give an older database, where it is small, what it needs to give space back."""
        with self.writer.connect() as connection:
            if connection.exec_driver_sql("PRAGMA auto_vacuum").scalar():
                return
            if self.path.stat().st_size <= VACUUM_BYTES:
                connection.exec_driver_sql("PRAGMA auto_vacuum = INCREMENTAL")
                connection.exec_driver_sql("VACUUM")
            else:
                _log.warning(
                    "%s was made by an earlier version: it reuses the space of what it deletes, and does not "
                    "give it back; `promethios doctor %s` says how to change that",
                    self.path,
                    self.path,
                )

    def close(self) -> None:
        """Close every connection, then let go of the lock: a clean end."""
        self._dispose()
        self._lock.release()

    def _leave(self, made: bool) -> None:
        """Leave everything as it was found, also what was made for a database that then was not."""
        self._dispose()
        if made and self.path.exists() and self.path.stat().st_size == 0:
            self.path.unlink()
        self._lock.abandon()

    def _dispose(self) -> None:
        for engine in reversed(self._engines):
            engine.dispose()


def head() -> str:
    """The revision of the schema that this version reads and writes."""
    return str(ScriptDirectory(_MIGRATIONS).get_current_head())


def revisions() -> list[str]:
    """Every revision of the schema that this version can begin from, the oldest first."""
    return [script.revision for script in ScriptDirectory(_MIGRATIONS).walk_revisions()][::-1]


def read_only(path: Path) -> Engine:
    """Read-only connections to a database that a receiver may hold meanwhile.

    Raises:
        StoreError: There is none, or it cannot be read, or another version wrote it.
    """
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    engine = reader_engine(path)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(f"cannot read {path}: {error.orig}") from error
    if found != head():
        engine.dispose()
        raise StoreError(
            f"cannot read {path}: it has schema {found}, this version reads {head()}; "
            "start this version's receiver on it once"
        )
    return engine


def _explained(path: Path, error: BaseException) -> BaseException:
    """What a person can do something with, where there is something to say."""
    if isinstance(error, DBAPIError | sqlite3.Error):
        said = error.orig if isinstance(error, DBAPIError) else error
        return StoreError(f"cannot open {path}: {said}; it is left as it is")
    if isinstance(error, CommandError):
        return StoreError(f"cannot open {path}: another version wrote it ({error}); it is left as it is")
    return error


def _make_private(path: Path) -> bool:
    """Create what is missing with no rights for others: a database holds what agents say."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: cannot make its folder: {error.strerror}; choose another file with --db"
        ) from error
    made = not path.exists()
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"cannot open {path}: {error.strerror}; choose another file with --db") from error
    return made


def _refuse_other_files(path: Path) -> None:
    """Leave what is no SQLite database alone before anything is made beside it.

    One that has a log is left to SQLite: what a power cut in a checkpoint took from the head is in it.
    """
    log = Path(f"{path.resolve()}-wal")
    if log.exists() and log.stat().st_size > 0:
        return
    with path.open("rb") as file:
        begins = file.read(len(_MAGIC))
    if begins and begins != _MAGIC:
        raise StoreError(f"cannot open {path}: file is not a database; it is left as it is")


def _refuse_log_without_database(path: Path, made: bool) -> None:
    """A log holds what was stored last, and SQLite removes the one of an empty database."""
    log = Path(f"{path.resolve()}-wal")
    if path.stat().st_size == 0 and log.exists() and log.stat().st_size > 0:
        said = "is not there, but its log is" if made else "is empty, but its log is not"
        raise StoreError(
            f"cannot open {path}: it {said} ({log}), with what was stored last; bring the database back "
            "under this name, or restore a backup with `promethios restore`; to begin anew, move the log away"
        )


def _lock(path: Path) -> DatabaseLock:
    try:
        return DatabaseLock(path)
    except OSError as error:
        raise StoreError(
            f"cannot open {path}: cannot lock {path}.lock: {error.strerror}; choose another file with --db"
        ) from error
