"""The set-ups that the exporter's benchmarks compare: the stock SDK's, and ours with and without policies.

Each is made in a process of its own, by `exporter_agent`: governance acts on every tracer of a process, so
that a stock exporter beside it would pay for it too. Imports are inside, for memory's sake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

#: What an ordinary span of an agent's application has, beside the two that change with each.
ATTRIBUTES: Final[dict[str, str | int | float | bool]] = {
    "http.request.method": "POST",
    "http.route": "/orders/{order}",
    "http.response.status_code": 200,
    "url.scheme": "https",
    "server.address": "shop.example.com",
    "server.port": 443,
    "network.protocol.version": "1.1",
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "client.address": "192.0.2.17",
    "app.tenant": "acme",
    "app.basket.value": 129.95,
    "app.basket.items": 3,
    "app.returning": True,
}


def attributes(number: int) -> dict[str, str | int | float | bool]:
    """Fifteen attributes, two of them new each time."""
    return {**ATTRIBUTES, "app.order": number, "url.path": f"/orders/{number}"}


def work(order: str) -> str:
    """Some 300 microseconds of what an application does."""
    total = 0
    for number in range(6_000):
        total += number & 7
    return f"order {order}: {total}"


@dataclass(frozen=True)
class Setup:
    """An agent's telemetry, set up.

    Args:
        tracer: Makes spans that are exported.
        processor: What exports ended spans, alone.
        flush: Waits until what was recorded has left, 10 seconds at most.
        tool: A tool that the agent may call; guarded where there are policies.
        forbidden: A tool that the policies block.
    """

    tracer: trace.Tracer
    processor: SpanProcessor
    flush: Callable[[], object]
    tool: Callable[[str], str] = work
    forbidden: Callable[[str], str] | None = None

    def call(self, number: int) -> None:
        """An instrumented call: a span of fifteen attributes, and in it a tool that works."""
        with self.tracer.start_as_current_span("order", attributes=attributes(number)):
            self.tool("1042")


def bare(endpoint: str, **_: Any) -> Setup:
    """The SDK alone: spans go nowhere. What every set-up pays."""
    provider, processor = TracerProvider(shutdown_on_exit=False), SpanProcessor()
    provider.add_span_processor(processor)
    return Setup(provider.get_tracer("benchmark"), processor, lambda: None)


def stock(endpoint: str, delay: float = 5.0, **_: Any) -> Setup:
    """The SDK's batch processor with OpenTelemetry's exporter over HTTP, as they come but for the delay."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces")
    processor = BatchSpanProcessor(exporter, schedule_delay_millis=1000 * delay)
    provider.add_span_processor(processor)
    return Setup(provider.get_tracer("benchmark"), processor, lambda: processor.force_flush(10_000))


def stock_signals(endpoint: str, **_: Any) -> Setup:
    """The same, and metrics and logs too, as `configure` sets them up."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{endpoint}/v1/logs")))
    made = stock(endpoint)
    calls = meters.get_meter("benchmark").create_counter("calls")

    def tool(order: str) -> str:
        calls.add(1)
        return work(order)

    def flush() -> None:
        made.flush()
        meters.force_flush(10_000)

    return replace(made, tool=tool, flush=flush)


def delivery(endpoint: str, **settings: Any) -> Setup:
    """One line, and no policies."""
    from promethios.exporter import PromethiosSpanExporter, configure
    from promethios.exporter.batching import SpanBatches

    handle = configure(endpoint, settings.pop("api_key", "benchmark"), service_name="benchmark", **settings)
    exporter = PromethiosSpanExporter(endpoint=endpoint, api_key="benchmark")
    processor = SpanBatches(exporter.export, exporter.drop)

    def flush() -> None:
        processor.force_flush()
        exporter.force_flush(10_000)
        handle.flush(10)

    return Setup(handle.tracer_provider.get_tracer("benchmark"), processor, flush)


def governed(endpoint: str, **settings: Any) -> Setup:
    """One line, with policies: governance, adapters, exporters, heartbeat."""
    from promethios.exporter import configure

    handle = configure(endpoint, settings.pop("api_key", "benchmark"), service_name="benchmark", **settings)
    governor = handle.governor
    assert governor is not None

    @governor.guard("tool")
    def look_up_order(order: str) -> str:
        return work(order)

    @governor.guard("tool")
    def drop_orders(order: str) -> str:
        return order

    tracer = handle.tracer_provider.get_tracer("benchmark")
    return Setup(tracer, SpanProcessor(), lambda: handle.flush(10), look_up_order, drop_orders)


SETUPS: Final[dict[str, Callable[..., Setup]]] = {
    each.__name__: each for each in (bare, stock, stock_signals, delivery, governed)
}
