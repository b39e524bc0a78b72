"""The spool files of a process: its own, and the orphans that it adopted, as one queue."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from promethios.exporter.batch import Batch
from promethios.exporter.spool import Spool, record_size

SUFFIX: Final = ".spool"
#: A file that has been delivered is deleted: several small ones give space back sooner than a large one.
FILES: Final = 8


class SpoolFolder:
    """A queue of batches on disk, the oldest first, bounded in bytes. Used under its owner's lock.

    Args:
        folder: Where the files are; made as 0700 when the first one is needed. Processes share it.
        max_bytes: The most that the files of this process hold together.
        damaged: Called with the number of items of each record that had to be set aside.
    """

    def __init__(self, folder: Path, max_bytes: int, damaged: Callable[[int], None]) -> None:
        self._folder = folder
        self._damaged = damaged
        self._max_bytes = max_bytes
        self._spools: list[Spool] = []

    @property
    def items(self) -> int:
        """How many spans, points and log records wait here."""
        return sum(spool.items for spool in self._spools)

    def adopt(self) -> None:
        """Take over the files that no living process holds; they are older than ours, so they go first."""
        own = {spool.path for spool in self._spools}
        found = [_open(path, self._damaged) for path in self._folder.glob(f"*{SUFFIX}") if path not in own]
        self._spools += [spool for spool in found if spool]
        self._spools.sort(key=lambda spool: spool.path.name)

    def append(self, batch: Batch) -> bool:
        """Add a batch. False where the limit is reached.

        Raises:
            OSError: The disk is full or failing.
        """
        if sum(spool.size for spool in self._spools) + record_size(batch) > self._max_bytes:
            return False
        if not self._spools or self._spools[-1].size > self._max_bytes // FILES:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._spools.append(Spool(self._folder / _name(), self._damaged))
        self._spools[-1].append(batch)
        return True

    def peek(self) -> Batch | None:
        """The oldest batch; files that turn out to hold nothing are deleted on the way."""
        while self._spools:
            try:
                if batch := self._spools[0].peek():
                    return batch
            except (OSError, ValueError):
                # Damaged while we had it open: whoever adopts it next sorts out what is still good.
                self._spools.pop(0).abandon()
                continue
            self._spools.pop(0).close()
        return None

    def pop(self) -> None:
        """The batch that `peek` gave is dealt with; a file in which nothing is left is deleted."""
        self._spools[0].pop()
        if not self._spools[0]:
            self._spools.pop(0).close()

    def close(self) -> None:
        """Release the files for another process to adopt."""
        while self._spools:
            self._spools.pop().close()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's files without touching them."""
        while self._spools:
            self._spools.pop().abandon()


def _name() -> str:
    return f"{time.time_ns():020}-{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"


def _open(path: Path, damaged: Callable[[int], None]) -> Spool | None:
    """Adopt a file; None where its owner lives, or where it cannot be read by us."""
    try:
        spool = Spool(path, damaged)
    except OSError:
        return None
    if path.exists():
        return spool
    # Its last owner finished and deleted it between our opening and our locking it.
    spool.abandon()
    return None
