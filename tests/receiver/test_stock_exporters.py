"""OpenTelemetry Python's own exporters, over HTTP and gRPC, as users have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from tests.support.receiver import RunningReceiver


def over_http(receiver: RunningReceiver) -> tuple[Any, Any, Any]:
    given: dict[str, Any] = {"headers": receiver.ingest, "compression": Compression.Gzip}
    return (
        http_traces.OTLPSpanExporter(endpoint=f"{receiver.http}/v1/traces", **given),
        http_metrics.OTLPMetricExporter(endpoint=f"{receiver.http}/v1/metrics", **given),
        http_logs.OTLPLogExporter(endpoint=f"{receiver.http}/v1/logs", **given),
    )


def over_grpc(receiver: RunningReceiver) -> tuple[Any, Any, Any]:
    given: dict[str, Any] = {
        "endpoint": receiver.grpc,
        "insecure": True,
        "headers": (("x-api-key", receiver.ingest_key),),
    }
    return (
        grpc_traces.OTLPSpanExporter(**given),
        grpc_metrics.OTLPMetricExporter(**given),
        grpc_logs.OTLPLogExporter(**given),
    )


@pytest.mark.parametrize("exporters", [over_http, over_grpc])
def test_the_stock_exporters_deliver_every_signal(
    receiver: RunningReceiver, exporters: Callable[[RunningReceiver], tuple[Any, Any, Any]]
) -> None:
    agent = exporters.__name__
    traces, metrics, logs = exporters(receiver)
    resource = Resource({"service.name": "bookshop", "gen_ai.agent.name": agent})
    tracer_provider = TracerProvider(resource=resource)
    tracer_provider.add_span_processor(BatchSpanProcessor(traces))
    meter_provider = MeterProvider([PeriodicExportingMetricReader(metrics)], resource=resource)
    logger_provider = LoggerProvider(resource=resource)
    logger_provider.add_log_record_processor(BatchLogRecordProcessor(logs))

    attributes: dict[str, Any] = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7}
    with tracer_provider.get_tracer("tests").start_as_current_span("chat", attributes=attributes) as span:
        trace_id = f"{span.get_span_context().trace_id:032x}"
    meter_provider.get_meter("tests").create_histogram("latency").record(3)
    logger_provider.get_logger("tests").emit(LogRecord(body=agent, severity_number=SeverityNumber.WARN))
    for provider in (tracer_provider, meter_provider, logger_provider):
        provider.shutdown()

    (row,) = receiver.data(f"traces/{trace_id}")
    assert (row["agent_id"], row["serviceName"], row["attributes"]) == (agent, "bookshop", attributes)
    (log,) = receiver.data("logs", agent=agent)
    assert (log["body"], log["severity"]) == (agent, "WARN")
    (counted,) = receiver.data("agents", agent=agent)
    assert (counted["input_tokens"], counted["calls"]) == (7, 1)
    assert receiver.data("status")[0]["metric_points"] >= 1
