"""Metric series and their points as rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    DataPointFlags,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from promethios.governance import semconv
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.envelope import with_resource, with_scope
from promethios.receiver.ingest.heartbeats import add_sign_of_life
from promethios.receiver.ingest.series import Told, series_row
from promethios.receiver.ingest.values import (
    ItemError,
    attributes_of,
    finite_or_text,
    int64,
    json_text,
)

_NO_VALUE: Final = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK

#: Kinds of data that say over what time they are.
_OVER_TIME: Final = frozenset({"sum", "histogram", "exponential_histogram"})

#: value_int, value_double, count, sum, min, max, distribution
Measured = tuple[int | None, float | None, int | None, float | None, float | None, float | None, str | None]


def add_metrics(batch: Batch, origin: Origin, request: ExportMetricsServiceRequest) -> None:
    """Add every data point of a request to `batch`, or refuse it there."""
    for resource_metrics in request.resource_metrics:
        try:
            here = with_resource(batch, origin, resource_metrics.resource)
        except ItemError as error:
            for scope_metrics in resource_metrics.scope_metrics:
                _reject_all(batch, scope_metrics.metrics, f"its resource has {error}")
            continue
        for scope_metrics in resource_metrics.scope_metrics:
            try:
                there = with_scope(batch, here, scope_metrics.scope)
            except ItemError as error:
                _reject_all(batch, scope_metrics.metrics, f"its scope has {error}")
                continue
            for metric in scope_metrics.metrics:
                _add_metric(batch, there, metric)


def _reject_all(batch: Batch, metrics: Any, reason: str) -> None:
    for metric in metrics:
        for _ in _points(metric):
            batch.reject(f"point of {metric.name[:60]!r}", reason)


def _points(metric: Metric) -> Any:
    """The data points, of whatever type; none for a type that a newer client may have."""
    kind = metric.WhichOneof("data")
    return () if kind is None else getattr(metric, kind).data_points


def _add_metric(batch: Batch, origin: Origin, metric: Metric) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        batch.warn(f"metric {metric.name[:60]!r} has no data of a known type and was left out")
        return
    data: Any = getattr(metric, kind)
    temporality = data.aggregation_temporality if kind in _OVER_TIME else 0
    monotonic = int(data.is_monotonic) if kind == "sum" else 0
    told = Told(metric.name, metric.description, metric.unit, kind, temporality, monotonic)
    for point in data.data_points:
        try:
            _add_point(batch, origin, told, point)
        except ItemError as error:
            batch.reject(f"point of {told.name[:60]!r}", error)


def _add_point(batch: Batch, origin: Origin, told: Told, point: Any) -> None:
    attributes = attributes_of(point.attributes)
    when = int64(point.time_unix_nano, "the time")
    start = int64(point.start_time_unix_nano, "the start time")
    measured = _MEASURES[told.kind](point)
    exemplars = None if told.kind == "summary" else _exemplars(point.exemplars)
    agent_id = batch.agent(origin, attributes, when)
    series = series_row(origin, agent_id, told, json_text(attributes))
    batch.add("metric_series", series)
    batch.add("metric_points", (origin.tenant_id, series[0], when, start, *measured, exemplars, point.flags))
    if told.name == semconv.METRIC_HEARTBEAT and told.kind in ("gauge", "sum"):
        value = measured[1] if measured[0] is None else float(measured[0])
        add_sign_of_life(batch, origin, agent_id, attributes, when, value)


def _number(point: NumberDataPoint) -> Measured:
    kind = point.WhichOneof("value")
    if kind == "as_int":
        return (point.as_int, None, None, None, None, None, None)
    if point.flags & _NO_VALUE:
        return (None, None, None, None, None, None, None)
    if kind is None:
        raise ItemError("it has no value")
    return (None, _known(point.as_double, "the value"), None, None, None, None, None)


def _histogram(point: HistogramDataPoint) -> Measured:
    bounds: list[Any] = point.explicit_bounds[:]
    # One sum tells whether all of them have a word in JSON.
    if not math.isfinite(sum(bounds)):
        bounds = list(map(finite_or_text, bounds))
    return _distribution(point, {"bounds": bounds, "counts": point.bucket_counts[:]})


def _exponential(point: ExponentialHistogramDataPoint) -> Measured:
    shape = {
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": finite_or_text(point.zero_threshold),
        "positive": {"offset": point.positive.offset, "counts": list(point.positive.bucket_counts)},
        "negative": {"offset": point.negative.offset, "counts": list(point.negative.bucket_counts)},
    }
    return _distribution(point, shape)


def _summary(point: SummaryDataPoint) -> Measured:
    quantiles = [
        [finite_or_text(each.quantile), finite_or_text(each.value)] for each in point.quantile_values
    ]
    total = _known(point.sum, "the sum")
    return (
        None,
        None,
        int64(point.count, "the count"),
        total,
        None,
        None,
        json_text({"quantiles": quantiles}),
    )


def _distribution(
    point: HistogramDataPoint | ExponentialHistogramDataPoint, shape: dict[str, Any]
) -> Measured:
    count = int64(point.count, "the count")
    total = _known(point.sum, "the sum") if point.HasField("sum") else None
    least = _known(point.min, "the min") if point.HasField("min") else None
    most = _known(point.max, "the max") if point.HasField("max") else None
    return (None, None, count, total, least, most, json_text(shape))


def _known(number: float, what: str) -> float:
    """`number`; NaN is refused, because a database column would turn it into "nothing" without a word."""
    if number != number:
        raise ItemError(f"{what} is NaN")
    return number


def _exemplars(exemplars: Any) -> str | None:
    if not exemplars:
        return None
    return json_text(
        [
            {
                "time": int64(each.time_unix_nano, "an exemplar's time"),
                "value": each.as_int
                if each.WhichOneof("value") == "as_int"
                else finite_or_text(each.as_double),
                "trace_id": each.trace_id.hex(),
                "span_id": each.span_id.hex(),
                "attributes": attributes_of(each.filtered_attributes),
            }
            for each in exemplars
        ]
    )


_MEASURES: Final[dict[str, Callable[[Any], Measured]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}
