"""Whether a database is whole, found without changing a byte of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promethios.receiver.store.connections import connect, reading_mode
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.frames import find_break

#: Problems that are named.
MOST_NAMED: Final = 10
#: Primary result codes (the low byte) that say nothing of the file.
_HINDRANCES: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
)
#: Pages of a table that are looked at in one go at least: SQLite before 3.42 cannot be interrupted in it.
_STEPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    Args:
        problems: What is wrong, in SQLite's words, at most `MOST_NAMED`; empty where nothing was found.
        complete: Whether everything was looked at.
    """

    problems: tuple[str, ...]
    complete: bool


def check(path: Path, *, seconds: float = float("inf"), thorough: bool = False) -> Check:
    """Look whether a database is whole.

    It reads with ``mode=ro``, and such a connection neither checkpoints nor removes a write-ahead log: what
    is damaged stays as it is, for whoever can mend it. No other connection of this process may have it.

    Args:
        path: The database file.
        seconds: After how long to stop looking.
        thorough: Compare indexes with their tables too (``integrity_check``): several times longer.

    Raises:
        StoreError: Others keep it from being looked at, which says nothing of whether it is whole.
    """
    deadline = time.monotonic() + seconds
    problems: list[str] = []
    try:
        if broken := log_problem(path):
            problems.append(broken)
        with closing(connect(path, reading_mode(path))) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            for problem in _problems(connection, "integrity_check" if thorough else "quick_check", deadline):
                problems.append(problem)
                if len(problems) == MOST_NAMED:
                    break
    except sqlite3.OperationalError as error:
        if str(error) == "interrupted":
            return Check(tuple(problems), False)
        if hindered(error):
            raise StoreError(f"cannot check {path}: {error}; `promethios doctor {path}` says more") from error
        problems.append(str(error))
    except (sqlite3.DatabaseError, OSError) as error:
        problems.append(str(error))
    return Check(tuple(problems), True)


def hindered(error: sqlite3.Error) -> bool:
    """Whether a database could not be read for a lock or for rights: it may be whole all the same."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _HINDRANCES


def log_problem(path: Path) -> str | None:
    """What is wrong with a database's write-ahead log: that commits follow a place where it breaks off.

    Raises:
        sqlite3.Error: The database cannot be read.
        OSError: The log cannot be read.
    """
    if not (found := find_break(path)):
        return None
    return (
        f"the write-ahead log breaks off at frame {found.frame}, and commits are among the {found.frames} "
        "frames from there on, which SQLite would drop"
    )


def _problems(connection: sqlite3.Connection, pragma: str, deadline: float) -> Iterator[str]:
    """Table by table, those with few rows first: a check that ends early has seen the most of them."""
    if deadline == float("inf"):
        yield from _said(connection, f"PRAGMA {pragma}({MOST_NAMED})")
        return
    for table in _tables(connection):
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("interrupted")
        yield from _said(connection, f"PRAGMA {pragma}('{table}')")


def _said(connection: sqlite3.Connection, statement: str) -> Iterator[str]:
    for (text,) in connection.execute(statement):
        if text != "ok":
            yield " ".join(text.split())


def _tables(connection: sqlite3.Connection) -> list[str]:
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    sizes = {name: _rows(connection, name) for name in names if name.isidentifier()}
    return sorted(sizes, key=lambda name: (name in _HASHED, sizes[name]))


def _rows(connection: sqlite3.Connection, table: str) -> int:
    """About how many rows a table has; none where they have no number: only small tables are made so."""
    try:
        return int(connection.execute(f'SELECT coalesce(max(rowid), 0) FROM "{table}"').fetchone()[0])
    except sqlite3.OperationalError as error:
        if str(error) == "no such column: rowid":
            return 0
        raise


#: Tables whose row ids are hashes, which say nothing of how many there are; seldom many.
_HASHED: Final = ("resources", "scopes", "metric_series")
