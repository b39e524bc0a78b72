"""From what the SDK collects to batches: spans by `spans`, the rest by OpenTelemetry's encoder, and split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics.export import Metric, MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.trace import ReadableSpan

from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.counts import DropReason
from promethios.exporter.cutting import VALUE_BYTES, cut
from promethios.exporter.spans import encode as encode_spans

_logger = logging.getLogger("promethios.exporter")
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Encoder(Generic[_Item]):
    """How one signal becomes requests.

    Args:
        signal: What it is.
        encode: Makes the OTLP request of some items.
        count: How many spans, points or records some items are.
        halve: Splits items into two smaller groups; an empty second one says that there is no smaller.
    """

    signal: Signal
    encode: Callable[[Sequence[_Item]], Any]
    count: Callable[[Sequence[_Item]], int]
    halve: Callable[[Sequence[_Item]], tuple[Sequence[_Item], Sequence[_Item]]]

    def batches(
        self,
        items: Sequence[_Item],
        max_bytes: int,
        drop: Callable[[int, DropReason], None],
        lane: Lane = Lane.BULK,
    ) -> Iterator[Batch]:
        """Encode items as few batches as the limit allows.

        An item that cannot be encoded, or that is alone above the limit, costs only itself.

        Args:
            items: What was collected.
            max_bytes: The most that one request may have before compression.
            drop: Told how many items were lost, and why.
            lane: How much they matter.
        """
        if not self.count(items):
            return
        request = self._request(items)
        if request is not None and len(request) <= max_bytes:
            yield Batch.pack(self.signal, self.count(items), request, lane)
            return
        first, second = self.halve(items)
        if second:
            yield from self.batches(first, max_bytes, drop, lane)
            yield from self.batches(second, max_bytes, drop, lane)
        else:
            drop(self.count(items), DropReason.NOT_ENCODED if request is None else DropReason.TOO_LARGE)

    def _request(self, items: Sequence[_Item]) -> bytes | None:
        try:
            message = self.encode(items)
            encoded: bytes = message.SerializeToString()
            if len(encoded) > VALUE_BYTES and cut(message):
                encoded = message.SerializeToString()
        except Exception as error:
            # Attributes come from anywhere; the encoder raises on what it does not know.
            _logger.debug("cannot encode %s: %s", self.signal.path, type(error).__name__)
            return None
        return encoded


def _halves(items: Sequence[_Item]) -> tuple[Sequence[_Item], Sequence[_Item]]:
    middle = (len(items) + 1) // 2
    return items[:middle], items[middle:]


def _encode_metrics(items: Sequence[ResourceMetrics]) -> Any:
    """One by one: of several entries for one resource, the encoder keeps only the last."""
    first, *others = (encode_metrics(MetricsData(resource_metrics=[item])) for item in items)
    for other in others:
        first.MergeFrom(other)
    return first


def _points(items: Sequence[ResourceMetrics]) -> int:
    metrics = (m for resource in items for scope in resource.scope_metrics for m in scope.metrics)
    return sum(len(metric.data.data_points) for metric in metrics)


def _halve_metrics(
    items: Sequence[ResourceMetrics],
) -> tuple[Sequence[ResourceMetrics], Sequence[ResourceMetrics]]:
    """Split between metrics, and a metric that is alone between its points: each keeps what it belongs to."""
    if len(items) == 1:
        items = [
            _alone(items[0], scope, metric) for scope in items[0].scope_metrics for metric in scope.metrics
        ]
    if len(items) == 1:
        (scope,) = items[0].scope_metrics
        (metric,) = scope.metrics
        data: Any = metric.data
        items = [
            _alone(items[0], scope, replace(metric, data=replace(data, data_points=list(points))))
            for points in _halves(data.data_points)
            if points
        ]
    return _halves(items)


def _alone(whole: ResourceMetrics, scope: ScopeMetrics, metric: Metric) -> ResourceMetrics:
    only = ScopeMetrics(scope.scope, [metric], scope.schema_url)
    return ResourceMetrics(whole.resource, [only], whole.schema_url)


TRACES: Final[Encoder[ReadableSpan]] = Encoder(Signal.TRACES, encode_spans, len, _halves)
METRICS: Final[Encoder[ResourceMetrics]] = Encoder(Signal.METRICS, _encode_metrics, _points, _halve_metrics)
LOGS: Final[Encoder[ReadableLogRecord]] = Encoder(Signal.LOGS, encode_logs, len, _halves)
