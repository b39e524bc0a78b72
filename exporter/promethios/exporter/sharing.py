"""One delivery for all exporters with the same settings: they share connection, spool and budget."""

from __future__ import annotations

import threading
import time
from collections import Counter

from promethios.exporter.batch import Signal
from promethios.exporter.counts import FlushResult
from promethios.exporter.delivery import Delivery
from promethios.exporter.settings import Settings
from promethios.governance import Governor


class Deliveries:
    """The deliveries that are shared in this process. Each is closed with its last user.

    Attributes:
        governor: Whose policies say what to redact of all that exporters hand over here; None where the
            process is not governed by its environment.
    """

    def __init__(self) -> None:
        self.governor: Governor | None = None
        self._lock = threading.Lock()
        self._open: dict[Settings, tuple[Delivery, int]] = {}
        self._exporting: Counter[Signal] = Counter()

    def acquire(self, settings: Settings) -> Delivery:
        """The delivery with these settings, opened for its first user."""
        with self._lock:
            delivery, users = self._open.get(settings) or (Delivery(settings), 0)
            self._open[settings] = delivery, users + 1
            return delivery

    def release(self, delivery: Delivery, timeout: float) -> FlushResult | None:
        """Give it back. With its last user it is closed, within `timeout` seconds; others wait for nothing.

        Returns:
            What became of what it held, if it was closed.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            # By itself: a delivery that was given another key has other settings than it was opened with.
            settings = next(each for each, (opened, _) in self._open.items() if opened is delivery)
            _, users = self._open.pop(settings)
            if users > 1:
                self._open[settings] = delivery, users - 1
                return None
        return delivery.close(deadline)

    def settings(self) -> Settings | None:
        """Those of the delivery that was opened first of those in use; None where there is none."""
        with self._lock:
            return next(iter(self._open), None)

    def count(self, signal: Signal, exporters: int) -> None:
        """Note that so many more, or fewer, exporters of `signal` are in use."""
        with self._lock:
            self._exporting[signal] += exporters

    def exported(self) -> frozenset[Signal]:
        """The signals that an exporter in use takes."""
        with self._lock:
            return frozenset(signal for signal, exporters in self._exporting.items() if exporters > 0)


#: What exporters that were given no delivery share.
deliveries = Deliveries()
