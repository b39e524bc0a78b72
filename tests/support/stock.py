"""OpenTelemetry Python's own SDK, and everything that it can send.

Imports no exporter: those that cannot be installed beside each other all use this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_SERIES = 10
_INSTRUMENTS = 5


@dataclass(frozen=True)
class Stock:
    """The exporters of the three signals."""

    traces: Any
    metrics: Any
    logs: Any


def send_everything(stock: Stock, agent: str, count: int) -> dict[str, int]:
    """Send `count` spans and log records, and points of every kind of metric; how many were sent of each.

    Args:
        stock: The exporters; they are shut down.
        agent: The name of the service.
        count: How many, several batches of 512.
    """
    resource = Resource({"service.name": agent})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(BatchSpanProcessor(stock.traces, max_queue_size=count))
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(stock.logs, max_queue_size=count))
    exponential = View(
        instrument_type=Histogram,
        instrument_name="*.exponential",
        aggregation=ExponentialBucketHistogramAggregation(),
    )
    meters = MeterProvider(
        [PeriodicExportingMetricReader(stock.metrics)],
        resource=resource,
        views=[exponential],
        shutdown_on_exit=False,
    )
    _trace(tracers, count)
    _log(loggers, count)
    _measure(meters)
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    return {"spans": count, "logs": count, "metric_points": _INSTRUMENTS * _SERIES}


def _trace(tracers: TracerProvider, count: int) -> None:
    tracer = tracers.get_tracer("stock", "1.0")
    for number in range(count):
        attributes = {
            "gen_ai.operation.name": "chat",
            "number": number,
            "share": number / 3,
            "last": number == count - 1,
            "parts": ["a", "b"],
        }
        with tracer.start_as_current_span(f"call {number}", attributes=attributes) as span:
            span.add_event("answered", {"number": number})


def _log(loggers: LoggerProvider, count: int) -> None:
    logger = loggers.get_logger("stock")
    for number in range(count):
        logger.emit(LogRecord(body=f"line {number}", severity_number=SeverityNumber.WARN))


def _measure(meters: MeterProvider) -> None:
    meter = meters.get_meter("stock")
    calls, opened = meter.create_counter("calls"), meter.create_up_down_counter("open")
    load = meter.create_gauge("load")
    histograms = meter.create_histogram("latency", "s"), meter.create_histogram("latency.exponential", "s")
    for number in range(_SERIES * 5):
        series = {"series": number % _SERIES}
        calls.add(1, series)
        opened.add(-1 if number % 2 else 1, series)
        load.set(number / 7, series)
        for histogram in histograms:
            histogram.record(number / 1_000, series)
