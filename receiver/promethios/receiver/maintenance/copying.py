"""Copies of a database: of one moment, private, checked, and on the disk before they have their name."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promethios.receiver.store.checking import check
from promethios.receiver.store.connections import connect, reading_mode
from promethios.receiver.store.errors import StoreError

#: Pages that are copied at once, between two reports of how far it is.
_PAGES: Final = 4_096

#: Is told how many pages are copied, and of how many.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copy:
    """What was copied.

    Args:
        rows: Rows of each table: as many as the original had at the moment of the copy.
        bytes: The file's size.
        revision: The schema's.
    """

    rows: dict[str, int]
    bytes: int
    revision: str


def copy_database(source: Path, target: Path, progress: Progress, *, compact: bool = False) -> Copy:
    """Copy a database, also one that a receiver writes meanwhile, into a file that nothing else uses.

    It is read by a read-only connection within one transaction, so the copy is of one moment.

    Args:
        source: The database.
        target: An empty file.
        progress: Is told how far it is.
        compact: Write the copy anew, so that it is small, and can give space back.

    Raises:
        StoreError: It cannot be read, or the copy is not what it should be.
    """
    try:
        with closing(connect(source, reading_mode(source))) as reading:
            reading.execute("PRAGMA query_only = 1")
            reading.execute("BEGIN")
            rows, revision = count_rows(reading), revision_of(reading, source)
            with closing(sqlite3.connect(target, isolation_level=None)) as writing:
                reading.backup(
                    writing, pages=_PAGES, progress=lambda _, left, all_: progress(all_ - left, all_)
                )
                # One file, without a log beside it; a receiver that opens it makes its log again.
                writing.execute("PRAGMA journal_mode = DELETE")
                if compact:
                    writing.execute("PRAGMA auto_vacuum = INCREMENTAL")
                    writing.execute("VACUUM")
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy {source}: {_reason(error, target)}") from error
    _sync(target)
    _compare(source, target, rows)
    return Copy(rows, target.stat().st_size, revision)


def _reason(error: sqlite3.Error, target: Path) -> str:
    """What went wrong: SQLite does not say of which of the two files."""
    if getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
        return f"no copy can be written to {target.parent} ({error}): is there room?"
    return str(error)


@contextmanager
def new_file_beside(path: Path) -> Iterator[Path]:
    """A new, private file in the folder of `path`, which is removed unless it was given another name.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.resolve().parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for rest in ("", "-journal", "-wal", "-shm"):
            Path(f"{name}{rest}").unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Have the names in the folder of `path` survive a power cut."""
    _sync(path.resolve().parent)


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows of every table."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}


def revision_of(connection: sqlite3.Connection, path: Path) -> str:
    """The revision of a database's schema.

    Raises:
        StoreError: It is not one of ours.
    """
    try:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
        connection.execute("SELECT 1 FROM decisions LIMIT 1")
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path} is not a database of Promethios ({error})") from error
    return str(revision)


def _compare(source: Path, target: Path, rows: dict[str, int]) -> None:
    found = check(target)
    if found.problems:
        raise StoreError(
            f"the copy of {source} is damaged ({'; '.join(found.problems[:3])}): the original is too, or the "
            f"disk; see `promethios doctor {source}`"
        )
    with closing(connect(target, "mode=ro")) as connection:
        counted = count_rows(connection)
    if counted != rows:
        different = sorted(
            name for name in rows.keys() | counted.keys() if rows.get(name) != counted.get(name)
        )
        raise StoreError(f"the copy of {source} has other rows in {', '.join(different)}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
