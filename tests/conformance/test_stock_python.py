"""OpenTelemetry Python's own exporters: what they send is what is stored, for every signal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.exporters import over_grpc, over_http
from tests.support.pip import NotInstalled, packages, run_python
from tests.support.receiver import RunningReceiver
from tests.support.stock import Stock, send_everything

ROOT = Path(__file__).parents[2]
JSON_CLIENT = ROOT / "tests" / "support" / "python_json"
COUNT = 1_300


def counts(receiver: RunningReceiver) -> dict[str, int]:
    (status,) = receiver.data("status")
    return {name: status[name] for name in ("spans", "logs", "metric_points")}


def check_stored(receiver: RunningReceiver, before: dict[str, int], agent: str, sent: dict[str, int]) -> None:
    after = counts(receiver)
    assert {name: after[name] - before[name] for name in sent} == sent
    (row,) = receiver.data("agents", agent=agent)
    assert row["calls"] == COUNT


WAYS: dict[str, Callable[[RunningReceiver], Stock]] = {
    "http": lambda receiver: over_http(receiver.http, receiver.ingest, packed=False),
    "http gzip": lambda receiver: over_http(receiver.http, receiver.ingest),
    "grpc": lambda receiver: over_grpc(str(receiver.grpc), key(receiver), packed=False),
    "grpc gzip": lambda receiver: over_grpc(str(receiver.grpc), key(receiver)),
}


def key(receiver: RunningReceiver) -> dict[str, str]:
    return {"x-api-key": receiver.ingest_key}


@pytest.mark.parametrize("way", WAYS)
def test_what_pythons_exporters_send_is_what_is_stored(receiver: RunningReceiver, way: str) -> None:
    before = counts(receiver)
    check_stored(receiver, before, way, send_everything(WAYS[way](receiver), way, COUNT))


@pytest.fixture(scope="module")
def json_packages() -> Path:
    try:
        return packages(JSON_CLIENT)
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.mark.timeout(420)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_what_pythons_json_exporters_send_is_what_is_stored(
    receiver: RunningReceiver, json_packages: Path, compression: str
) -> None:
    before, agent = counts(receiver), f"json {compression}"
    said = run_python(
        JSON_CLIENT / "client.py",
        json_packages,
        ROOT,
        AGENT=agent,
        COUNT=str(COUNT),
        OTEL_EXPORTER_OTLP_COMPRESSION=compression,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.http,
        OTEL_EXPORTER_OTLP_HEADERS=f"x-api-key={receiver.ingest_key}",
    )
    check_stored(receiver, before, agent, json.loads(said))


def test_s14_what_a_client_sends_twice_is_stored_once(receiver: RunningReceiver) -> None:
    """The same spans, in batches of another size: their rows are known, whatever request they come in."""
    memory, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("stock")
    for number in range(100):
        tracer.start_span(f"call {number}", attributes={"number": number}).end()
    spans, before = memory.get_finished_spans(), counts(receiver)
    one, other = WAYS["http gzip"](receiver), WAYS["grpc"](receiver)
    one.traces.export(spans)
    for start in range(0, 100, 30):
        other.traces.export(spans[start : start + 30])
    assert counts(receiver)["spans"] - before["spans"] == 100
    for exporters in (one, other):
        for exporter in (exporters.traces, exporters.metrics, exporters.logs):
            exporter.shutdown()
