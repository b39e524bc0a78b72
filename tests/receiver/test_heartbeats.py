"""What agents tell of themselves: rows of heartbeats, and whether each lives, is silent, ended or died."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.support.otlp import gauge, logs_request, metrics_request, pairs, record, span, trace_request, value
from tests.support.receiver import RunningReceiver

from promethios.receiver.services import Services

SECOND = 10**9
EVENT = "promethios.agent.heartbeat"
PROCESS = {"service.name": "shop", "service.instance.id": "i1"}
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

Post = Callable[..., Any]


def body(**changed: Any) -> dict[str, Any]:
    """OpAMP's message, as the exporter sends it."""
    return {
        "instance_uid": "nRt/UixOS1eKUgp9PR9sEQ==",
        "sequence_num": 7,
        "agent_description": {"identifying_attributes": []},
        "capabilities": 10245,
        "health": {
            "healthy": True,
            "start_time_unix_nano": 5,
            "last_error": "",
            "status": "running",
            "component_health_map": {"delivery": {"healthy": True, "last_error": "HTTP 503"}},
        },
        **changed,
    }


def attributes(**changed: Any) -> dict[str, Any]:
    """What the exporter says beside it."""
    return {
        "promethios.agent.uptime": 12.5,
        "promethios.agent.heartbeat.interval": 30.0,
        "promethios.agent.mode": "enforce",
        "promethios.agent.adapters": ["openai", "mcp"],
        "promethios.bundle.name": "house",
        "promethios.bundle.version": "7",
        "promethios.bundle.hash": "ab" * 32,
        "promethios.coverage.governed": 9,
        "promethios.coverage.ungoverned": 1,
        "promethios.exporter.queued": 2,
        "promethios.exporter.spooled": 3,
        "promethios.exporter.sent": 40,
        "promethios.exporter.dropped": {"refused": 4, "queue_full": 1},
        **{f"promethios.{name.replace('__', '.')}": each for name, each in changed.items()},
    }


def beat(told: Any = None, extra: dict[str, Any] | None = None, **fields: Any) -> LogRecord:
    """A heartbeat of now, with this body and these attributes."""
    said = value(body() if told is None else told)
    given = pairs(attributes() if extra is None else extra)
    defaults = {"time_unix_nano": time.time_ns(), "event_name": EVENT}
    return LogRecord(**{**defaults, **fields, "body": said, "attributes": given})


GOODBYE = body(agent_disconnect={})


@pytest.fixture
def post(client: FlaskClient, make_key: Any) -> Post:
    """Send log records, or something else to another path; gives the answer."""
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}

    def send(*records: LogRecord, resource: Any = None, path: str = "logs", request: Any = None) -> Any:
        request = request or logs_request(*records, resource=PROCESS if resource is None else resource)
        answer = client.post(f"/v1/{path}", data=request.SerializeToString(), headers=headers)
        assert answer.status_code == 200
        return answer

    return send


@pytest.fixture
def ask(client: FlaskClient, make_key: Any) -> Callable[..., Any]:
    headers = make_key("default", "read")
    return lambda path, **query: client.get(f"/api/v1/{path}", query_string=query, headers=headers)


@pytest.fixture
def agent(ask: Any) -> Callable[..., dict[str, Any]]:
    """The row of the one agent there is."""

    def only() -> dict[str, Any]:
        (row,) = ask("agents").get_json()["data"]
        return row  # type: ignore[no-any-return]

    return only


def rows(services: Services, table: str = "heartbeats") -> list[dict[str, Any]]:
    with services.readers.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id").mappings()
        return [dict(row) for row in found]


def test_an_event_is_a_row_of_heartbeats_and_not_of_logs(post: Post, services: Services) -> None:
    before = time.time_ns()
    assert post(beat(time_unix_nano=before - SECOND)).data == b""
    (row,) = rows(services)
    received = row.pop("received_unix_nano")
    assert before <= received <= time.time_ns()
    assert row == {
        "id": 1,
        "tenant_id": 1,
        "agent_id": "shop",
        "instance_id": "i1",
        "time_unix_nano": before - SECOND,
        "value": 1.0,
        "clock_offset_nano": before - SECOND - received,
        "sequence_num": 7,
        "start_unix_nano": 5,
        "uptime_seconds": 12.5,
        "interval_seconds": 30.0,
        "stopped": 0,
        "healthy": 1,
        "last_error": "HTTP 503",
        "mode": "enforce",
        "bundle_name": "house",
        "bundle_version": "7",
        "bundle_hash": "ab" * 32,
        "adapters": "openai, mcp",
        "governed": 9,
        "ungoverned": 1,
        "queued": 2,
        "spooled": 3,
        "sent": 40,
        "dropped": 5,
        "dropped_by": '{"refused":4,"queue_full":1}',
    }
    assert rows(services, "logs") == []


