"""What the receiver knows of its own alerts, in plain integers behind one lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class AlertFigures:
    """Counts since the receiver started, and how things stand.

    Args:
        evaluations: How often all rules of a tenant were evaluated.
        failed_evaluations: Rules that could not be evaluated, and tenants of which none could.
        firing: Alerts that fire now.
        sent: Messages that arrived.
        failed: Attempts to send one that failed.
        dropped: Messages that were given up, or found no room.
    """

    evaluations: int = 0
    failed_evaluations: int = 0
    firing: int = 0
    sent: int = 0
    failed: int = 0
    dropped: int = 0


class AlertCounts:
    """Counts, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures = AlertFigures()
        self._firing: dict[int, int] = {}

    def add(self, **numbers: int) -> None:
        """Add to counts, by their names in `AlertFigures`."""
        with self._lock:
            new = {name: getattr(self._figures, name) + number for name, number in numbers.items()}
            self._figures = replace(self._figures, **new)

    def fire(self, tenant_id: int, number: int) -> None:
        """Say how many alerts of a tenant fire now."""
        with self._lock:
            self._firing[tenant_id] = number

    def look(self) -> AlertFigures:
        """The figures as they are now."""
        with self._lock:
            return replace(self._figures, firing=sum(self._firing.values()))
