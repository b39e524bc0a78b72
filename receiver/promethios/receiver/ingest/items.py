"""How many items a decoded request has."""

from __future__ import annotations

from typing import Any


def count_spans(message: Any) -> int:
    """The spans of an `ExportTraceServiceRequest`."""
    return sum(len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans)


def count_logs(message: Any) -> int:
    """The records of an `ExportLogsServiceRequest`."""
    return sum(len(scope.log_records) for resource in message.resource_logs for scope in resource.scope_logs)


def count_points(message: Any) -> int:
    """The data points of an `ExportMetricsServiceRequest`; a metric without any counts as one item."""
    return sum(
        max(1, len(getattr(metric, kind).data_points)) if (kind := metric.WhichOneof("data")) else 1
        for resource in message.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
