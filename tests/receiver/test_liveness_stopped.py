"""Agents that said goodbye are stopped, over time and now: neither live nor down."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.support.otlp import logs_request, pairs, span, trace_request, value

from promethios.receiver.services import Services

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EVENT = "promethios.agent.heartbeat"

Tell = Callable[..., None]


def beat(at: int, *, goodbye: bool = False) -> LogRecord:
    """A heartbeat at a time (Unix milliseconds), or the last one of its process."""
    told = {"health": {"healthy": True}, **({"agent_disconnect": {}} if goodbye else {})}
    attributes = pairs({"promethios.agent.heartbeat.interval": 30.0})
    return LogRecord(time_unix_nano=at * 1_000_000, event_name=EVENT, body=value(told), attributes=attributes)


@pytest.fixture
def then() -> int:
    """A whole hour, between five and six hours ago, in milliseconds."""
    return (int(time.time() * 1000) // HOUR - 5) * HOUR


@pytest.fixture
def tell(client: FlaskClient, make_key: Any, services: Services) -> Tell:
    """Say when an agent beat and said goodbye; half of what is tested is in the rollups."""
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}

    def send(*beats: LogRecord, agent: str = "clerk", instance: str = "i1", counted: bool = True) -> None:
        resource = {"service.name": agent, "service.instance.id": instance}
        body = logs_request(*beats, resource=resource).SerializeToString()
        assert client.post("/v1/logs", data=body, headers=headers).status_code == 200
        if counted:
            count(services)

    return send


def count(services: Services) -> None:
    """Wait until every heartbeat is in the rollups."""
    newest = "SELECT max(id) FROM heartbeats"
    mark = "SELECT up_to FROM rollup_marks WHERE source = 'heartbeats'"
    deadline = time.monotonic() + 90
    while True:
        with services.readers.connect() as connection:
            if connection.exec_driver_sql(newest).scalar() == connection.exec_driver_sql(mark).scalar():
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def levels(client: FlaskClient, make_key: Any, then: int) -> Any:
    reader = make_key("default", "read")

    def ask(start: int, end: int, step: int = MINUTE, agent: str = "clerk") -> list[int]:
        query = {"from": then + start, "to": then + end - 1, "step": step, "agent": agent}
        answer = client.get("/api/v1/series/liveness", query_string=query, headers=reader)
        return [row["value"] for row in answer.get_json()["data"]]

    return ask


@pytest.mark.parametrize("counted", [True, False])
def test_an_agent_is_stopped_from_its_goodbye_until_it_is_heard_again(
    tell: Tell, levels: Any, then: int, counted: bool
) -> None:
    tell(beat(then), beat(then + MINUTE, goodbye=True), beat(then + 30 * MINUTE), counted=counted)
    assert levels(0, 5 * MINUTE) == [2, 2, 3, 3, 3]
    assert levels(28 * MINUTE, 33 * MINUTE) == [3, 3, 2, 2, 1]


def test_it_is_down_and_not_stopped_where_it_died_after_a_new_start(
    tell: Tell, levels: Any, then: int
) -> None:
    tell(beat(then, goodbye=True), beat(then + 10 * MINUTE))
    assert levels(9 * MINUTE, 12 * MINUTE) == [3, 2, 2]
    assert levels(30 * MINUTE, 32 * MINUTE) == [0, 0]


@pytest.mark.parametrize("later", [15 * MINUTE, 45 * MINUTE, 2 * HOUR, 4 * HOUR])
def test_a_range_that_begins_long_after_the_goodbye_is_stopped_from_its_begin(
    tell: Tell, levels: Any, then: int, later: int
) -> None:
    tell(beat(then + 5 * MINUTE, goodbye=True))
    assert levels(later, later + 2 * MINUTE) == [3, 3]


@pytest.mark.parametrize("again", [9 * MINUTE, 40 * MINUTE, 70 * MINUTE, 119 * MINUTE])
def test_a_range_after_a_later_death_is_down_from_its_begin(
    tell: Tell, levels: Any, then: int, again: int
) -> None:
    tell(beat(then + 5 * MINUTE, goodbye=True), beat(then + again))
    begin = again + 20 * MINUTE
    assert levels(begin, begin + 2 * MINUTE) == [0, 0]


def test_a_range_before_a_new_start_in_the_hour_of_the_goodbye_is_stopped(
    tell: Tell, levels: Any, then: int
) -> None:
    tell(beat(then + 5 * MINUTE, goodbye=True), beat(then + 50 * MINUTE))
    assert levels(30 * MINUTE, 32 * MINUTE) == [3, 3]


def test_another_process_that_goes_on_keeps_the_agent_live(tell: Tell, levels: Any, then: int) -> None:
    tell(beat(then, goodbye=True))
    tell(beat(then + MINUTE), beat(then + 2 * MINUTE), instance="i2")
    assert levels(0, 4 * MINUTE) == [2, 2, 2, 2]
    assert levels(20 * MINUTE, 21 * MINUTE) == [0]


def test_what_arrives_a_moment_after_the_goodbye_is_among_its_last_words(
    tell: Tell, levels: Any, then: int
) -> None:
    tell(beat(then + MINUTE - 100, goodbye=True), beat(then + MINUTE + 200))
    assert levels(3 * MINUTE, 5 * MINUTE) == [3, 3]


def test_by_the_hour_a_goodbye_counts_where_nothing_followed_in_its_hour(
    tell: Tell, levels: Any, then: int
) -> None:
    tell(beat(then - DAY + 5 * MINUTE, goodbye=True), agent="stops")
    tell(beat(then - DAY + 5 * MINUTE, goodbye=True), beat(then - DAY + 30 * MINUTE), agent="dies")
    for begin in (-DAY - HOUR, -DAY + HOUR):
        stopped = levels(begin, -DAY + 4 * HOUR, HOUR, "stops")
        assert stopped == ([0, 2, 3, 3, 3] if begin < -DAY else [3, 3, 3])
        assert levels(begin, -DAY + 4 * HOUR, HOUR, "dies")[-3:] == [0, 0, 0]


def test_the_step_that_is_not_over_says_what_the_list_of_agents_says(
    client: FlaskClient, make_key: Any, tell: Tell
) -> None:
    now = int(time.time() * 1000)
    tell(beat(now, goodbye=True), agent="stops")
    tell(beat(now), agent="lives")
    reader = make_key("default", "read")
    agents = client.get("/api/v1/agents", headers=reader).get_json()["data"]
    assert [(row["agent_id"], row["status"], row["state"]) for row in agents] == [
        ("lives", "live", "silent"),
        ("stops", "stopped", "stopped"),
    ]
    asked = int(time.time() * 1000)
    query = {"from": asked, "to": asked, "step": HOUR}
    series = client.get("/api/v1/series/liveness", query_string=query, headers=reader).get_json()["data"]
    assert [(row["agent_id"], row["value"]) for row in series] == [("lives", 2), ("stops", 3)]
    (row,) = client.get("/api/v1/stats", headers=reader).get_json()["data"]
    assert [row[name] for name in ("agents", "agents_live", "agents_stopped", "agents_down")] == [2, 1, 1, 0]


def test_a_span_long_after_the_goodbye_makes_an_agent_live_again(
    client: FlaskClient, make_key: Any, tell: Tell
) -> None:
    now = int(time.time() * 1000)
    tell(beat(now - 20_000, goodbye=True))
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    body = trace_request(span(), resource={"service.name": "clerk"}).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=ingest).data == b""
    (row,) = client.get("/api/v1/agents", headers=make_key("default", "read")).get_json()["data"]
    assert row["status"] == "live"


def test_another_tenant_and_another_agents_key_see_no_goodbye(
    client: FlaskClient, make_key: Any, tell: Tell, then: int
) -> None:
    tell(beat(then, goodbye=True))
    query = {"from": then + HOUR, "to": then + HOUR + 1, "step": MINUTE}
    for key in (make_key("other", "read"), make_key("default", "read", agent="somebody")):
        answer = client.get("/api/v1/series/liveness", query_string=query, headers=key)
        assert answer.get_json()["data"] == []
    own = make_key("default", "read", agent="clerk")
    rows = client.get("/api/v1/series/liveness", query_string=query, headers=own).get_json()["data"]
    assert [row["value"] for row in rows] == [3]
