"""A request that its receiver finds too large, in two: its limit may be lower than ours, or a proxy's is."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from promethios.exporter.batch import Batch, Signal

#: The message of each signal, and how its lists are called: of resources, scopes and what is in these.
_MESSAGES: Final[dict[Signal, tuple[Any, str, str, str]]] = {
    Signal.TRACES: (ExportTraceServiceRequest, "resource_spans", "scope_spans", "spans"),
    Signal.METRICS: (ExportMetricsServiceRequest, "resource_metrics", "scope_metrics", "metrics"),
    Signal.LOGS: (ExportLogsServiceRequest, "resource_logs", "scope_logs", "log_records"),
}


def halves(batch: Batch) -> tuple[Batch, Batch] | None:
    """Two packed batches with the items of one, in their order; None where there are no two items in it.

    The same batch always gives the same two.
    """
    message = _MESSAGES[batch.signal][0]
    try:
        request = gzip.decompress(batch.body)
        first, second = message.FromString(request), message.FromString(request)
    except (OSError, EOFError, zlib.error, DecodeError):
        return None
    middle = batch.items // 2
    if middle == 0 or sum(len(items) for items in _counted(first, batch.signal)) != batch.items:
        return None
    _leave(first, batch.signal, 0, middle)
    _leave(second, batch.signal, middle, batch.items)
    return (
        Batch.pack(batch.signal, middle, first.SerializeToString(), batch.lane),
        Batch.pack(batch.signal, batch.items - middle, second.SerializeToString(), batch.lane),
    )


def _leave(request: Any, signal: Signal, start: int, end: int) -> None:
    """Delete all items but some, and what has none then."""
    at = 0
    for items in _counted(request, signal):
        after = at + len(items)
        del items[max(0, min(end, after) - at) :]
        del items[: max(0, start - at)]
        at = after
    _, resources, scopes, entries = _MESSAGES[signal]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            if signal is Signal.METRICS:
                _delete_empty(scope.metrics, _points)
        _delete_empty(getattr(resource, scopes), lambda scope: getattr(scope, entries))
    _delete_empty(getattr(request, resources), lambda resource: getattr(resource, scopes))


def _delete_empty(messages: Any, content: Callable[[Any], Any]) -> None:
    for number in range(len(messages) - 1, -1, -1):
        if not content(messages[number]):
            del messages[number]


def _counted(request: Any, signal: Signal) -> Iterator[Any]:
    """The lists of what a batch counts: spans, data points or log records."""
    _, resources, scopes, entries = _MESSAGES[signal]
    for resource in getattr(request, resources):
        for scope in getattr(resource, scopes):
            if signal is Signal.METRICS:
                yield from (_points(metric) for metric in scope.metrics)
            else:
                yield getattr(scope, entries)


def _points(metric: Any) -> Any:
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else []