def test_sent_again_it_is_stored_once(post: Post, services: Services) -> None:
    again = beat()
    for other in (record("one"), record("two")):
        post(again, other)
    assert (len(rows(services)), len(rows(services, "logs"))) == (1, 2)


def test_the_metric_adds_no_row_where_the_event_came(post: Post, services: Services) -> None:
    def tell_metric() -> None:
        post(path="metrics", request=metrics_request(gauge(EVENT, 1), resource=PROCESS))

    tell_metric()  # the process is new: nothing but this is known of it
    post(beat())
    tell_metric()
    post(path="metrics", request=metrics_request(gauge(EVENT, 1), resource={"service.name": "other"}))
    numbers = [(row["agent_id"], row["sequence_num"]) for row in rows(services)]
    assert numbers == [("shop", None), ("shop", 7), ("other", None)]
    assert len(rows(services, "metric_points")) == 3


def test_the_metric_counts_where_events_stopped_coming(post: Post, services: Services, later: Any) -> None:
    post(beat())
    later(601)
    post(path="metrics", request=metrics_request(gauge(EVENT, 1), resource=PROCESS))
    assert [row["sequence_num"] for row in rows(services)] == [7, None]


def test_events_in_the_attribute_of_before_are_known_too(post: Post, services: Services) -> None:
    post(beat(event_name="", extra={**attributes(), "event.name": EVENT}))
    assert rows(services)[0]["sequence_num"] == 7


def test_protobufs_own_way_to_write_it_is_read_too(post: Post, services: Services) -> None:
    health = {"healthy": False, "startTimeUnixNano": "5", "lastError": "away"}
    post(beat({"sequenceNum": "9", "health": health, "agentDisconnect": {}}))
    (row,) = rows(services)
    found = [row[name] for name in ("sequence_num", "start_unix_nano", "last_error", "healthy", "stopped")]
    assert found == [9, 5, "away", 0, 1]


HOSTILE: list[Any] = [
    "text",
    "",
    7,
    True,
    2.5,
    b"bytes",
    ["list"],
    {},
    {"health": "fine"},
    {"health": {"healthy": "yes", "last_error": 5, "component_health_map": [1]}},
    {"health": {"component_health_map": {"delivery": "well"}}},
    {"sequence_num": -1, "instance_uid": {"a": 1}},
    {"sequence_num": "9" * 40, "agent_disconnect": "yes"},
    {"sequence_num": 2.5, "agent_disconnect": None, "unknown": {"field": [1, {"deeper": True}]}},
    {"health": {"last_error": "x" * 100_000, "start_time_unix_nano": -5}},
]


