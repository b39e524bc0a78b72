"""What arrived, decoded."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_REQUESTS: Final[Mapping[str, Any]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came.

    Args:
        path: The path.
        headers: The headers, by lower-case name; one that came more than once has all its values.
        body: The body, still compressed.
        client_port: The port that it came from: requests of one connection have the same.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    client_port: int

    @property
    def signal(self) -> str:
        """``traces``, ``metrics`` or ``logs``; empty for a path that is not OTLP's."""
        before, _, signal = self.path.rpartition("/")
        return signal if before.endswith("/v1") and signal in _REQUESTS else ""

    @property
    def message(self) -> Any:
        """The OTLP request that the body holds.

        Raises:
            KeyError: The path is not OTLP's.
            google.protobuf.message.DecodeError: The body is not OTLP in protobuf.
        """
        packed = self.headers.get("content-encoding") == "gzip"
        return _REQUESTS[self.signal].FromString(gzip.decompress(self.body) if packed else self.body)

    def spans(self) -> list[Span]:
        """Its spans; none where it carries something else."""
        return self._items("traces", "resource_spans", "scope_spans", "spans")

    def metrics(self) -> list[Metric]:
        """Its metrics."""
        return self._items("metrics", "resource_metrics", "scope_metrics", "metrics")

    def logs(self) -> list[LogRecord]:
        """Its log records."""
        return self._items("logs", "resource_logs", "scope_logs", "log_records")

    def _items(self, signal: str, resources: str, scopes: str, items: str) -> list[Any]:
        if self.signal != signal:
            return []
        return [
            item
            for resource in getattr(self.message, resources)
            for scope in getattr(resource, scopes)
            for item in getattr(scope, items)
        ]


def attributes(item: Any) -> dict[str, Any]:
    """The attributes of a span, a log record, a data point, a resource or a scope as Python has them."""
    return _mapping(item.attributes)


def _mapping(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return _mapping(value.kvlist_value.values)
    return getattr(value, kind) if kind else None
