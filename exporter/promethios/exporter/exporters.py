"""The exporters that OpenTelemetry's SDK loads: it collects, they encode and hand over.

They take their settings from the environment where none are given, so that
``OTEL_TRACES_EXPORTER=promethios`` (and metrics, logs) is enough. `export` answers "success" when a batch is
queued for delivery, because the SDK would throw a failed one away. In a process that its environment governs
they redact what passed the processors by; with a delivery of somebody's it is left to them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from promethios.exporter.counts import DropReason
from promethios.exporter.delivery import Delivery
from promethios.exporter.encoding import LOGS, METRICS, TRACES, Encoder
from promethios.exporter.settings import Settings
from promethios.exporter.sharing import deliveries
from promethios.governance import Governor, RedactingLogExporter, RedactingSpanExporter

_Item = TypeVar("_Item")


class PromethiosSpanExporter(SpanExporter):
    """Sends spans to Promethios, or to any OTLP/HTTP endpoint.

    Args:
        delivery: An open delivery to use; its owner closes it. By default exporters share one for each set
            of settings.
        settings: Settings by name, as for `promethios.exporter.configure`; the environment gives the rest.

    Raises:
        SettingsError: A setting is missing or cannot work.
    """

    def __init__(self, *, delivery: Delivery | None = None, **settings: Any) -> None:
        self._line = _Line(TRACES, delivery, settings)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Queue spans for delivery."""
        if governor := self._line.governor:
            return RedactingSpanExporter(_Spans(self._line), governor).export(spans)
        return _Spans(self._line).export(spans)

    def drop(self, items: int, reason: DropReason) -> None:
        """Count items that were lost before they came here."""
        self._line.drop(items, reason)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Wait until everything that was queued is delivered; False if it was not."""
        return self._line.flush(timeout_millis)

    def shutdown(self) -> None:
        """Deliver what can be delivered within `exit_budget`, keep the rest, and stop."""
        self._line.shutdown()


class PromethiosMetricExporter(MetricExporter):
    """Sends metrics to Promethios, or to any OTLP/HTTP endpoint; made like a `PromethiosSpanExporter`."""

    def __init__(self, *, delivery: Delivery | None = None, **settings: Any) -> None:
        super().__init__()
        self._line = _Line(METRICS, delivery, settings)

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Queue metrics for delivery."""
        accepted = self._line.hand_over(metrics_data.resource_metrics)
        return MetricExportResult.SUCCESS if accepted else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Wait until everything that was queued is delivered; False if it was not."""
        return self._line.flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Deliver what can be delivered within `exit_budget`, keep the rest, and stop."""
        self._line.shutdown(timeout_millis)


class PromethiosLogExporter(LogRecordExporter):
    """Sends log records to Promethios, or to any OTLP/HTTP endpoint; made like a `PromethiosSpanExporter`."""

    def __init__(self, *, delivery: Delivery | None = None, **settings: Any) -> None:
        self._line = _Line(LOGS, delivery, settings)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Queue log records for delivery."""
        if governor := self._line.governor:
            return RedactingLogExporter(_Logs(self._line), governor).export(batch)
        return _Logs(self._line).export(batch)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Wait until everything that was queued is delivered; False if it was not."""
        return self._line.flush(timeout_millis)

    def shutdown(self) -> None:
        """Deliver what can be delivered within `exit_budget`, keep the rest, and stop."""
        self._line.shutdown()


class _Line(Generic[_Item]):
    """What the three exporters have in common: from collected items to a delivery."""

    def __init__(self, encoder: Encoder[_Item], delivery: Delivery | None, settings: dict[str, Any]) -> None:
        self._encoder = encoder
        self._shared: Settings | None = None
        if delivery is None:
            self._shared = Settings.load(**settings)
            delivery = deliveries.acquire(self._shared)
            deliveries.count(encoder.signal, 1)
        elif settings:
            raise TypeError("give an exporter settings or a delivery: a delivery has settings of its own")
        self._delivery = delivery
        self._closed = False

    @property
    def governor(self) -> Governor | None:
        """Whose policies say what is redacted here, at last."""
        return deliveries.governor if self._shared else None

    def hand_over(self, items: Sequence[_Item]) -> bool:
        if self._closed:
            return False
        limit = self._delivery.settings.max_request_bytes
        for batch in self._encoder.batches(items, limit, self._delivery.drop):
            self._delivery.submit(batch)
        return True

    def drop(self, items: int, reason: DropReason) -> None:
        self._delivery.drop(items, reason)

    def flush(self, timeout_millis: float) -> bool:
        return self._closed or self._delivery.wait(time.monotonic() + timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = float("inf")) -> None:
        if not self._closed and self._shared:
            deliveries.count(self._encoder.signal, -1)
            deliveries.release(self._delivery, min(timeout_millis / 1000, self._shared.exit_budget))
        self._closed = True


class _Spans(SpanExporter):
    """Hands spans over as they are."""

    def __init__(self, line: _Line[ReadableSpan]) -> None:
        self._line = line

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self._line.hand_over(spans) else SpanExportResult.FAILURE


class _Logs(LogRecordExporter):
    """Hands log records over as they are."""

    def __init__(self, line: _Line[ReadableLogRecord]) -> None:
        self._line = line

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        accepted = self._line.hand_over(batch)
        return LogRecordExportResult.SUCCESS if accepted else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        return True

    def shutdown(self) -> None:
        """Nothing to end: the line is another's."""
