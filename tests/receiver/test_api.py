"""The answers of `/api/v1`, on data that a test can count by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)

from promethios.receiver.services import Services

MINUTE = 60_000_000_000
TRACE = b"trace-of-a-sale!"
CALL = b"modelcal"


@pytest.fixture
def now() -> int:
    """A minute ago and a bit, at a whole minute, in nanoseconds: never in the future, well in the range."""
    return (time.time_ns() // MINUTE - 1) * MINUTE


@pytest.fixture
def ask(client: FlaskClient, make_key: Any, now: int) -> Any:
    """Ask the API about a database in which a clerk sold a book and an idle agent did nothing lately."""
    ingest = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    clerk = {"service.name": "shop", "gen_ai.agent.name": "clerk", "service.instance.id": "i1"}
    chat = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
    }
    at = {"start_time_unix_nano": now, "end_time_unix_nano": now + 5_000_000}
    spans = [
        span("invoke_agent clerk", {**chat, "gen_ai.operation.name": "invoke_agent"}, trace_id=TRACE, **at),
        span("chat gpt-4o", chat, trace_id=TRACE, span_id=CALL, **at),
        span("execute_tool refund", {"gen_ai.operation.name": "execute_tool"}, trace_id=TRACE, **at),
        decision_span(
            "block",
            ({}, {"promethios.policy.severity": "critical", "gen_ai.guardrail.policy.id": "budget"}),
            {**chat, "promethios.decision.id": "d1", "promethios.decision.duration_us": 10.0},
            trace_id=TRACE,
            parent_span_id=CALL,
            **at,
        ),
        decision_span(
            "allow", (), {"promethios.decision.id": "d2", "promethios.decision.duration_us": 30.0}, **at
        ),
    ]
    long_ago = now - 24 * 60 * MINUTE
    idle = gauge("promethios.agent.heartbeat", 1, time_unix_nano=long_ago)
    for path, request in (
        ("/v1/traces", trace_request(*spans, resource=clerk)),
        ("/v1/metrics", metrics_request(idle, resource={"service.name": "idler"})),
        ("/v1/logs", logs_request(record("sold", time_unix_nano=now, trace_id=TRACE), resource=clerk)),
    ):
        assert client.post(path, data=request.SerializeToString(), headers=ingest).data == b""
    reader = make_key("default", "read")

    def get(path: str, **query: Any) -> Any:
        parameters = {name.rstrip("_"): value for name, value in query.items()}
        return client.get(f"/api/v1/{path}", query_string=parameters, headers=reader)

    return get


def rows(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.data
    found: list[dict[str, Any]] = answer.get_json()["data"]
    return found


def test_status_counts_everything(ask: Any, services: Services) -> None:
    (row,) = rows(ask("status"))
    counted = ("spans", "metric_points", "logs", "decisions", "violations", "agents")
    assert [row[name] for name in counted] == [5, 1, 1, 2, 2, 2]
    assert (row["version"], row["schema"], row["store"]) == ("0.1.0", services.store.revision, "sqlite")
    assert row["started"] <= row["last_ingest"] <= time.time_ns() // 1_000_000


#: What only an agent that sends heartbeats says of itself.
TOLD = [
    "heartbeat",
    "uptime",
    "clock_offset",
    "mode",
    "bundle_name",
    "bundle_version",
    "bundle_hash",
    "adapters",
    "last_error",
    "queued",
    "spooled",
    "sent",
    "dropped",
    "own_governed",
    "own_ungoverned",
]


def test_agents_are_all_there_idle_or_not(ask: Any, now: int) -> None:
    clerk, idler = rows(ask("agents"))
    assert clerk == {
        "agent_id": "clerk",
        "service_name": "shop",
        "status": clerk["status"],
        "trust": 79,
        "tier": "restricted",
        "first_seen": now // 1_000_000,
        "last_seen": now // 1_000_000 + 5,
        "decisions": 2,
        "blocked": 1,
        "redacted": 0,
        "flagged": 0,
        "violations": 2,
        "input_tokens": 10,
        "output_tokens": 20,
        "calls": 2,
        "governed": 1,
        "cost_usd": 0.000225,
        "p95_us": 30.0,
        "owner": "",
        "last_bundle_version": "1",
        "instances": 1,
        "state": clerk["state"],
        "processes": 0,
        **dict.fromkeys(TOLD),
    }
    assert clerk["state"] in ("alive", "missing")
    assert clerk["status"] in ("live", "stale")
    assert (idler["agent_id"], idler["status"], idler["decisions"], idler["calls"]) == ("idler", "down", 0, 0)


def test_decisions_come_with_reason_and_trace(ask: Any, now: int) -> None:
    (row,) = rows(ask("decisions", verdict="block"))
    assert row == {
        "time": now // 1_000_000,
        "decision_id": "d1",
        "seq": 1,
        "agent_id": "clerk",
        "instance_id": "i1",
        "point": "model.before",
        "verdict": "block",
        "enforced": "block",
        "mode": "enforce",
        "model": "gpt-4o",
        "tool": None,
        "conversation_id": None,
        "policies": "model-list, budget",
        "reason": "not on the list",
        "duration_us": 10.0,
        "bundle_version": "1",
        "dialect": "",
        "trace_id": TRACE.hex(),
        "span_id": CALL.hex(),
    }


def test_pages_go_on_at_their_cursor(ask: Any) -> None:
    first = ask("decisions", limit=1).get_json()
    second = ask("decisions", limit=1, cursor=first["cursor"]).get_json()
    ids = [first["data"][0]["decision_id"], second["data"][0]["decision_id"]]
    assert sorted(ids) == ["d1", "d2"]
    assert "cursor" not in second


def test_violations_and_their_counts_by_policy(ask: Any, now: int) -> None:
    (critical,) = rows(ask("violations", severity="critical"))
    assert (critical["policy_id"], critical["decision_id"], critical["trace_id"]) == (
        "budget",
        "d1",
        TRACE.hex(),
    )
    assert [row["policy_id"] for row in rows(ask("violations", policy="model-list|none"))] == ["model-list"]
    counted = rows(ask("violations/by_policy"))
    assert counted[0] == {
        "policy_id": "budget",
        "severity": "critical",
        "violations": 1,
        "blocked": 1,
        "agents": 1,
        "last_seen": now // 1_000_000,
    }


def test_stats_are_one_row(ask: Any) -> None:
    (row,) = rows(ask("stats"))
    assert row["agents_live"] + row["agents_stale"] == 1
    del row["agents_live"], row["agents_stale"]
    assert row == {
        "agents": 2,
        "agents_down": 1,
        "agents_stopped": 0,
        "lowest_trust": 79,
        "calls": 2,
        "ungoverned": 1,
        "cost_usd": 0.000225,
        "errors": 0,
        "shadow": 0,
        "decisions": 2,
        "blocked": 1,
        "redacted": 0,
        "flagged": 0,
        "violations": 2,
        "critical": 1,
        "coverage": 0.5,
        "p50_us": 10.0,
        "p95_us": 30.0,
        "p99_us": 30.0,
        "input_tokens": 10,
        "output_tokens": 20,
    }


def test_stats_of_nothing_have_every_column(ask: Any) -> None:
    (row,) = rows(ask("stats", agent="nobody"))
    assert (row["decisions"], row["coverage"], row["p50_us"], row["input_tokens"]) == (0, None, None, 0)


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("decisions", "verdict", {"allow": 1, "flag": 0, "redact": 0, "approve": 0, "block": 1}),
        ("violations", "severity", {"low": 0, "medium": 0, "high": 1, "critical": 1}),
        ("latency", "quantile", {"p50": 10.0, "p95": 30.0, "p99": 30.0}),
        ("tokens", "direction", {"input": 10, "output": 20}),
        ("ingest", "signal", {"spans": 5, "metrics": 0, "logs": 1}),
        ("liveness", "agent_id", {"clerk": 2, "idler": 0}),
        ("violations_by_policy", "policy_id", {"budget": 1, "model-list": 1}),
        ("shadow", "mode", {"enforced": 2, "shadow": 0}),
        ("errors", "kind", {"policy": 0, "model": 0, "tool": 0}),
        ("coverage", "kind", {"governed": 1, "ungoverned": 1}),
        ("cost", "agent_id", {"clerk": 0.000225, "idler": 0}),
    ],
)
def test_series_have_a_row_for_each_label_at_each_step(
    ask: Any, now: int, name: str, label: str, values: dict[str, Any]
) -> None:
    start = now // 1_000_000
    found = rows(ask(f"series/{name}", from_=start - 120_000, to=start + 30_000, step=60_000))
    assert [row["time"] for row in found] == sorted(row["time"] for row in found)
    assert len(found) == 3 * len(values)
    at_now = {row[label]: row["value"] for row in found if row["time"] == start}
    assert at_now == values
    before = {row["value"] for row in found if row["time"] == start - 120_000}
    assert before == ({None} if name == "latency" else {0})


def test_a_trace_is_told_span_by_span(ask: Any, now: int) -> None:
    found = {row["operationName"]: row for row in rows(ask(f"traces/{TRACE.hex().upper()}"))}
    assert set(found) == {"invoke_agent clerk", "chat gpt-4o", "execute_tool refund", "promethios.decide"}
    chat, decide = found["chat gpt-4o"], found["promethios.decide"]
    assert (chat["startTime"], chat["duration"], chat["parentSpanID"]) == (now / 1e6, 5.0, "")
    assert (chat["serviceName"], chat["agent_id"], chat["scope"]) == ("shop", "clerk", "tests")
    assert (chat["decision_id"], chat["verdict"]) == ("d1", "block")
    assert chat["attributes"]["gen_ai.usage.input_tokens"] == 10
    assert decide["parentSpanID"] == CALL.hex()
    assert decide["events"][0]["name"] == "gen_ai.guardrail.result"
    assert decide["events"][0]["attributes"]["promethios.policy.severity"] == "high"


def test_an_unknown_trace_is_404_and_a_wrong_id_400(ask: Any) -> None:
    missing = ask(f"traces/{'0' * 32}")
    assert (missing.status_code, missing.content_type) == (404, "application/problem+json")
    assert missing.get_json() == {
        "type": "tag:promethios.dev,2026:problem/not-found",
        "title": "There is no such thing",
        "status": 404,
        "detail": f"no trace {'0' * 32}",
    }
    assert ask("traces/xyz").get_json()["detail"] == "a trace id has 32 hexadecimal digits, unlike 'xyz'"


def test_logs_are_named_by_severity(ask: Any, now: int) -> None:
    (row,) = rows(ask("logs", agent="clerk", severity="INFO|WARN"))
    assert row == {
        "time": now // 1_000_000,
        "severity": "INFO",
        "agent_id": "clerk",
        "body": "sold",
        "event_name": "",
        "trace_id": TRACE.hex(),
        "span_id": "",
    }


@pytest.mark.parametrize("everyone", ["", ".*", "$__all", "clerk|idler"])
def test_all_agents_can_be_asked_for_as_dashboards_do(ask: Any, everyone: str) -> None:
    assert len(rows(ask("agents", agent=everyone))) == 2


def test_a_name_is_never_a_pattern(ask: Any) -> None:
    for hostile in ("cl%", "clerk' OR 1=1 --", "cler."):
        assert rows(ask("agents", agent=hostile)) == []


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        (
            {"form": 1},
            "unknown parameter 'form': this route knows agent, cursor, format, from, limit, step, to",
        ),
        ({"limit": 0}, "'limit' must be a whole number from 1 to 1000, not '0'"),
        ({"limit": 1001}, "'limit' must be a whole number from 1 to 1000, not '1001'"),
        ({"limit": "ten"}, "'limit' must be a whole number from 1 to 1000, not 'ten'"),
        ({"from_": 2, "to": 1}, "'from' (2) is after 'to' (1): both are Unix milliseconds"),
        ({"from_": -1}, "'from' must be a whole number from 0 to 9223372036853, not '-1'"),
        ({"cursor": "1;2"}, "'cursor' is not one that this route gave"),
        (
            {"from_": 0, "step": 1000},
            "'step' (1000 ms) cuts the range into more than 11000 steps: ask for longer ones",
        ),
    ],
)
def test_what_cannot_be_asked_is_400_with_the_reason(ask: Any, query: dict[str, Any], detail: str) -> None:
    answer = ask("stats", **query)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.get_json()["detail"] == detail