@pytest.mark.parametrize("told", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_the_body_is_the_agent_lives(post: Post, services: Services, ask: Any, told: Any) -> None:
    assert post(beat(told, extra={})).data == b""
    (row,) = rows(services)
    assert (row["agent_id"], row["sequence_num"], row["stopped"]) == ("shop", 0, 0)
    assert len(row["last_error"] or "") <= 300
    (shown,) = ask("agents").get_json()["data"]
    assert shown["state"] == "silent"
    assert ask("agents/shop").status_code == 200


@pytest.mark.parametrize("odd", ["text", -1, 2.5, True, [1], {"a": 1}, {"refused": "many", "x": -2}, b"\xff"])
def test_whatever_an_attribute_is_the_others_are_kept(
    post: Post, services: Services, odd: Any, ask: Any
) -> None:
    post(beat(extra=dict.fromkeys(attributes(), odd)))
    (row,) = rows(services)
    assert row["sequence_num"] == 7
    assert all(row[name] in (None, 1) for name in ("governed", "queued", "sent"))
    assert ask("agents/shop").status_code == 200


def test_a_body_that_is_too_deep_is_refused_alone(post: Post, services: Services) -> None:
    deep: Any = "end"
    for _ in range(40):
        deep = [deep]
    answer = ExportLogsServiceResponse.FromString(post(beat(deep), record("fine")).data)
    assert answer.partial_success.rejected_log_records == 1
    assert "nested more than 32 levels" in answer.partial_success.error_message
    assert (len(rows(services)), len(rows(services, "logs"))) == (0, 1)


def test_a_key_of_one_agent_tells_of_that_agent_alone(client: FlaskClient, make_key: Any) -> None:
    headers = {**make_key("default", "ingest", agent="mine"), "Content-Type": "application/x-protobuf"}
    request = logs_request(beat(), resource=PROCESS)
    client.post("/v1/logs", data=request.SerializeToString(), headers=headers)
    reader = make_key("default", "read", agent="mine")
    (row,) = client.get("/api/v1/agents", headers=reader).get_json()["data"]
    assert (row["agent_id"], row["mode"]) == ("mine", "enforce")
    stranger = make_key("default", "read", agent="other")
    assert client.get("/api/v1/agents/mine", headers=stranger).status_code == 404
    assert client.get("/api/v1/agents", headers=make_key("else", "read")).get_json()["data"] == []


def test_an_agent_tells_what_it_is_and_how_it_fares(post: Post, agent: Any) -> None:
    post(beat())
    row = agent()
    told = {name: row[name] for name in ("uptime", "mode", "bundle_name", "bundle_version", "adapters")}
    assert told == {
        "uptime": 12.5,
        "mode": "enforce",
        "bundle_name": "house",
        "bundle_version": "7",
        "adapters": "openai, mcp",
    }
    counts = ("queued", "spooled", "sent", "dropped", "own_governed", "own_ungoverned", "processes")
    assert [row[name] for name in counts] == [2, 3, 40, 5, 9, 1, 1]
    assert (row["bundle_hash"], row["last_error"]) == ("ab" * 32, "HTTP 503")


def test_counts_are_of_all_processes_that_live(post: Post, agent: Any, ask: Any) -> None:
    for number in range(3):
        post(beat(), resource={"service.name": "shop", "service.instance.id": f"i{number}"})
    post(beat(GOODBYE), resource={"service.name": "shop", "service.instance.id": "ended"})
    row = agent()
    assert (row["processes"], row["queued"], row["dropped"], row["state"]) == (3, 6, 15, "silent")
    answer = ask("agents/shop").get_json()
    assert answer["dropped"] == [{"reason": "refused", "items": 12}, {"reason": "queue_full", "items": 3}]
    states = {each["instance_id"]: each["state"] for each in answer["processes"]}
    assert states == {"i0": "alive", "i1": "alive", "i2": "alive", "ended": "stopped"}


def test_processes_of_the_range_are_listed_the_last_heard_first(post: Post, ask: Any, later: Any) -> None:
    post(beat(), resource={**PROCESS, "service.instance.id": "older"})
    later(7_200)
    post(beat())
    found = ask("agents/shop").get_json()["processes"]
    assert [(each["instance_id"], each["state"]) for each in found] == [("i1", "alive"), ("older", "dead")]
    assert len(ask("agents/shop", limit=1).get_json()["processes"]) == 1
    recent = int(time.time() * 1000) - 60_000
    assert len(ask("agents/shop", **{"from": recent}).get_json()["processes"]) == 1


def test_an_agent_that_nobody_knows_is_not_found(ask: Any) -> None:
    answer = ask("agents/nobody")
    assert (answer.status_code, answer.get_json()["detail"]) == (
        404,
        "there is no such agent: /api/v1/agents lists them",
    )


def test_one_that_works_is_alive_and_one_that_only_beats_is_silent(post: Post, agent: Any) -> None:
    post(beat())
    assert agent()["state"] == "silent"
    post(path="traces", request=trace_request(span(), resource=PROCESS))
    assert agent()["state"] == "alive"


def test_one_that_worked_long_ago_and_still_beats_is_silent(post: Post, agent: Any) -> None:
    then = time.time_ns() - 3_600 * SECOND
    call = {"gen_ai.operation.name": "chat"}
    earlier = span(attributes=call, start_time_unix_nano=then, end_time_unix_nano=then + 1)
    post(path="traces", request=trace_request(earlier))
    post(beat())
    assert (agent()["state"], agent()["status"]) == ("silent", "live")
    assert agent()["calls"] == 1


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "silent"), (85, "silent"), (100, "missing"), (650, "dead")]
)
def test_without_a_goodbye_it_is_missing_and_then_dead(
    post: Post, agent: Any, later: Any, seconds: float, state: str
) -> None:
    post(beat())
    later(seconds)
    assert (agent()["state"], agent()["processes"]) == (state, int(state == "silent"))


