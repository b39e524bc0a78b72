"""What `configure` returns: the parts of an agent's set-up, and how to end it."""

from __future__ import annotations

import atexit
import logging
import time
from collections.abc import Callable
from types import TracebackType

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from promethios.exporter.counts import FlushResult, Totals
from promethios.exporter.delivery import Delivery
from promethios.exporter.exporters import EXIT_BUDGET
from promethios.governance import Governor
from promethios.governance.telemetry.lane import DecisionLane

_logger = logging.getLogger("promethios.exporter")


class Promethios:
    """A configured agent. Make it with `promethios.exporter.configure`; usable as a context manager.

    Attributes:
        governor: Decides by the policies; None where none were given.
        tracer_provider: Makes spans that are governed and exported.
        meter_provider: Makes metrics that are exported.
        logger_provider: Makes log records that are redacted and exported.
        decision_provider: Where the spans of decisions go; None where nothing is governed. A span processor
            added to it hears of each decision at once.
    """

    def __init__(
        self,
        delivery: Delivery,
        governor: Governor | None,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
        logger_provider: LoggerProvider,
        decision_provider: DecisionLane | None = None,
    ) -> None:
        self.governor = governor
        self.tracer_provider = tracer_provider
        self.meter_provider = meter_provider
        self.logger_provider = logger_provider
        self.decision_provider = decision_provider
        self._delivery = delivery
        self._handler: logging.Handler | None = None
        self._closed = False

    def flush(self, timeout: float = EXIT_BUDGET) -> FlushResult:
        """Deliver everything that was recorded so far.

        Args:
            timeout: Seconds to wait at most. It returns sooner when nothing can be delivered now.

        Returns:
            What was delivered since the last flush, what waits, and what was lost.
        """
        deadline = time.monotonic() + timeout
        if not self._closed:
            self._collect(deadline)
        return self._delivery.flush(deadline)

    def shutdown(self, timeout: float = EXIT_BUDGET) -> FlushResult:
        """Deliver what can be delivered in time, put the rest into the spool, and stop. Again does nothing.

        Governance stays in force: policies do not depend on a receiver. Decisions taken from here on are
        counted as lost.

        Args:
            timeout: Seconds that this takes at most, whatever the receiver does.

        Returns:
            What was delivered since the last flush, what waits in the spool, and what was lost.
        """
        deadline = time.monotonic() + timeout
        if not self._closed:
            self._closed = True
            atexit.unregister(self.shutdown)
            if self._handler:
                logging.getLogger().removeHandler(self._handler)
            # Collectors first: what they still hand over is the delivery's to place. Metrics last of them,
            # so that they count the rest.
            for provider in self._providers():
                self._attempt(provider.shutdown)
        return self._delivery.close(deadline)

    def use_key(self, api_key: str) -> None:
        """Go on with another API key, and send what was parked under the old one.

        Raises:
            SettingsError: It cannot be a key.
        """
        self._delivery.use_key(api_key)

    def totals(self) -> Totals:
        """What became of everything since the process began."""
        return self._delivery.totals()

    def capture_logging(self, handler: logging.Handler) -> None:
        """Send records of Python's `logging` through `handler` until shutdown."""
        self._handler = handler
        logging.getLogger().addHandler(handler)

    def __enter__(self) -> Promethios:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    def _collect(self, deadline: float) -> None:
        """Move what was recorded into the delivery. It needs no network, so it does not wait for one."""
        for provider in self._providers():
            left = max(1, int((deadline - time.monotonic()) * 1000))
            self._attempt(provider.force_flush, left)

    def _providers(self) -> list[TracerProvider | DecisionLane | LoggerProvider | MeterProvider]:
        lane = [self.decision_provider] if self.decision_provider else []
        return [self.tracer_provider, *lane, self.logger_provider, self.meter_provider]

    @staticmethod
    def _attempt(do: Callable[..., object], *arguments: object) -> None:
        try:
            do(*arguments)
        except Exception:
            # The callback of an observable instrument is the application's, and may fail.
            _logger.warning(
                "%s failed: something may not have been collected", do.__qualname__, exc_info=True
            )
