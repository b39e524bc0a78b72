"""One receiver for one database: an operating-system lock, held as long as the process writes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class DatabaseInUse(RuntimeError):
    """Another process holds the database."""


class DatabaseLock:
    """An exclusive lock beside the database file; the system lets go of it however the process ends.

    It is a file of its own, ``<database>.lock``: SQLite's own locks are POSIX locks, which the process loses
    as soon as it closes any other descriptor of the same file.

    Args:
        database: The database file. Symbolic links are followed, so that two names meet in one lock.

    Raises:
        DatabaseInUse: Another process has the lock; the message names it.
        OSError: The file cannot be opened or locked.
    """

    def __init__(self, database: Path) -> None:
        self.path = Path(f"{database.resolve()}.lock")
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"cannot open {database}: another receiver holds it (process {holder}); stop that one first, "
                "or choose another file with --db"
            ) from error
        except OSError:
            os.close(self._descriptor)
            raise
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode("ascii"))

    def release(self) -> None:
        """Let go of the lock. The file stays: removing it would race with the next holder."""
        os.close(self._descriptor)
