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

    The SDK's periodic reader waits a whole interval before the first export, and for a callback of the
    application's as long as that takes. Here a thread of the reader's own collects, and who flushes or ends
    waits for it until a time.

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

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect now, in the reader's own thread; False where that takes longer, or failed."""
        if self._stopped.is_set():
            return True
        return self._ask(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Collect a last time, and stop. What is not collected in time is not told."""
        if not self._stopped.is_set():
            self._stopped.set()
            if not self._ask(timeout_millis, last=True):
                _logger.warning("the last metrics were not collected in time, or not at all")

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
        self._due = threading.Event()
        self._asked: list[_Request] = []
        if not self._stopped.is_set():
            self._stopped = threading.Event()
            start(self._run, "promethios-metrics")

    def _ask(self, timeout_millis: float, last: bool = False) -> bool:
        """Have what was recorded until now collected, and wait for it."""
        request = _Request(last)
        self._asked.append(request)
        self._due.set()
        return request.done.wait(timeout_millis / 1000) and request.collected

    def _run(self, home: Home) -> None:
        suppress()
        due, asked = self._due, self._asked
        wait = min(FIRST, self._interval)
        while home:
            due.wait(wait)
            due.clear()
            wait = self._interval
            if not home:
                return
            # Whoever asks in the meantime asks for more than what is collected now.
            requests = [asked.pop() for _ in range(len(asked))]
            collected = self._try_to_collect()
            for request in requests:
                request.answer(collected)
            if any(request.last for request in requests):
                return

    def _try_to_collect(self) -> bool:
        try:
            self.collect()
        except Exception:
            # The callback of an observable instrument is the application's, and may fail.
            again = "" if self._stopped.is_set() else f"; again in {self._interval} seconds"
            _logger.warning("metrics were not collected%s", again, exc_info=True)
            return False
        return True

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        self._exporter.export(metrics_data, timeout_millis)


class _Request:
    """Of who waits until metrics are collected."""

    def __init__(self, last: bool) -> None:
        self.last = last
        self.done = threading.Event()
        self.collected = False

    def answer(self, collected: bool) -> None:
        self.collected = collected
        self.done.set()