@pytest.mark.parametrize("seconds", [0, 100, 650, 86_400])
def test_after_a_goodbye_it_is_stopped_however_long_ago(
    post: Post, agent: Any, later: Any, seconds: float
) -> None:
    post(beat(), beat(GOODBYE))
    later(seconds)
    assert (agent()["state"], agent()["processes"]) == ("stopped", 0)
    assert agent()["bundle_version"] == "7"


@pytest.mark.parametrize("seconds", [0, 650, 86_400])
def test_after_a_goodbye_it_is_stopped_although_its_metric_was_stored_a_moment_later(
    post: Post, services: Services, agent: Any, later: Any, seconds: float
) -> None:
    post(path="metrics", request=metrics_request(gauge(EVENT, 1), resource=PROCESS))
    post(beat(GOODBYE))
    late = (
        f"UPDATE heartbeats SET received_unix_nano = received_unix_nano + {SECOND} WHERE sequence_num IS NULL"
    )
    services.writer.do(lambda connection: connection.exec_driver_sql(late))
    later(seconds)
    assert (agent()["state"], agent()["mode"], agent()["bundle_version"]) == ("stopped", "enforce", "7")


def test_the_next_process_lives_after_the_goodbye_of_one_before(post: Post, agent: Any, later: Any) -> None:
    post(beat(GOODBYE))
    later(5)
    post(beat(), resource={**PROCESS, "service.instance.id": "next"})
    assert agent()["state"] == "silent"


def test_one_that_died_while_another_had_stopped_long_before_is_dead(
    post: Post, agent: Any, later: Any
) -> None:
    post(beat(GOODBYE), resource={**PROCESS, "service.instance.id": "before"})
    later(3_600)
    post(beat())
    later(700)
    assert agent()["state"] == "dead"


def test_one_that_beats_rarely_is_not_missed_early(post: Post, agent: Any, later: Any) -> None:
    post(beat(extra=attributes(agent__heartbeat__interval=120.0)))
    later(300)
    assert agent()["state"] == "silent"
    later(100)
    assert agent()["state"] == "missing"


def test_without_heartbeats_it_lives_as_long_as_it_sends_anything(post: Post, agent: Any, later: Any) -> None:
    post(path="traces", request=trace_request(span(), resource=PROCESS))
    row = agent()
    assert (row["state"], row["mode"], row["queued"], row["heartbeat"]) == ("alive", None, None, None)
    later(120)
    assert agent()["state"] == "missing"
    later(600)
    assert agent()["state"] == "dead"


def test_what_comes_after_a_goodbye_from_who_sends_no_heartbeats_counts(
    post: Post, agent: Any, later: Any
) -> None:
    post(beat(GOODBYE))
    later(60)
    post(path="traces", request=trace_request(span(), resource={"service.name": "shop"}))
    assert agent()["state"] == "alive"


def test_plain_json_says_goodbye_with_a_0(client: FlaskClient, make_key: Any, agent: Any) -> None:
    ingest = make_key("default", "ingest")
    client.post("/api/v1/heartbeat", json={"agent_id": "clerk", "instance_id": "i"}, headers=ingest)
    assert agent()["state"] == "silent"
    client.post(
        "/api/v1/heartbeat", json={"agent_id": "clerk", "instance_id": "i", "value": 0}, headers=ingest
    )
    assert agent()["state"] == "stopped"


def test_G09_each_heartbeat_has_the_agents_time_the_receivers_and_the_offset(
    post: Post, services: Services, agent: Any
) -> None:
    ahead = time.time_ns() + 3_600 * SECOND
    post(beat(time_unix_nano=ahead))
    (row,) = rows(services)
    assert row["time_unix_nano"] == ahead
    assert row["clock_offset_nano"] == ahead - row["received_unix_nano"]
    assert 3_590_000 < agent()["clock_offset"] <= 3_600_000


