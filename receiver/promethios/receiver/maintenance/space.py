"""The guard of the disk's free space: stops what fills it before the disk does.

A full disk stops DELETE and checkpoints too, so the last `min_free_bytes` are not given to what comes in:
they are the room in which retention works. In case others fill the disk to the last byte, some room is in a
file of ours, ``<database>.reserve``, which is given up then and made again when there is space.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from promethios.receiver.maintenance.holds import Holds

_log = logging.getLogger(__name__)

#: The reserve's bytes, where the guard keeps so much; at most a quarter of what it keeps.
RESERVE_BYTES: Final = 16 * 1024 * 1024
#: How much more than the threshold has to be free before data is taken again.
_MARGIN: Final = 1.1


def free_bytes(path: Path) -> int:
    """Bytes that a process like this one may still write where `path` is."""
    there = os.statvfs(path)
    return there.f_bavail * there.f_frsize


class SpaceGuard:
    """Watches the free space; a chore of the writer.

    Args:
        database: The database file.
        min_free_bytes: Below so many free bytes nothing is taken; 0 for no guard.
        holds: Holds the writer.
        free: How many bytes are free where a path is.
    """

    def __init__(
        self,
        database: Path,
        min_free_bytes: int,
        holds: Holds,
        *,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = database.resolve().parent
        self._reserve = Path(f"{database.resolve()}.reserve")
        self._reserve_bytes = min(RESERVE_BYTES, min_free_bytes // 4)
        self._least = min_free_bytes
        self._holds = holds
        self._free = free
        self._held = False

    @property
    def free(self) -> int:
        """Bytes that are free."""
        return self._free(self._folder)

    def look(self, _: Connection) -> None:
        """Hold the writer, or let it go, as there is space; called every second or so."""
        if not self._least:
            return
        free = self.free
        self._held = free < self._least * (_MARGIN if self._held else 1)
        self._holds.set("the disk", self._reason(free) if self._held else None)
        if free < self._least // 4:
            self._reserve.unlink(missing_ok=True)
        elif free > 2 * self._least and not self._reserve.exists():
            self._keep_reserve()

    def close(self) -> None:
        """Give the reserve back: nobody watches any more."""
        self._reserve.unlink(missing_ok=True)

    def _reason(self, free: int) -> str:
        mib = 1024 * 1024
        return (
            f"the disk has {free // mib} MiB left, and the last {self._least // mib} are kept for deleting; "
            "free some space, or keep less (retention_days, max_db_bytes)"
        )

    def _keep_reserve(self) -> None:
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._reserve_bytes)
        except OSError as error:
            self._reserve.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EOPNOTSUPP, errno.EINVAL):
                raise
            _log.info("no reserve beside the database: %s", error.strerror)
        finally:
            os.close(descriptor)
