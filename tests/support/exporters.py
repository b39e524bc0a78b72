"""OpenTelemetry Python's own exporters in protobuf, as agents have them."""

from __future__ import annotations

from typing import Any

from grpc import Compression as GrpcCompression  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from tests.support.stock import Stock


def over_http(endpoint: str, headers: dict[str, str], *, packed: bool = True) -> Stock:
    """OTLP/HTTP in protobuf, to a base address."""
    given: dict[str, Any] = {
        "headers": headers,
        "compression": Compression.Gzip if packed else Compression.NoCompression,
    }
    return Stock(
        http_traces.OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", **given),
        http_metrics.OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics", **given),
        http_logs.OTLPLogExporter(endpoint=f"{endpoint}/v1/logs", **given),
    )


def over_grpc(target: str, headers: dict[str, str], *, packed: bool = True) -> Stock:
    """OTLP/gRPC, to a target."""
    given: dict[str, Any] = {
        "endpoint": target,
        "insecure": True,
        "headers": tuple(headers.items()),
        "compression": GrpcCompression.Gzip if packed else GrpcCompression.NoCompression,
    }
    return Stock(
        grpc_traces.OTLPSpanExporter(**given),
        grpc_metrics.OTLPMetricExporter(**given),
        grpc_logs.OTLPLogExporter(**given),
    )
