"""Collects metrics at a steady interval, the first time soon after the start."""

from __future__ import annotations

import logging
import threading
from typing import Any, Final

from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, MetricsData

from promethios.exporter.suppression import suppress
from promethios.exporter.threads import Home, start
from promethios.governance.telemetry.forks import renew_in_child

#: Seconds until the first export: an agent shows as alive before its first interval is over.
FIRST: Final = 0.5

_logger = logging.getLogger("promethios.exporter")


class SteadyMetricReader(MetricReader):
    """Hands metrics to an exporter every `interval` seconds.

    The SDK's periodic reader waits a whole interval before the first export.

    Args:
        exporter: Takes what was collected; it must not wait for the network.
        interval: Seconds.
    """

    def __init__(self, exporter: MetricExporter, interval: float) -> None:
        super().__init__()
        self._exporter = exporter
        self._interval = interval
        self._stopped = threading.Event()
        self._begin()
        renew_in_child(self)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Collect a last time, and stop."""
        if not self._stopped.is_set():
            self._stopped.set()
            self.collect(timeout_millis)

    def renew(self) -> None:
        """Start at zero in a forked child, whose parent goes on telling what was counted before.

        The SDK's own readers leave the child its parent's sums, which would count twice, and locks that a
        collection in the parent may have held.
        """
        consumer: Any = getattr(self._collect, "__self__", None)
        if hasattr(consumer, "add_metric_reader"):
            consumer._lock = threading.Lock()
            consumer.add_metric_reader(self)
        self._begin()

    def _begin(self) -> None:
        if not self._stopped.is_set():
            self._stopped = threading.Event()
            start(self._run, "promethios-metrics")

    def _run(self, home: Home) -> None:
        suppress()
        wait = min(FIRST, self._interval)
        while not self._stopped.wait(wait) and home:
            wait = self._interval
            try:
                self.collect()
            except Exception:
                # The callback of an observable instrument is the application's, and may fail.
                _logger.warning("metrics were not collected; again in %s seconds", wait, exc_info=True)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        self._exporter.export(metrics_data, timeout_millis)
