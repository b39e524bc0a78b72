"""Heartbeats that are missed, and a tenant from which nothing comes: time passes by making all rows older."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.support.otlp import logs_request, pairs, span, trace_request, value

SECOND = 10**9
AGENT = {"service.name": "shop", "service.instance.id": "i1"}
Beat = Callable[..., None]


@pytest.fixture
def beat(client: FlaskClient, make_key: Any) -> Beat:
    """Send a heartbeat, as the exporter sends it."""
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    number = iter(range(1, 100))

    def send(instance: str = "i1", interval: float = 30.0, goodbye: bool = False) -> None:
        said: dict[str, Any] = {"instance_uid": "nRt/UixOS1eKUgp9PR9sEQ==", "sequence_num": next(number)}
        record = LogRecord(
            time_unix_nano=time.time_ns(),
            event_name="promethios.agent.heartbeat",
            body=value({**said, "agent_disconnect": {}} if goodbye else said),
            attributes=pairs({"promethios.agent.heartbeat.interval": interval}),
        )
        body = logs_request(record, resource={**AGENT, "service.instance.id": instance}).SerializeToString()
        assert client.post("/v1/logs", data=body, headers=headers).data == b""

    return send


@pytest.fixture
def signal(client: FlaskClient, make_key: Any) -> Callable[[str], float]:
    """The one number of a signal."""
    headers = make_key("default", "read")

    def ask(rule: str) -> float:
        (row,) = client.get(f"/api/v1/signals/{rule}", headers=headers).get_json()["data"]
        return float(row["value"])

    return ask


def test_missed_heartbeats_are_counted_in_intervals(beat: Beat, later: Any, signal: Any) -> None:
    beat()
    assert signal("heartbeat-lost") < 2
    later(150)
    assert 5 <= signal("heartbeat-lost") < 7


def test_a_long_interval_is_waited_for(beat: Beat, later: Any, signal: Any) -> None:
    beat(interval=300)
    later(600)
    assert 2 <= signal("heartbeat-lost") < 3


def test_a_short_interval_counts_as_half_a_minute(beat: Beat, later: Any, signal: Any) -> None:
    beat(interval=1)
    later(60)
    assert 2 <= signal("heartbeat-lost") < 3


def test_an_agent_that_said_goodbye_misses_nothing(beat: Beat, later: Any, signal: Any) -> None:
    beat()
    beat(goodbye=True)
    later(3_600)
    assert signal("heartbeat-lost") == 0


def test_a_process_that_lives_speaks_for_its_agent(beat: Beat, later: Any, signal: Any) -> None:
    beat("old")
    later(300)
    beat("new")
    assert signal("heartbeat-lost") < 2


def test_seconds_since_anything_came_are_counted(beat: Beat, later: Any, signal: Any) -> None:
    beat()
    later(700)
    assert 700 <= signal("ingest-stale") < 760


def test_nothing_is_expected_when_every_agent_said_goodbye(
    client: FlaskClient, make_key: Any, beat: Beat, later: Any, signal: Any
) -> None:
    beat(goodbye=True)
    later(700)
    assert signal("ingest-stale") == 0
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    body = trace_request(span(), resource={"service.name": "silent"}).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=headers).data == b""
    later(700)
    assert signal("ingest-stale") >= 700


def test_a_tenant_that_never_sent_anything_is_not_stale(signal: Any) -> None:
    assert signal("ingest-stale") == 0
