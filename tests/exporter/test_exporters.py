"""The exporters as the SDK uses them: loaded by name, fed from any thread, splitting what is too large."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

import promethios.exporter
from promethios.exporter import (
    DropReason,
    FlushResult,
    PromethiosLogExporter,
    PromethiosMetricExporter,
    PromethiosSpanExporter,
    SettingsError,
)
from promethios.exporter.delivery import Delivery
from promethios.exporter.settings import Settings
from promethios.exporter.sharing import deliveries
from promethios.exporter.testing import Answer, OtlpSink

Deliver = Callable[..., Delivery]
Soon = Callable[[], float]


def test_a_shared_delivery_with_another_key_is_given_back() -> None:
    settings = Settings.load(endpoint="http://127.0.0.1:9", api_key="pmk_test_old")
    delivery = deliveries.acquire(settings)
    assert deliveries.acquire(settings) is delivery
    delivery.use_key("pmk_test_new")
    assert deliveries.release(delivery, 1) is None
    assert deliveries.release(delivery, 1) == FlushResult()
    assert deliveries.settings() is None


@pytest.fixture
def spans() -> Callable[..., list[ReadableSpan]]:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")

    def make(count: int, size: int = 10) -> list[ReadableSpan]:
        made = [
            tracer.start_span(f"span {number}", attributes={"text": "x" * size}) for number in range(count)
        ]
        for span in made:
            span.end()
        return [span for span in made if isinstance(span, ReadableSpan)]

    return make


@pytest.mark.parametrize(
    ("signal", "exporter"),
    [
        ("traces", PromethiosSpanExporter),
        ("metrics", PromethiosMetricExporter),
        ("logs", PromethiosLogExporter),
    ],
)
def test_each_exporter_loads_by_its_entry_point(signal: str, exporter: type) -> None:
    (found,) = entry_points(group=f"opentelemetry_{signal}_exporter", name="promethios")
    assert found.load() is exporter


def test_the_package_exports_what_it_documents_and_nothing_else() -> None:
    assert promethios.exporter.__all__ == sorted(promethios.exporter.__all__)
    assert promethios.exporter.__all__ == [
        "AlreadyConfiguredError",
        "DropReason",
        "FlushResult",
        "LogHandler",
        "Promethios",
        "PromethiosLogExporter",
        "PromethiosMetricExporter",
        "PromethiosSpanExporter",
        "Settings",
        "SettingsError",
        "Totals",
        "configure",
    ]


def test_the_sdks_own_configuration_uses_them(sink: OtlpSink) -> None:
    code = (
        "import logging, warnings\n"
        "from opentelemetry.sdk._configuration import _initialize_components\n"
        "from opentelemetry import trace, metrics, _logs\n"
        "_initialize_components(setup_logging_handler=False)\n"
        "metrics.get_meter('m').create_counter('orders').add(3)\n"
        "_logs.get_logger('l').emit(_logs.LogRecord(body='placed'))\n"
        "with trace.get_tracer('t').start_as_current_span('order'): pass\n"
    )
    exporters = {f"OTEL_{signal}_EXPORTER": "promethios" for signal in ("TRACES", "METRICS", "LOGS")}
    given = {"PROMETHIOS_ENDPOINT": sink.url, "PROMETHIOS_API_KEY": "pmk_test"}
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **exporters, **given}, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert [span.name for span in sink.spans()] == ["order"]
    assert [metric.name for metric in sink.metrics()] == ["orders"]
    assert [record.body.string_value for record in sink.logs()] == ["placed"]
    assert {request.headers["authorization"] for request in sink.requests} == {"Bearer pmk_test"}
    assert sink.connections == 1


def test_an_exporter_without_a_key_says_so() -> None:
    with pytest.raises(SettingsError, match=r"^`api_key` is missing: "):
        PromethiosSpanExporter()


def test_an_exporter_refuses_an_unknown_setting() -> None:
    with pytest.raises(TypeError, match=r"^unknown setting `compression`: "):
        PromethiosSpanExporter(compression="none")


def test_a_delivery_and_settings_exclude_each_other(deliver: Deliver) -> None:
    with pytest.raises(TypeError, match=r"^give an exporter settings or a delivery: "):
        PromethiosSpanExporter(delivery=deliver(), timeout=3)


def test_works_behind_the_sdks_batch_processor(sink: OtlpSink) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = PromethiosSpanExporter(endpoint=sink.url, api_key="k")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("parent"):
        pass
    assert provider.force_flush()
    assert exporter.force_flush()
    assert len(sink.spans()) == 1
    provider.shutdown()
    assert exporter.export([]) is SpanExportResult.FAILURE


def test_works_behind_the_sdks_metric_reader(sink: OtlpSink) -> None:
    reader = PeriodicExportingMetricReader(
        PromethiosMetricExporter(endpoint=sink.url, api_key="k"), 3_600_000
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("m").create_histogram("latency").record(1.5)
    provider.shutdown()
    (metric,) = sink.metrics()
    assert metric.histogram.data_points[0].sum == 1.5


def test_works_behind_the_sdks_log_processor(sink: OtlpSink) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(
        SimpleLogRecordProcessor(PromethiosLogExporter(endpoint=sink.url, api_key="k"))
    )
    provider.get_logger("l").emit(LogRecord(body="hello", severity_number=SeverityNumber.WARN))
    provider.shutdown()
    (record,) = sink.logs()
    assert (record.body.string_value, record.severity_number) == ("hello", 13)


def test_force_flush_tells_the_truth(sink: OtlpSink, spans: Callable[..., list[ReadableSpan]]) -> None:
    sink.default = Answer(401)
    exporter = PromethiosSpanExporter(endpoint=sink.url, api_key="k")
    exporter.export(spans(1))
    assert not exporter.force_flush()
    exporter.shutdown()


def test_exporters_of_the_same_settings_share_one_connection(
    sink: OtlpSink, spans: Callable[..., list[ReadableSpan]]
) -> None:
    one, other = (PromethiosSpanExporter(endpoint=sink.url, api_key="k") for _ in range(2))
    one.export(spans(1))
    one.shutdown()
    other.export(spans(1))
    other.shutdown()
    other.shutdown()
    assert (len(sink.spans()), sink.connections) == (2, 1)


def test_a_large_batch_is_split_by_its_bytes(
    sink: OtlpSink, deliver: Deliver, soon: Soon, spans: Callable[..., list[ReadableSpan]]
) -> None:
    delivery = deliver(max_request_bytes=5_000)
    PromethiosSpanExporter(delivery=delivery).export(spans(20, size=1_000))
    assert delivery.flush(soon()) == FlushResult(delivered=20)
    assert [span.name for span in sink.spans()] == [f"span {number}" for number in range(20)]
    assert all(request.message.ByteSize() <= 5_000 for request in sink.requests)
    assert len(sink.requests) < 10


def test_a_span_too_large_alone_costs_only_itself(
    sink: OtlpSink, deliver: Deliver, soon: Soon, spans: Callable[..., list[ReadableSpan]]
) -> None:
    delivery = deliver(max_request_bytes=5_000)
    small = spans(4)
    PromethiosSpanExporter(delivery=delivery).export([*small[:2], *spans(1, size=9_000), *small[2:]])
    assert delivery.flush(soon()) == FlushResult(delivered=4, dropped=1)
    assert delivery.totals().dropped == {DropReason.TOO_LARGE: 1}
    assert [span.name for span in sink.spans()] == ["span 0", "span 1", "span 2", "span 3"]


def test_a_span_that_cannot_be_encoded_costs_only_itself(
    sink: OtlpSink, deliver: Deliver, soon: Soon, spans: Callable[..., list[ReadableSpan]]
) -> None:
    delivery = deliver()
    bad = ReadableSpan("bad", attributes={"object": object()})  # type: ignore[dict-item]
    PromethiosSpanExporter(delivery=delivery).export([*spans(3), bad])
    assert delivery.flush(soon()) == FlushResult(delivered=3, dropped=1)
    assert delivery.totals().dropped == {DropReason.NOT_ENCODED: 1}


def test_metrics_are_split_between_metrics(sink: OtlpSink, deliver: Deliver, soon: Soon) -> None:
    delivery = deliver(max_request_bytes=2_000)
    reader = PeriodicExportingMetricReader(PromethiosMetricExporter(delivery=delivery), 3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("m")
    for number in range(10):
        meter.create_counter(f"counter.{number}", description="x" * 400).add(1)
    provider.shutdown()
    assert delivery.flush(soon()) == FlushResult(delivered=10)
    assert [metric.name for metric in sink.metrics()] == [f"counter.{number}" for number in range(10)]
    assert all(request.message.ByteSize() <= 2_000 for request in sink.requests)
    assert all(request.message.resource_metrics[0].resource.attributes for request in sink.requests)


def test_nothing_collected_sends_nothing(sink: OtlpSink, deliver: Deliver, soon: Soon) -> None:
    delivery = deliver()
    PromethiosSpanExporter(delivery=delivery).export([])
    assert delivery.flush(soon()) == FlushResult()
    assert sink.requests == []


@pytest.fixture
def traced_urllib3(tmp_path: Path) -> Iterator[str]:
    """Python code that makes urllib3 record a span for each request unless it is told not to, as its official
    instrumentation does."""
    yield (
        "import urllib3\n"
        "from opentelemetry import context, trace\n"
        "original = urllib3.HTTPConnectionPool.urlopen\n"
        "def traced(self, *args, **kwargs):\n"
        "    if context.get_value(context._SUPPRESS_INSTRUMENTATION_KEY):\n"
        "        return original(self, *args, **kwargs)\n"
        "    with trace.get_tracer('urllib3').start_as_current_span('POST'):\n"
        "        return original(self, *args, **kwargs)\n"
        "urllib3.HTTPConnectionPool.urlopen = traced\n"
    )


def test_g12_its_own_requests_are_not_traced(sink: OtlpSink, traced_urllib3: str) -> None:
    code = traced_urllib3 + (
        "from promethios.exporter import configure\n"
        f"agent = configure({sink.url!r}, 'k')\n"
        "with trace.get_tracer('t').start_as_current_span('order'): pass\n"
        "agent.flush(); agent.flush(); agent.shutdown()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [span.name for span in sink.spans()] == ["order"]


def test_g12_its_own_requests_are_not_logged(sink: OtlpSink) -> None:
    code = (
        "import logging\n"
        "from promethios.exporter import configure\n"
        "logging.getLogger().setLevel('DEBUG')\n"
        f"agent = configure({sink.url!r}, 'k', log_level='DEBUG', heartbeat_interval=0)\n"
        "logging.debug('order')\n"
        "agent.flush(); agent.flush(); agent.shutdown()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [record.body.string_value for record in sink.logs()] == ["order"]


def test_shutting_down_ends_against_a_receiver_that_says_nothing(
    sink: OtlpSink, spans: Callable[..., list[ReadableSpan]]
) -> None:
    sink.default = Answer(hang=True)
    exporter = PromethiosMetricExporter(endpoint=sink.url, api_key="k", timeout=3_600.0)
    span_exporter = PromethiosSpanExporter(endpoint=sink.url, api_key="k", timeout=3_600.0)
    span_exporter.export(spans(1))
    sink.wait(1)
    span_exporter.shutdown()
    exporter.shutdown(timeout_millis=200)
    assert span_exporter.export(spans(1)) is SpanExportResult.FAILURE
