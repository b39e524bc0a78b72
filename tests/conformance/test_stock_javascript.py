"""OpenTelemetry JavaScript's own exporters: what they say they sent is what is stored, for every signal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.npm import NotInstalled, node_modules, run_node
from tests.support.receiver import RunningReceiver

FOLDER = Path(__file__).parents[1] / "support" / "javascript"
COUNT = 1_300


@pytest.fixture(scope="module")
def modules() -> Path:
    try:
        return node_modules(FOLDER)
    except NotInstalled as error:
        pytest.skip(str(error))


def send(receiver: RunningReceiver, modules: Path, folder: Path, how: str) -> dict[str, int]:
    """Send with `how`, such as ``proto`` or ``grpc gzip``; what the client says that it has sent."""
    encoding, _, compression = how.partition(" ")
    said = run_node(
        FOLDER / "client.mjs",
        modules,
        folder,
        AGENT=how,
        COUNT=str(COUNT),
        FORMAT=encoding,
        OTEL_EXPORTER_OTLP_COMPRESSION=compression or "none",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{receiver.grpc}" if encoding == "grpc" else receiver.http,
        OTEL_EXPORTER_OTLP_HEADERS=f"x-api-key={receiver.ingest_key}",
    )
    sent: dict[str, int] = json.loads(said)
    return sent


def counts(receiver: RunningReceiver) -> dict[str, int]:
    (status,) = receiver.data("status")
    return {name: status[name] for name in ("spans", "logs", "metric_points")}


@pytest.mark.timeout(420)
@pytest.mark.parametrize("how", ["proto", "http", "proto gzip", "http gzip", "grpc gzip"])
def test_what_javascripts_exporters_send_is_what_is_stored(
    receiver: RunningReceiver, modules: Path, tmp_path: Path, how: str
) -> None:
    """Over HTTP their bodies are chunked, and `http` is JSON."""
    before = counts(receiver)
    sent = send(receiver, modules, tmp_path, how)
    after = counts(receiver)
    assert {name: after[name] - before[name] for name in sent} == sent
    (agent,) = receiver.data("agents", agent=how)
    assert agent["calls"] == COUNT
    assert len(receiver.data("logs", agent=how, limit=1_000)) == 1_000
