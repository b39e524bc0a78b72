"""Everything that the receiver knows about itself, at one moment."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from promethios.receiver.access.failures import Attempts
from promethios.receiver.alerts.figures import AlertFigures
from promethios.receiver.ingest.figures import WriterFigures
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.telemetry.counts import Counted

_RESIDENT: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Figures:
    """The receiver at one moment.

    Args:
        counted: What came and what became of it, since the receiver started.
        writer: The queue and the commits.
        memory_bytes: Bytes of request bodies in memory.
        connections: HTTP connections that are open.
        database_bytes, wal_bytes: Sizes of the database file and of its write-ahead log.
        free_bytes: Bytes that may still be written where the database is; None where nobody knows.
        resident_bytes: The process's memory; None where the system does not say.
        cpu_seconds: Processor time that the process has used.
        uptime_seconds: For how long the receiver has been running.
        schema: The revision of the database's schema.
        attempts: How often a wrong key was shown.
        alerts: How alerts do.
    """

    counted: Counted
    writer: WriterFigures
    memory_bytes: int
    connections: int
    database_bytes: int
    wal_bytes: int
    free_bytes: int | None
    resident_bytes: int | None
    cpu_seconds: float
    uptime_seconds: float
    schema: str
    attempts: Attempts = field(default_factory=Attempts)
    alerts: AlertFigures = field(default_factory=AlertFigures)


class Observer:
    """Looks at the receiver when asked; a look takes no part of it up for more than a moment.

    Args:
        services: The receiver's parts.
        budget: Bytes of requests in memory.

    Attributes:
        connections: Says how many HTTP connections are open; whoever has the HTTP server sets it.
    """

    def __init__(self, services: Services, budget: Budget) -> None:
        self._services = services
        self._budget = budget
        self._path = services.settings.path
        self._began = time.monotonic()
        self.connections: Callable[[], int] = lambda: 0

    @property
    def started(self) -> int:
        """When the receiver started, Unix nanoseconds."""
        return self._services.started

    def look(self) -> Figures:
        """The figures as they are now."""
        return Figures(
            counted=self._services.counts.look(),
            writer=self._services.writer.figures(),
            memory_bytes=self._budget.taken,
            connections=self.connections(),
            database_bytes=_size(self._path),
            wal_bytes=_size(self._path.with_name(f"{self._path.name}-wal")),
            free_bytes=_free(self._path.parent),
            resident_bytes=_resident(),
            cpu_seconds=time.process_time(),
            uptime_seconds=time.monotonic() - self._began,
            schema=self._services.store.revision,
            attempts=self._services.gate.failures.figures(),
            alerts=self._services.alert_counts.look(),
        )


def _size(path: Path) -> int:
    """A file's size; 0 for one that is not there, as a write-ahead log before the first commit."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _resident() -> int | None:
    """Pages in memory, the second number of Linux' statm."""
    try:
        return int(_RESIDENT.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
