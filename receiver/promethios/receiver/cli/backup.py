"""``promethios backup`` and ``promethios restore``: copies of a database, of one moment and checked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from promethios.receiver.maintenance import backup as actions
from promethios.receiver.maintenance.copying import Copy, Progress
from promethios.receiver.store.errors import DatabaseInUse, StoreError
from promethios.receiver.store.urls import sqlite_path


@click.command()
@click.argument("db", metavar="DB")
@click.argument("destination", metavar="DEST", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace DEST if it is there.")
@click.option("--compact", is_flag=True, help="Write it anew: takes longer, is smaller, can give space back.")
@click.option("--json", "as_json", is_flag=True, help="Say what was copied as JSON.")
def backup(db: str, destination: Path, force: bool, compact: bool, as_json: bool) -> None:
    """Copy the database DB to the file DEST.

    It may be done while a receiver writes to DB. DEST is of one moment, private, and has its name only when
    it is whole, checked and on the disk. Its folder must be there.

    Exit status: 0 done, 1 it could not be (the reason is on standard error), 2 wrong usage.
    """
    with _explaining(f"cannot copy {db} to {destination}"), _progress(f"Copying {db}") as progress:
        copy = actions.back_up(_path(db), destination, progress, force=force, compact=compact)
    _tell(as_json, f"{destination}: {_described(copy)}", copy, {})


@click.command()
@click.argument("backup", metavar="BACKUP", type=click.Path(path_type=Path))
@click.argument("db", metavar="DB")
@click.option("--json", "as_json", is_flag=True, help="Say what was restored as JSON.")
def restore(backup: Path, db: str, as_json: bool) -> None:
    """Put BACKUP in the place of the database DB.

    No receiver may run on DB. BACKUP is checked before and after. A database that is there is kept beside it
    under another name, which is told.

    Exit status: 0 done, 1 it could not be (the reason is on standard error), 2 wrong usage.
    """
    with _explaining(f"cannot restore {backup} to {db}"), _progress(f"Restoring {db}") as progress:
        done = actions.restore(backup, _path(db), progress)
    kept = "" if done.kept is None else f"\nWhat was there before is {done.kept}"
    said = f"{db}: {_described(done.copy)}{kept}"
    _tell(as_json, said, done.copy, {"kept": None if done.kept is None else str(done.kept)})


def _path(db: str) -> Path:
    try:
        return sqlite_path(db)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _explaining(attempt: str) -> Iterator[None]:
    try:
        yield
    except (StoreError, DatabaseInUse) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = "" if error.filename is None else f": {error.filename}"
        raise click.ClickException(f"{attempt}: {error.strerror}{where}") from error


@contextmanager
def _progress(label: str) -> Iterator[Progress]:
    """A bar for people; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, all_: int) -> None:
            bar.length = max(all_, 1)
            bar.update(done - bar.pos)

        yield show


def _described(copy: Copy) -> str:
    return f"{sum(copy.rows.values()):,} rows in {len(copy.rows)} tables, {copy.bytes:,} bytes, checked"


def _tell(as_json: bool, said: str, copy: Copy, more: dict[str, str | None]) -> None:
    document = {"rows": copy.rows, "bytes": copy.bytes, "schema": copy.revision, **more}
    click.echo(json.dumps(document) if as_json else said)
