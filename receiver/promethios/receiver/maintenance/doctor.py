"""``promethios doctor``: looks at a database from outside, changes nothing, and says what to do.

Each question is a function that answers with findings. Those about the file need no SQLite and come first:
they are what is left to say when the database cannot be read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from promethios.receiver.maintenance.contents import BRING_BACK, look_into, unreadable
from promethios.receiver.maintenance.findings import Finding, Level
from promethios.receiver.maintenance.log import FORCED_BYTES
from promethios.receiver.store.checking import check, hindered
from promethios.receiver.store.connections import connect, reading_mode
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.lock import LockState, lock_path, lock_state
from promethios.receiver.store.versions import has_wal_reset_bug

_MIB: Final = 1024 * 1024
#: How long the check may take while a receiver runs: it holds the write-ahead log open meanwhile, seconds.
BESIDE_SECONDS: Final = 25.0


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
    if not path.stat().st_size:
        return found
    try:
        with closing(connect(path, reading_mode(path))) as connection:
            connection.execute("PRAGMA query_only = 1")
            found += look_into(connection)
    except sqlite3.Error as error:
        found.append(unreadable("schema", error))
        if hindered(error):
            return found
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
    log = Path(f"{path.resolve()}-wal")
    if size == 0 and log.exists() and log.stat().st_size:
        yield Finding(
            "file",
            Level.ERROR,
            "it is empty, but its log is not",
            "bring the database back under this name, or restore a backup; SQLite would remove the log",
        )
    elif size == 0:
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


def _integrity(path: Path, full: bool, held: bool) -> Finding:
    try:
        found = check(path, seconds=BESIDE_SECONDS if held else float("inf"), thorough=full)
    except StoreError as error:
        return Finding("integrity", Level.WARNING, str(error))
    if found.problems:
        return Finding(
            "integrity",
            Level.ERROR,
            f"it is damaged: {'; '.join(found.problems)}",
            BRING_BACK,
        )
    if not found.complete:
        return Finding(
            "integrity",
            Level.NOTE,
            f"whole, as far as {BESIDE_SECONDS:.0f} s reach",
            "more would hold up the receiver: examine a backup of it",
        )
    return Finding("integrity", Level.OK, "whole, indexes too" if full else "whole")
