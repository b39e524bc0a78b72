"""One receiver for one database: an operating-system lock, and the mark of whoever did not end cleanly.

The lock is a file of its own, ``<database>.lock``: SQLite's own locks are POSIX locks, which the process
loses as soon as it closes any other descriptor of the same file. Who holds it writes its process number
into it, and removes it at a clean end. So a file that is there and says something, and that nobody holds, was
left by a process that was killed, or by a machine that lost its power.
"""

from __future__ import annotations

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promethios.receiver.store.errors import DatabaseInUse

__all__ = ["DatabaseInUse", "DatabaseLock", "LockState", "lock_path", "lock_state"]

#: How long to wait for those who only look at the lock, seconds: a look takes some microseconds.
_LOOKS_SECONDS: Final = 1.0


class DatabaseLock:
    """An exclusive lock beside the database file; the system lets go of it however the process ends.

    Args:
        database: The database file. Symbolic links are followed, so that two names meet in one lock.

    Attributes:
        path: The file that is locked.
        unclean: Whether who held it last did not let go of it in order.

    Raises:
        DatabaseInUse: Another process has the lock; the message names it.
        OSError: The file cannot be opened or locked.
    """

    def __init__(self, database: Path) -> None:
        self.path = lock_path(database)
        self._descriptor, self._made = _take(self.path, database)
        self.unclean = bool(_said(self._descriptor))
        try:
            _write_down(self._descriptor)
        except OSError:
            self.abandon()
            raise

    def release(self) -> None:
        """Let go of the lock at a clean end; its file is removed."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def abandon(self) -> None:
        """Let go without having used the database: what was there before is there again."""
        if self._made:
            self.path.unlink(missing_ok=True)
        elif not self.unclean:
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class LockState:
    """What a look from outside says.

    Args:
        holder: The process that holds the database, as it wrote itself down; empty when nobody holds it.
        unclean: Nobody holds it, and who did last has not ended in order.
    """

    holder: str
    unclean: bool


def lock_path(database: Path) -> Path:
    """The file whose lock is the database's."""
    return Path(f"{database.resolve()}.lock")


def lock_state(database: Path) -> LockState:
    """Look at a database's lock without taking it.

    Raises:
        OSError: It cannot be looked at.
    """
    try:
        descriptor = os.open(lock_path(database), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return LockState("", False)
    try:
        said = _said(descriptor)
        # For as long as it takes to ask: two that look do not hinder each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState(said or "unknown", False)
    finally:
        os.close(descriptor)
    return LockState("", bool(said))


def _write_down(descriptor: int) -> None:
    """Write who has the lock over who had it.

    The file is never empty meanwhile: on a full disk nothing can be written, and what it said of an unclean
    end has to be there at the next start. It reaches the disk: what is only in memory tells of no power cut.
    """
    name = f"{os.getpid()}\n".encode("ascii")
    os.pwrite(descriptor, name, 0)
    os.ftruncate(descriptor, len(name))
    os.fsync(descriptor)


def _take(path: Path, database: Path) -> tuple[int, bool]:
    """Open and lock the file; whether it had to be made. What somebody has just removed is made again."""
    deadline = time.monotonic() + _LOOKS_SECONDS
    while True:
        descriptor, made = _open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(descriptor, path):
                return descriptor, made
        except BlockingIOError as error:
            looked_at = _is_looked_at(descriptor)
            holder = _said(descriptor) or "unknown"
            os.close(descriptor)
            if looked_at and time.monotonic() < deadline:
                time.sleep(0.005)
                continue
            raise DatabaseInUse(
                f"cannot open {database}: another receiver holds it (process {holder}); stop that one first, "
                "or choose another database"
            ) from error
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_looked_at(descriptor: int) -> bool:
    """Whether those who have the lock share it: they look, and have no database. It is not taken."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _open(path: Path) -> tuple[int, bool]:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600), True
    except FileExistsError:
        return os.open(path, flags | os.O_CREAT, 0o600), False


def _is(descriptor: int, path: Path) -> bool:
    """Whether the file that is open is still the one of this name."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    opened = os.fstat(descriptor)
    return (opened.st_dev, opened.st_ino) == (there.st_dev, there.st_ino)


def _said(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
