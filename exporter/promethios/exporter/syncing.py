"""Brings what was written to the disk itself, where the settings ask for that."""

from __future__ import annotations

import logging
import os

from promethios.exporter.batch import Lane
from promethios.exporter.spool import Segment

_logger = logging.getLogger("promethios.exporter")


class Syncing:
    """Syncs records outside of any lock: a disk takes its time, and others must not wait for it.

    Args:
        wanted: The setting `spool_fsync`.
    """

    def __init__(self, wanted: str) -> None:
        self._lanes = {"never": (), "decisions": (Lane.DECISIONS,), "always": tuple(Lane)}[wanted]
        self._failing = False

    def handle(self, segment: Segment | None, lane: Lane) -> int | None:
        """A descriptor for `sync`, where that is wanted; made under the lock of `segment`."""
        return segment.handle() if segment and lane in self._lanes else None

    def sync(self, handle: int) -> bool:
        """Wait until the disk has what was written; whether it has. Closes the handle.

        A sync that failed is not tried again: the pages may be marked as clean by then, and a second one
        would tell of success (https://wiki.postgresql.org/wiki/Fsync_Errors). The record stays, and is sent.
        """
        try:
            os.fdatasync(handle)
        except OSError as error:
            if not self._failing:
                _logger.error("cannot sync the spool, a power cut may take what is in it: %s", error)
            self._failing = True
        else:
            self._failing = False
        finally:
            os.close(handle)
        return not self._failing
