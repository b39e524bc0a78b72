"""The spool: whether it can be used, and what waits in it. It is read, and not changed."""

from __future__ import annotations

import fcntl
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promethios.exporter.layout import START, first_record, is_ours, scan
from promethios.exporter.ownership import open_own
from promethios.exporter.settings import MIB, Settings
from promethios.exporter.spools import SUFFIX, lane_of
from promethios.governance.findings import Finding, Level

_CHECK: Final = "spool"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one spool file holds.

    Args:
        lane: Which lane it is of.
        items: Spans, data points and log records that wait in it.
        size: Its length in bytes.
        orphan: Whether the process that wrote it is gone.
    """

    lane: str
    items: int
    size: int
    orphan: bool


def look(settings: Settings) -> list[Finding]:
    """The folder, its rights and room, and what is in it."""
    folder = settings.spool_dir
    if folder is None:
        said = "none: what cannot be delivered waits in memory, and is lost with the process"
        return [Finding(_CHECK, Level.NOTE, said, "set PROMETHIOS_SPOOL_DIR")]
    if not folder.exists():
        return [_missing(folder)]
    try:
        return [*_folder(folder, settings), *_contents(folder)]
    except OSError as error:
        return [Finding(_CHECK, Level.ERROR, f"{folder} cannot be read: {error.strerror}", _advice(folder))]


def _missing(folder: Path) -> Finding:
    above = next(each for each in folder.absolute().parents if each.exists())
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return Finding(_CHECK, Level.OK, f"{folder} is made when it is needed")
    said = f"{folder} is not there, and cannot be made in {above}"
    return Finding(_CHECK, Level.ERROR, said, _advice(folder))


def _advice(folder: Path) -> str:
    return f"give the user of the agent a folder of its own: {folder}, mode 0700"


def _folder(folder: Path, settings: Settings) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding(_CHECK, Level.ERROR, f"{folder} is not a folder", _advice(folder))
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(_CHECK, Level.ERROR, f"{folder} cannot be written by this user", _advice(folder))
    owner, mode = folder.stat().st_uid, stat.S_IMODE(folder.stat().st_mode)
    if owner not in (os.geteuid(), 0):
        said = f"{folder} belongs to another user (uid {owner}), who can read and change what waits in it"
        yield Finding(_CHECK, Level.WARNING, said, _advice(folder))
    if mode & 0o077:
        said = f"{folder} is open to other users ({mode:04o})"
        yield Finding(_CHECK, Level.WARNING, said, f"chmod 700 {folder}")
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if free < settings.max_spool_bytes:
        said = f"{_size(free)} are free, less than `max_spool_bytes` ({_size(settings.max_spool_bytes)})"
        yield Finding(_CHECK, Level.WARNING, said, "make room: a spool that cannot grow loses what comes")
    else:
        yield Finding(_CHECK, Level.OK, f"{folder}: {_size(free)} free, synced: {settings.spool_fsync}")


def _contents(folder: Path) -> Iterator[Finding]:
    found = [each for path in sorted(folder.glob(f"*{SUFFIX}")) if (each := survey(path)) is not None]
    items: Counter[str] = Counter()
    for each in found:
        items[each.lane] += each.items
    said = ", ".join(f"{number} of {lane}" for lane, number in sorted(items.items()) if number)
    size = _size(sum(each.size for each in found))
    yield Finding(_CHECK, Level.OK, f"items that wait: {said}, {size}" if said else "nothing waits")
    if orphans := sum(each.orphan and each.items > 0 for each in found):
        said = f"{orphans} of {len(found)} files are of processes that are gone"
        yield Finding(_CHECK, Level.NOTE, said, "the next agent with this folder sends them")
    if damaged := [path for path in folder.glob("*.corrupt") if path.is_file()]:
        said = f"{len(damaged)} damaged parts were set aside, {_size(sum(map(_length, damaged)))}"
        yield Finding(_CHECK, Level.WARNING, said, f"look at the disk; then delete {folder}/*.corrupt")


def survey(path: Path) -> Waiting | None:
    """What waits in a spool file; None where it went, or is none of ours, meanwhile."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return Waiting(lane_of(path).value, _items(file.fileno(), size), size, _is_free(file.fileno()))
    except OSError:
        return None


def _items(file: int, size: int) -> int:
    """What is whole in a file, as who adopts it would find it."""
    start = os.pread(file, START, 0)
    return scan(file, first_record(start, size), size).items if is_ours(start) else 0


def _is_free(file: int) -> bool:
    """Whether no process holds the file. Who would adopt it in this moment does so the next time."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def _length(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _size(count: int) -> str:
    return f"{count / MIB:.1f} MiB" if count >= MIB else f"{count} bytes"
