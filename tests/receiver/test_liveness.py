"""Liveness over time: by the minute in the past, by the clock now."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import gauge, metrics_request, span, trace_request

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture
def then() -> int:
    """A whole hour, two to three hours ago, in milliseconds."""
    return (int(time.time() * 1000) // HOUR - 2) * HOUR


@pytest.fixture
def levels(client: FlaskClient, make_key: Any, then: int) -> Any:
    """What the timeline says of an agent that a span ended of 90 minutes before `then`, and 5 s after it."""
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    reader = make_key("default", "read")
    spans = [
        span(start_time_unix_nano=(end - 1) * 1_000_000, end_time_unix_nano=end * 1_000_000)
        for end in (then - 90 * MINUTE, then + 5_000)
    ]
    assert (
        client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=ingest).data == b""
    )

    def ask(start: int, end: int, step: int, agent: str = "") -> list[int]:
        query = {"from": then + start, "to": then + end - 1, "step": step, "agent": agent}
        answer = client.get("/api/v1/series/liveness", query_string=query, headers=reader)
        rows = answer.get_json()["data"]
        assert [row["time"] for row in rows] == list(range((then + start) // step * step, then + end, step))
        return [row["value"] for row in rows]

    return ask


def test_a_silent_agent_turns_stale_and_then_down(levels: Any) -> None:
    assert levels(-2 * MINUTE, 14 * MINUTE, MINUTE) == [0, 0, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]


def test_steps_within_a_minute_say_what_the_minute_says(levels: Any) -> None:
    assert levels(-20_000, 2 * MINUTE, 20_000) == [0, 2, 2, 2, 2, 2, 2]


def test_who_was_heard_of_before_the_range_is_not_yet_down(levels: Any) -> None:
    assert levels(5 * MINUTE, 12 * MINUTE, MINUTE) == [1, 1, 1, 1, 1, 0, 0]


def test_long_steps_are_live_where_an_agent_was_heard_of(levels: Any) -> None:
    assert levels(-3 * HOUR, HOUR, HOUR) == [0, 2, 0, 2]
    assert levels(-3 * HOUR, HOUR, 30 * MINUTE) == [0, 0, 0, 2, 0, 0, 2, 0]


def test_a_heartbeat_is_heard_too_and_another_agent_is_not_shown(
    client: FlaskClient, make_key: Any, then: int, levels: Any
) -> None:
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    beat = gauge("promethios.agent.heartbeat", 1, time_unix_nano=(then + 20 * MINUTE) * 1_000_000)
    body = metrics_request(beat, resource={"service.name": "idler"}).SerializeToString()
    assert client.post("/v1/metrics", data=body, headers=ingest).data == b""
    assert levels(19 * MINUTE, 23 * MINUTE, MINUTE, "idler") == [0, 2, 2, 1]


def test_the_present_is_judged_by_the_clock(client: FlaskClient, make_key: Any) -> None:
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    reader = make_key("default", "read")
    body = trace_request(span(), resource={"service.name": "clerk"}).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=ingest).data == b""
    now = int(time.time() * 1000)
    query = {"from": now, "to": now + 1, "step": HOUR, "agent": "clerk"}
    rows = client.get("/api/v1/series/liveness", query_string=query, headers=reader).get_json()["data"]
    assert [row["value"] for row in rows] == [2]


@pytest.mark.parametrize("step", [HOUR, 2 * HOUR, 6 * HOUR, DAY, DAY + 90_000, 3 * DAY])
def test_steps_of_hours_and_days_are_live_where_an_hour_of_theirs_was(
    client: FlaskClient, make_key: Any, then: int, step: int
) -> None:
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    reader = make_key("default", "read")
    chance = random.Random(step)
    ends = [then - 4 * DAY - chance.randrange(9 * DAY) for _ in range(12)]
    ends += [end // edge * edge for end, edge in zip(ends[:4], (HOUR, DAY, step, step), strict=True)]
    spans = (span(start_time_unix_nano=1, end_time_unix_nano=end * 1_000_000) for end in ends)
    body = trace_request(*spans, resource={"service.name": "clerk"}).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=ingest).data == b""
    hours = {end // HOUR * HOUR for end in ends}
    for agent in ("", "clerk", "nobody|clerk"):
        query = {"from": then - 13 * DAY, "to": then - 4 * DAY, "step": step, "agent": agent}
        rows = client.get("/api/v1/series/liveness", query_string=query, headers=reader).get_json()["data"]
        assert [(row["time"], row["value"]) for row in rows] == [
            (at, 2 * any(hour < at + step and at < hour + HOUR for hour in hours))
            for at in range((then - 13 * DAY) // step * step, then - 4 * DAY + 1, step)
        ]


def test_the_top_are_the_agents_that_were_away_longest_and_last_those_that_never_came(
    client: FlaskClient, make_key: Any, then: int
) -> None:
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    reader = make_key("default", "read")
    heard = {
        "a-steady": range(60),
        "b-away": [0, 20, 21],
        "c-away": [10],
        "d-gone": [-60],
        "e-new": range(55, 60),
    }
    for agent, minutes in heard.items():
        ends = [(then + minute * MINUTE) * 1_000_000 for minute in minutes]
        spans = (span(start_time_unix_nano=1, end_time_unix_nano=end) for end in ends)
        body = trace_request(*spans, resource={"service.name": agent}).SerializeToString()
        assert client.post("/v1/traces", data=body, headers=ingest).data == b""

    def shown(**query: Any) -> list[str]:
        asked = {"from": then, "to": then + HOUR - 1, "step": MINUTE, **query}
        rows = client.get("/api/v1/series/liveness", query_string=asked, headers=reader).get_json()["data"]
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
        return [row["agent_id"] for row in rows if row["time"] == then]

    assert shown(top=1) == ["b-away"]
    assert shown(top=2) == ["b-away", "c-away"]
    assert shown(top=4) == ["a-steady", "b-away", "c-away", "e-new"]
    assert shown() == shown(top=5) == ["a-steady", "b-away", "c-away", "d-gone", "e-new"]
    assert shown(top=1, agent="a-steady|d-gone") == ["a-steady"]
