"""Backup and restore: each one step, which either happens or leaves everything as it was."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from promethios.receiver.maintenance.copying import (
    Copy,
    Progress,
    copy_database,
    new_file_beside,
    revision_of,
    sync_folder,
)
from promethios.receiver.maintenance.replacing import must_be_free, put_aside
from promethios.receiver.store.checking import check, log_problem
from promethios.receiver.store.connections import connect, reading_mode
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.lock import DatabaseLock
from promethios.receiver.store.sqlite import revisions


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored.

    Args:
        copy: What is there now.
        kept: Where the database is that was there before; None where there was none.
    """

    copy: Copy
    kept: Path | None


def back_up(
    database: Path, destination: Path, progress: Progress, *, force: bool = False, compact: bool = False
) -> Copy:
    """Write a backup of a database, which a receiver may write meanwhile.

    Args:
        database: The database file.
        destination: The file to write; private (0600), and there only when it is whole and checked.
        progress: Is told how far it is.
        force: Replace a file that is there.
        compact: Write it anew, so that it is as small as can be.

    Raises:
        StoreError: There is no such database, or the file is there already, or it cannot be copied.
    """
    _must_be_file(database)
    if destination.is_dir():
        raise StoreError(f"{destination} is a folder: name the file to write")
    if destination.exists() and destination.samefile(database):
        raise StoreError(f"{destination} is the database itself")
    if destination.exists() and not force:
        raise StoreError(f"{destination} is there already: choose another name, or --force to replace it")
    _log_must_go_on(database)
    must_be_free(destination)
    with new_file_beside(destination) as file:
        copied = copy_database(database, file, progress, compact=compact)
        _name(file, destination, force)
    sync_folder(destination)
    return copied


def restore(backup: Path, database: Path, progress: Progress) -> Restored:
    """Put a backup in the place of a database, which is kept beside it under another name.

    Args:
        backup: The backup; it stays as it is.
        database: Where it goes; no receiver may hold it.
        progress: Is told how far it is.

    Raises:
        DatabaseInUse: A receiver holds the database.
        StoreError: The backup is not whole, or not one of ours, or of a newer version.
    """
    _must_be_file(backup)
    if database.is_dir():
        raise StoreError(f"{database} is a folder: name the file to restore to")
    if database.exists() and database.samefile(backup):
        raise StoreError(f"{backup} is the database itself")
    _must_be_whole(backup)
    _make_folder(database)
    lock = _lock(database)
    there = database.resolve()
    try:
        with new_file_beside(there) as file:
            copied = copy_database(backup, file, progress)
            with put_aside(there) as kept:
                file.rename(there)
        sync_folder(there)
    except OSError as error:
        lock.abandon()
        raise StoreError(f"cannot restore to {database}: {error.strerror}") from error
    except BaseException:
        lock.abandon()
        raise
    lock.release()
    return Restored(copied, kept)


def _lock(database: Path) -> DatabaseLock:
    try:
        return DatabaseLock(database)
    except OSError as error:
        raise StoreError(f"cannot lock {database}: {error.strerror}") from error


def _make_folder(database: Path) -> None:
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder of {database}: {error.strerror}") from error


def _must_be_file(path: Path) -> None:
    if not path.is_file():
        raise StoreError(f"there is no database {path}")


def _must_be_whole(backup: Path) -> None:
    try:
        with closing(connect(backup, reading_mode(backup))) as connection:
            revision = revision_of(connection, backup)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"cannot read {backup}: {error}") from error
    if revision not in (known := revisions()):
        raise StoreError(
            f"{backup} has schema {revision}, this version knows {known[-1]} at most: "
            "restore it with the version that wrote it"
        )
    if (found := check(backup, thorough=True)).problems:
        raise StoreError(f"{backup} is damaged ({'; '.join(found.problems[:3])}): nothing was restored")


def _log_must_go_on(database: Path) -> None:
    """A copy without the commits that SQLite drops would look whole, and take the place of a better one."""
    try:
        found = log_problem(database)
    except (sqlite3.Error, OSError):
        return  # what cannot be read is named by who copies it
    if found:
        raise StoreError(f"{database} is damaged ({found}): no backup was made")


def _name(file: Path, destination: Path, force: bool) -> None:
    """Give the file its name. Without `force` it is never the name of a file that is there."""
    try:
        if force:
            file.rename(destination)
        else:
            os.link(file, destination)
    except FileExistsError as error:
        raise StoreError(f"{destination} was written by somebody else meanwhile: it is left") from error
    except OSError as error:
        raise StoreError(f"cannot write {destination}: {error.strerror}") from error
