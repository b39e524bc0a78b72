"""``promethios doctor``: looks at a database from outside, changes nothing, and says what to do.

Each question is a function that answers with findings. Those about the file need no SQLite and come first:
they are what is left to say when the database cannot be read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from promethios.receiver.maintenance.findings import Finding, Level
from promethios.receiver.maintenance.log import FORCED_BYTES
from promethios.receiver.store.checking import check
from promethios.receiver.store.connections import connect, reading_mode
from promethios.receiver.store.lock import LockState, lock_path, lock_state
from promethios.receiver.store.sqlite import head, revisions
from promethios.receiver.store.versions import has_wal_reset_bug

_MIB: Final = 1024 * 1024
_DAY: Final = 86_400 * 10**9
#: How long the check may take while a receiver runs: it holds the write-ahead log open meanwhile, seconds.
BESIDE_SECONDS: Final = 25.0
#: For how long a jump of the clock is told.
_TOLD_DAYS: Final = 7
_BRING_BACK: Final = "keep the file, and bring back a backup: promethios restore BACKUP DB"
_TIMES: Final = {
    "spans": "start_unix_nano",
    "metric_points": "time_unix_nano",
    "logs": "time_unix_nano",
    "decisions": "time_unix_nano",
    "violations": "time_unix_nano",
}


def examine(path: Path, *, full: bool = False, min_free_bytes: int = 128 * _MIB) -> list[Finding]:
    """Look at everything there is to say about a database.

    Args:
        path: The database file.
        full: Compare indexes with their tables too, which takes several times longer.
        min_free_bytes: The receiver's setting of this name.
    """
    found = [_sqlite(), *_file(path), *_permissions(path)]
    if any(each.level is Level.ERROR for each in found):
        return found
    lock = _lock(path, found)
    found += [_log(path, lock), _space(path, min_free_bytes)]
    try:
        with closing(connect(path, reading_mode(path))) as connection:
            connection.execute("PRAGMA query_only = 1")
            found += _contents(connection)
    except sqlite3.Error as error:
        found.append(
            Finding(
                "schema",
                Level.ERROR,
                f"it cannot be read: {error}",
                "bring back a backup: promethios restore",
            )
        )
    found.append(_integrity(path, full, bool(lock.holder)))
    return found


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version
    if not has_wal_reset_bug():
        return Finding("sqlite", Level.OK, f"SQLite {version}")
    return Finding(
        "sqlite",
        Level.NOTE,
        f"SQLite {version} has the WAL-reset bug: two connections that write or checkpoint at once can "
        "damage a database. A receiver has one that does, so it does not meet it",
        "let no other program write to the database; 3.51.3, 3.50.7 and 3.44.6 have it mended",
    )


def _file(path: Path) -> Iterator[Finding]:
    size = path.stat().st_size
    with path.open("rb") as file:
        begins = file.read(16)
    if size == 0:
        yield Finding("file", Level.WARNING, "it is empty", "start a receiver on it, or restore a backup")
    elif begins != b"SQLite format 3\x00":
        yield Finding("file", Level.ERROR, "it is not a SQLite database", "choose another file")
    else:
        yield Finding("file", Level.OK, f"{size / _MIB:,.1f} MiB")


def _permissions(path: Path) -> Iterator[Finding]:
    there = path.resolve()
    files = [there, *(Path(f"{there}{end}") for end in ("-wal", "-shm")), lock_path(path)]
    open_ = [file for file in files if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077]
    if open_:
        names = " ".join(str(file) for file in open_)
        yield Finding(
            "permissions",
            Level.WARNING,
            f"others on this machine may use {', '.join(file.name for file in open_)}, with what agents say",
            f"chmod 600 {names}",
        )
    mode = stat.S_IMODE(there.parent.stat().st_mode)
    if mode & 0o022 and not mode & stat.S_ISVTX:
        yield Finding(
            "permissions",
            Level.WARNING,
            f"others may rename or replace files in {there.parent} (mode {mode:o})",
            f"chmod go-w {there.parent}",
        )
    if not open_:
        yield Finding("permissions", Level.OK, "the files are private")


def _lock(path: Path, found: list[Finding]) -> LockState:
    try:
        state = lock_state(path)
    except OSError as error:
        found.append(Finding("lock", Level.WARNING, f"the lock cannot be looked at: {error.strerror}"))
        return LockState("", False)
    if state.holder:
        found.append(Finding("lock", Level.OK, f"a receiver has it (process {state.holder})"))
    elif state.unclean:
        found.append(
            Finding(
                "lock",
                Level.WARNING,
                "no receiver has it, and the last one was killed or lost its power",
                "start it: what was acknowledged is there, and the database is checked first",
            )
        )
    else:
        found.append(Finding("lock", Level.OK, "no receiver has it; the last one ended in order"))
    return state


def _log(path: Path, lock: LockState) -> Finding:
    log = Path(f"{path.resolve()}-wal")
    size = log.stat().st_size if log.exists() else 0
    others = _others(path, lock)
    by = f"; programs that have it open: {', '.join(others)}" if others else ""
    if size > FORCED_BYTES:
        return Finding(
            "wal",
            Level.WARNING,
            f"the write-ahead log has {size // _MIB} MiB{by}",
            "end who reads the database for long; the receiver empties its log then",
        )
    if size and not lock.holder:
        return Finding("wal", Level.NOTE, f"{size:,} bytes of the write-ahead log wait to be copied{by}")
    return Finding("wal", Level.OK, f"the write-ahead log has {size / _MIB:.1f} MiB{by}")


def _others(path: Path, lock: LockState) -> list[str]:
    """Processes that have the database open, but for the receiver and this one, as far as one may see."""
    file, found = path.resolve(), []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name in (lock.holder, str(os.getpid())):
            continue
        try:
            opened = any(each.readlink() == file for each in (process / "fd").iterdir())
            if opened:
                found.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
        except OSError:
            # It has ended, or is somebody else's.
            continue
    return found


def _space(path: Path, least: int) -> Finding:
    free = shutil.disk_usage(path.resolve().parent).free
    if free >= 2 * least:
        return Finding("space", Level.OK, f"{free // _MIB:,} MiB of the disk are free")
    level = Level.WARNING if free >= least else Level.ERROR
    return Finding(
        "space",
        level,
        f"{free // _MIB:,} MiB of the disk are free; below {least // _MIB} a receiver takes nothing",
        "free some space, or keep less: retention_days, max_db_bytes",
    )


def _contents(connection: sqlite3.Connection) -> Iterator[Finding]:
    schema = _schema(connection)
    yield schema
    if schema.level is Level.ERROR:
        return
    looks: tuple[Callable[[sqlite3.Connection], Finding], ...] = (_shrinks, _data)
    if schema.level is Level.OK:
        looks = (*looks, _retention, _clock)
    for look in looks:
        yield look(connection)


def _schema(connection: sqlite3.Connection) -> Finding:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "decisions"} <= tables:
        return Finding("schema", Level.ERROR, "it is not a database of Promethios", "choose another file")
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
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
    said, ahead = [], []
    for table, column in _TIMES.items():
        oldest, newest = connection.execute(f"SELECT min({column}), max({column}) FROM {table}").fetchone()
        if oldest is not None:
            said.append(f"{table} {_day(oldest)} to {_day(newest)}")
            if newest > time.time_ns() + _DAY:
                ahead.append(table)
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


def _integrity(path: Path, full: bool, held: bool) -> Finding:
    found = check(path, seconds=BESIDE_SECONDS if held else float("inf"), thorough=full)
    if found.problems:
        return Finding(
            "integrity",
            Level.ERROR,
            f"it is damaged: {'; '.join(found.problems)}",
            _BRING_BACK,
        )
    if not found.complete:
        return Finding(
            "integrity",
            Level.NOTE,
            f"whole, as far as {BESIDE_SECONDS:.0f} s reach",
            "more would hold up the receiver: examine a backup of it",
        )
    return Finding("integrity", Level.OK, "whole, indexes too" if full else "whole")


def _day(unix_nano: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(unix_nano // 10**9))