def test_G09_plain_heartbeats_have_an_offset_too(
    client: FlaskClient, make_key: Any, services: Services
) -> None:
    then = int(time.time() * 1000) - 50_000
    told = {"agent_id": "clerk", "time": then}
    client.post("/api/v1/heartbeat", json=told, headers=make_key("default", "ingest"))
    (row,) = rows(services)
    assert row["clock_offset_nano"] == then * 1_000_000 - row["received_unix_nano"]


def _clocked(services: Services, offsets: list[float], gap: float) -> None:
    """Say of the heartbeats that they came `gap` seconds apart, each so many seconds off the true time."""
    last = rows(services)[-1]["received_unix_nano"]
    for place, (row, offset) in enumerate(zip(rows(services), offsets, strict=True)):
        received = last - int((len(offsets) - 1 - place) * gap * SECOND)
        nanoseconds = int(offset * SECOND)
        values = (received, received + nanoseconds, nanoseconds, row["id"])
        services.writer.do(lambda connection, v=values: connection.exec_driver_sql(_CLOCKED, v))


_CLOCKED = (
    "UPDATE heartbeats SET received_unix_nano = ?, time_unix_nano = ?, clock_offset_nano = ? WHERE id = ?"
)


def test_G09_an_agent_whose_clock_is_wrong_is_judged_by_the_receivers(
    post: Post, services: Services, agent: Any
) -> None:
    post(*(beat(time_unix_nano=1 + number) for number in range(3)))
    _clocked(services, [-3_600.2, -3_600.0, -3_600.4], gap=30)
    assert (agent()["state"], agent()["clock_offset"]) == ("silent", -3_600_000)


def test_G09_heartbeats_that_were_late_are_no_wrong_clock(
    post: Post, services: Services, later: Any, agent: Any
) -> None:
    """A queue on the way held them for hours: they came together, and what they tell is long ago."""
    post(*(beat(time_unix_nano=1 + number) for number in range(3)))
    _clocked(services, [-3_660.0, -3_630.0, -3_600.0], gap=0)
    services.writer.do(
        lambda connection: connection.exec_driver_sql(
            "UPDATE agents SET last_seen_unix_nano = last_seen_unix_nano - 3600000000000"
        )
    )
    assert agent()["state"] == "dead"


def test_over_http_and_grpc_they_are_the_same_to_a_real_receiver(receiver: RunningReceiver) -> None:
    for agent in ("by-http", "by-grpc"):
        request = logs_request(beat(), resource={"service.name": agent, "service.instance.id": agent})
        if agent == "by-http":
            assert receiver.post("/v1/logs", request.SerializeToString()).status == 200
            continue
        assert receiver.grpc
        with grpc.insecure_channel(receiver.grpc) as channel:
            metadata = [("authorization", f"Bearer {receiver.ingest_key}")]
            channel.unary_unary(LOGS)(request.SerializeToString(), metadata=metadata, timeout=30)
    one, other = receiver.data("agents", agent="by-http|by-grpc")
    varies = {"agent_id", "service_name", "first_seen", "last_seen", "heartbeat", "clock_offset"}
    assert {name: one[name] for name in one if name not in varies} == {
        name: other[name] for name in other if name not in varies
    }
    assert one["mode"] == "enforce"
    assert receiver.data("logs", agent="by-http") == []


def test_the_items_that_are_stored_are_counted_as_such(receiver: RunningReceiver) -> None:
    def counted(what: str) -> float:
        lines = receiver.get("/metrics").body.decode().splitlines()
        found = [line for line in lines if line.startswith(f"promethios_receiver_{what}")]
        return sum(float(line.rpartition(" ")[2]) for line in found if 'signal="logs"' in line)

    names = ("items_stored", "items_refused", "items_duplicate")
    before = {name: counted(name) for name in names}
    request = logs_request(beat(), record("one"), resource={"service.name": "counted"})
    receiver.post("/v1/logs", request.SerializeToString())
    after = {name: counted(name) - before[name] for name in names}
    assert {name: count for name, count in after.items() if count} == {"items_stored": 2}


def test_what_is_told_is_in_the_description_of_the_api(receiver: RunningReceiver) -> None:
    document = json.loads(receiver.get("/api/v1/openapi.json").body)
    assert "/api/v1/agents/{agent_id}" in document["paths"]
