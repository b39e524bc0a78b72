"""What the doctor reads in a database: its schema, its size, the times of its rows, what retention knows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Final

from promethios.receiver.maintenance.findings import Finding, Level
from promethios.receiver.store.checking import hindered
from promethios.receiver.store.sqlite import head, revisions

BRING_BACK: Final = "keep the file, and bring back a backup: promethios restore BACKUP DB"

_MIB: Final = 1024 * 1024
_DAY: Final = 86_400 * 10**9
#: For how long a jump of the clock is told.
_TOLD_DAYS: Final = 7
_TIMES: Final = {
    "spans": "start_unix_nano",
    "metric_points": "time_unix_nano",
    "logs": "time_unix_nano",
    "decisions": "time_unix_nano",
    "violations": "time_unix_nano",
}


def look_into(connection: sqlite3.Connection) -> Iterator[Finding]:
    """What there is to say about the schema and the rows of a database.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    schema = _schema(connection)
    yield schema
    if schema.level is Level.ERROR:
        return
    looks: tuple[Callable[[sqlite3.Connection], Finding], ...] = (_shrinks, _data)
    if schema.level is Level.OK:
        looks = (*looks, _retention, _clock)
    for look in looks:
        try:
            yield look(connection)
        except sqlite3.OperationalError as error:
            yield unreadable("data", error)


def _schema(connection: sqlite3.Connection) -> Finding:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "decisions"} <= tables:
        return Finding("schema", Level.ERROR, "it is not a database of Promethios", "choose another file")
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    if not revision:
        return Finding("schema", Level.ERROR, "the schema has no revision", BRING_BACK)
    if revision == head():
        return Finding("schema", Level.OK, f"schema {revision}")
    if revision in revisions():
        return Finding(
            "schema",
            Level.NOTE,
            f"schema {revision}, of an earlier version; this one has {head()}",
            "back it up; the next start of a receiver migrates it",
        )
    return Finding(
        "schema",
        Level.ERROR,
        f"schema {revision}, of a later version; this one knows {head()} at most",
        "use the version that wrote it",
    )


def _shrinks(connection: sqlite3.Connection) -> Finding:
    mode, pages, free, page = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("auto_vacuum", "page_count", "freelist_count", "page_size")
    )
    said = f"{(pages - free) * page / _MIB:,.1f} MiB are used, {free * page / _MIB:,.1f} MiB are free within"
    if mode:
        return Finding("size", Level.OK, said)
    return Finding(
        "size",
        Level.NOTE,
        f"{said}; it was made by an earlier version, and does not give space back to the disk",
        "stop the receiver, then: promethios backup --compact DB COPY; promethios restore COPY DB",
    )


def _data(connection: sqlite3.Connection) -> Finding:
    said, ahead, odd = [], [], []
    for table, column in _TIMES.items():
        oldest, newest = connection.execute(f"SELECT min({column}), max({column}) FROM {table}").fetchone()
        if not isinstance(newest, int | None) or not isinstance(oldest, int | None):
            odd.append(table)
        elif oldest is not None and newest is not None:
            said.append(f"{table} {_day(oldest)} to {_day(newest)}")
            if newest > time.time_ns() + _DAY:
                ahead.append(table)
    if odd:
        return Finding(
            "data",
            Level.ERROR,
            f"times of {', '.join(odd)} are no numbers: it is damaged, or another program wrote to it",
            BRING_BACK,
        )
    if ahead:
        return Finding(
            "data",
            Level.WARNING,
            f"{'; '.join(said)}: some of {', '.join(ahead)} are from the future",
            "look after the clocks of the agents; retention does not go by them",
        )
    return Finding("data", Level.OK, "; ".join(said) or "nothing was stored yet")


def _retention(connection: sqlite3.Connection) -> Finding:
    first = connection.execute(
        "SELECT wall_unix_nano, count(*) OVER () FROM received_marks ORDER BY id LIMIT 1"
    ).fetchone()
    if first is None:
        return Finding("retention", Level.OK, "nothing is marked for retention yet")
    return Finding("retention", Level.OK, f"{first[1]} marks of what was received, since {_day(first[0])}")


def _clock(connection: sqlite3.Connection) -> Finding:
    row = connection.execute(
        "SELECT steady_unix_nano, jump_nano, jumped_unix_nano FROM steady_clock"
    ).fetchone()
    if row is None or not row[1] or row[0] - row[2] > _TOLD_DAYS * _DAY:
        return Finding("clock", Level.OK, "the clock of this machine agrees with the time that has passed")
    hours = row[1] / 3_600 / 10**9
    return Finding(
        "clock",
        Level.WARNING,
        f"the clock of this machine went {abs(hours):.1f} h {'ahead' if hours > 0 else 'back'}: it was set, "
        "or the machine was off",
        "see that it is right; retention goes by the time that has passed, and deletes nothing for it",
    )


def unreadable(what: str, error: sqlite3.Error) -> Finding:
    """That a database cannot be read, and what to do: a lock or rights are no damage.

    Args:
        what: What was looked at.
        error: What SQLite says.
    """
    if not hindered(error):
        return Finding(what, Level.ERROR, f"it cannot be read: {error}", BRING_BACK)
    if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Finding(
            what,
            Level.ERROR,
            "it cannot be read: another program has locked it",
            "end who has it open: `wal` above names them, as far as one may see",
        )
    return Finding(
        what, Level.ERROR, f"it cannot be read: {error}", "look at it as the user who runs the receiver"
    )


def _day(unix_nano: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(unix_nano // 10**9))
