"""Metrics of the process itself: on where asked for, of the process alone, once, and of the right process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from tests.support.receiver import RunningReceiver

from promethios.exporter import SettingsError, configure
from promethios.exporter.system import METRICS, SystemMetrics, is_left_to_opentelemetry
from promethios.exporter.testing import OtlpSink

OURS = ("process.", "cpython.")
#: Runs code as if the package were not installed.
HIDDEN = "import sys; sys.modules['opentelemetry.instrumentation.system_metrics'] = None\n"


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    made = MeterProvider([reader], shutdown_on_exit=False)
    yield made
    made.shutdown()


def names(reader: InMemoryMetricReader) -> set[str]:
    data = reader.get_metrics_data()
    return {
        metric.name
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    given = {**os.environ, **environment}
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=60)


def test_they_are_of_the_process_and_not_of_the_machine(
    provider: MeterProvider, reader: InMemoryMetricReader
) -> None:
    measured = SystemMetrics(provider)
    found = names(reader)
    measured.shutdown()
    assert {"process.memory.usage", "process.cpu.time", "process.thread.count"} <= found
    assert found <= set(METRICS)
    assert all(name.startswith(OURS) for name in found)


def test_what_is_shut_down_can_begin_anew(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    for _ in range(2):
        measured = SystemMetrics(provider)
        assert measured.force_flush()
        measured.shutdown()
        measured.shutdown()
    assert "process.memory.usage" in names(reader)


def test_where_something_else_measures_already_it_goes_on_and_nothing_is_doubled(
    provider: MeterProvider, reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    first = SystemMetricsInstrumentor(config={"process.thread.count": None})
    first.instrument(meter_provider=provider)
    try:
        SystemMetrics(provider).shutdown()
        assert first.is_instrumented_by_opentelemetry
        assert names(reader) == {"process.thread.count"}
    finally:
        first.uninstrument()
    assert caplog.messages == []


def test_a_forked_child_measures_itself(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    measured = SystemMetrics(provider)
    kept = bytearray(64 * 1024 * 1024)
    assert _processor_seconds(reader) > 0
    read, write = os.pipe()
    child = os.fork()
    if not child:
        own = os.times()
        said = _processor_seconds(reader)
        os.write(write, b"own" if abs(said - own.user - own.system) < 0.2 else f"{said} {own}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    measured.shutdown()
    assert (answer, len(kept)) == (b"own", 64 * 1024 * 1024)


def _processor_seconds(reader: InMemoryMetricReader) -> float:
    data = reader.get_metrics_data()
    assert data
    points: list[Any] = [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "process.cpu.time"
        for point in metric.data.data_points
    ]
    return float(sum(point.value for point in points))


def test_off_unless_asked_for(sink: OtlpSink) -> None:
    with configure(sink.url, "k", set_global=False, adapters=False, heartbeat_interval=0) as agent:
        agent.flush()
    assert not [metric.name for metric in sink.metrics() if metric.name.startswith(OURS)]


def test_the_environment_turns_them_on(sink: OtlpSink) -> None:
    code = "from promethios.exporter import configure\nconfigure().shutdown()\n"
    given = {"PROMETHIOS_ENDPOINT": sink.url, "PROMETHIOS_API_KEY": "k", "PROMETHIOS_SYSTEM_METRICS": "true"}
    ended = run(code, **given)
    assert (ended.stdout, ended.stderr) == ("", "")
    assert "process.memory.usage" in {metric.name for metric in sink.metrics()}
    assert not [metric for metric in sink.metrics() if metric.name.startswith("system.")]


def test_a_missing_package_is_named_with_its_extra_and_nothing_is_set_up(sink: OtlpSink) -> None:
    code = HIDDEN + (
        "from promethios.exporter import configure, SettingsError\n"
        "from opentelemetry import trace\n"
        "try:\n"
        f"    configure({sink.url!r}, 'k', system_metrics=True)\n"
        "except SettingsError as error:\n"
        "    print(error, type(trace.get_tracer_provider()).__name__)\n"
    )
    ended = run(code)
    assert ended.stdout == (
        "`system_metrics` needs a package that is not installed: pip install 'promethios[system-metrics]'"
        " ProxyTracerProvider\n"
    )
    assert sink.requests == []


@pytest.mark.parametrize("value", ["yes", "on", "2"])
def test_what_is_neither_yes_nor_no_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHIOS_SYSTEM_METRICS", value)
    with pytest.raises(SettingsError) as refused:
        configure("http://127.0.0.1:9", "k", set_global=False)
    assert str(refused.value) == (
        f"`system_metrics` (from PROMETHIOS_SYSTEM_METRICS) is {value!r}: give true or false"
    )


@pytest.mark.parametrize(
    ("disabled", "left"),
    [(None, True), ("requests", True), ("requests, system_metrics", False), ("*", False)],
)
def test_opentelemetry_instrument_loads_the_package_itself_unless_told_not_to(
    disabled: str | None, left: bool
) -> None:
    environ = {} if disabled is None else {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": disabled}
    assert is_left_to_opentelemetry(environ) is left


def test_under_opentelemetry_instrument_nothing_is_started_twice(sink: OtlpSink) -> None:
    given = {
        "PROMETHIOS_ENDPOINT": sink.url,
        "PROMETHIOS_API_KEY": "k",
        "PROMETHIOS_SYSTEM_METRICS": "true",
        "OTEL_TRACES_EXPORTER": "promethios",
        "OTEL_METRICS_EXPORTER": "promethios",
        "OTEL_LOGS_EXPORTER": "promethios",
    }
    main = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
    ended = subprocess.run(
        [sys.executable, "-c", main, sys.executable, "-c", "print('ran')"],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout == "ran\n"
    assert "already instrumented" not in ended.stderr
    assert "process.memory.usage" in {metric.name for metric in sink.metrics()}


def test_a_receiver_stores_them(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        given = {"endpoint": receiver.http, "api_key": receiver.ingest_key, "system_metrics": True}
        with configure(service_name="measured", set_global=False, adapters=False, **given) as agent:
            assert agent.flush()
        receiver.stop()
        stored = _stored(tmp_path / "promethios.db")
    assert {"process.memory.usage", "process.cpu.time", "cpython.gc.collections"} <= stored.keys()
    assert stored["process.memory.usage"] > 1024 * 1024


def _stored(db: Path) -> dict[str, float]:
    with closing(sqlite3.connect(db)) as connection:
        found = connection.execute(
            "SELECT s.name, coalesce(p.value_int, p.value_double) FROM metric_points p "
            "JOIN metric_series s ON s.id = p.series_id WHERE s.agent_id = 'measured'"
        )
        return dict(found.fetchall())
