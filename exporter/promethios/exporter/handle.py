"""What `configure` returns: the parts of an agent's set-up, and how to end it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Protocol

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.trace import TracerProvider

from promethios.exporter.batching import LogBatches, SpanBatches
from promethios.exporter.counts import FlushResult, Totals
from promethios.exporter.delivery import Delivery
from promethios.exporter.ends import forget
from promethios.exporter.sharing import deliveries
from promethios.governance import Governor
from promethios.governance.telemetry.lane import DecisionLane

#: Collectors whose `shutdown` takes the milliseconds that it may last.
_TIMED: Final = (SpanBatches, LogBatches, MetricReader, MeterProvider)

_logger = logging.getLogger("promethios.exporter")


class Collector(Protocol):
    """What holds items that were recorded, until it hands them over to the delivery."""

    def force_flush(self, timeout_millis: int = ...) -> bool:
        """Hand over what is held."""
        ...

    def shutdown(self) -> None:
        """Hand over what is held, and take no more."""
        ...


class Providers(Protocol):
    """The SDK's providers of the three signals."""

    @property
    def tracers(self) -> TracerProvider: ...
    @property
    def meters(self) -> MeterProvider: ...
    @property
    def loggers(self) -> LoggerProvider: ...


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
        providers: Providers,
        decision_provider: DecisionLane | None,
        collectors: Sequence[Collector],
        *,
        shared: bool = False,
    ) -> None:
        self.governor = governor
        self.tracer_provider = providers.tracers
        self.meter_provider = providers.meters
        self.logger_provider = providers.loggers
        self.decision_provider = decision_provider
        self._delivery = delivery
        self._collectors = collectors
        self._shared = shared
        self._handler: logging.Handler | None = None
        self._closed = False
        self._ended_by: dict[str, tuple[int, int, object]] = {}
        self._collected = threading.Event()

    def flush(self, timeout: float | None = None) -> FlushResult:
        """Deliver everything that was recorded so far.

        Args:
            timeout: Seconds to wait at most; the setting `exit_budget` by default. It returns sooner when
                nothing can be delivered now.

        Returns:
            What was delivered since the last flush, what waits, and what was lost.
        """
        deadline = self._deadline(timeout)
        if not self._closed:
            self._collect(deadline)
        return self._delivery.flush(deadline)

    def shutdown(self, timeout: float | None = None) -> FlushResult:
        """Deliver what can be delivered in time, put the rest into the spool, and stop. Again does nothing.

        Governance stays in force: policies do not depend on a receiver. Decisions taken from here on are
        counted as lost.

        Args:
            timeout: Seconds that this takes at most, whatever the receiver does; the setting `exit_budget`
                by default.

        Returns:
            What was delivered since the last flush, what waits in the spool, and what was lost.
        """
        deadline = self._deadline(timeout)
        if not self._begin_to_end():
            self._await_collected(deadline)
            return self._delivery.flush(deadline) if self._shared else self._delivery.close(deadline)
        forget(self.shutdown)
        try:
            if self._handler:
                logging.getLogger().removeHandler(self._handler)
            for collector in self._collectors:
                self._end(collector, deadline)
        finally:
            self._collected.set()
        return self._close(deadline)

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

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (self._delivery.settings.exit_budget if timeout is None else timeout)

    def _collect(self, deadline: float) -> None:
        """Move what was recorded into the delivery. It needs no network, so it does not wait for one."""
        for collector in self._collectors:
            left = max(1, int((deadline - time.monotonic()) * 1000))
            self._attempt(collector.force_flush, left)

    def _begin_to_end(self) -> bool:
        """Whether this is the first call of all. Without a lock, which a forked child could find held."""
        self._closed = True
        call = (os.getpid(), threading.get_ident(), object())
        return self._ended_by.setdefault("first", call) is call

    def _await_collected(self, deadline: float) -> None:
        """Let another thread that ends it hand over what is held: a closed delivery takes no more.

        That thread is not in a forked child, and may be this one: a signal's handler that ends it again.
        """
        pid, thread, _ = self._ended_by["first"]
        if pid == os.getpid() and thread != threading.get_ident():
            self._collected.wait(max(0.0, deadline - time.monotonic()))

    def _end(self, collector: Collector, deadline: float) -> None:
        """End it. One that takes a time is given half of what is left: the delivery needs the rest."""
        if isinstance(collector, _TIMED):
            left = max(0.0, deadline - time.monotonic())
            self._attempt(collector.shutdown, left * 1000 / 2)
        else:
            self._attempt(collector.shutdown)

    def _close(self, deadline: float) -> FlushResult:
        if not self._shared:
            return self._delivery.close(deadline)
        left = max(0.0, deadline - time.monotonic())
        result = deliveries.release(self._delivery, left)
        return self._delivery.flush(time.monotonic()) if result is None else result

    @staticmethod
    def _attempt(do: Callable[..., object], *arguments: object) -> None:
        try:
            do(*arguments)
        except Exception:
            # The callback of an observable instrument is the application's, and may fail.
            _logger.warning(
                "%s failed: something may not have been collected", do.__qualname__, exc_info=True
            )
