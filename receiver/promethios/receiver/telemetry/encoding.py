"""The receiver's own figures as an OTLP request.

Made from the messages of `opentelemetry-proto`, not by instruments of the SDK: those have no way to tell a
histogram that was counted elsewhere, and would bring a second thread and a second set of numbers.
"""

from __future__ import annotations

import time
from typing import Any, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from promethios.receiver.telemetry.figures import Figures
from promethios.receiver.telemetry.instruments import INSTRUMENTS, Distribution, Instrument, Kind, Point

SCOPE: Final = "promethios.receiver"
_CUMULATIVE: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


def encode(figures: Figures, started: int, resource: dict[str, str]) -> bytes:
    """One request with every instrument, cumulative since `started` (Unix nanoseconds)."""
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add()
    metrics.resource.attributes.extend(_attributes(resource.items()))
    scope = metrics.scope_metrics.add()
    scope.scope.name = SCOPE
    now = time.time_ns()
    for instrument in INSTRUMENTS:
        _fill(scope.metrics.add(), instrument, figures, (started, now))
    return request.SerializeToString()


def _fill(metric: Metric, instrument: Instrument, figures: Figures, times: tuple[int, int]) -> None:
    metric.name, metric.unit, metric.description = instrument.name, instrument.unit, instrument.about
    data: Any
    if instrument.kind is Kind.GAUGE:
        data = metric.gauge
    elif instrument.kind is Kind.COUNTER:
        data = metric.sum
        data.is_monotonic, data.aggregation_temporality = True, _CUMULATIVE
    else:
        data = metric.histogram
        data.aggregation_temporality = _CUMULATIVE
    data.data_points.extend(_point(instrument, point, times) for point in instrument.read(figures))


def _point(
    instrument: Instrument, point: Point, times: tuple[int, int]
) -> NumberDataPoint | HistogramDataPoint:
    labels, value = point
    common: dict[str, Any] = {
        "start_time_unix_nano": times[0],
        "time_unix_nano": times[1],
        "attributes": _attributes(zip(instrument.labels, labels, strict=True)),
    }
    if isinstance(value, Distribution):
        return HistogramDataPoint(
            count=sum(value.counts),
            sum=value.total,
            bucket_counts=value.counts,
            explicit_bounds=value.bounds,
            **common,
        )
    if isinstance(value, float):
        return NumberDataPoint(as_double=value, **common)
    return NumberDataPoint(as_int=value, **common)


def _attributes(pairs: Any) -> list[KeyValue]:
    return [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in pairs]
