"""The nine checks: what an agent sends is what the receiver has, for every kind of telemetry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.e2e.agents.everything import ORDERS
from tests.e2e.conftest import AGENTS, RunAgent
from tests.support.receiver import RunningReceiver

Query = Any


@pytest.fixture(scope="module")
def query(receiver: RunningReceiver, run_agent: RunAgent) -> Iterator[Query]:
    """SQL on the receiver's database, after one agent has run."""
    run_agent(AGENTS / "everything.py")
    with closing(sqlite3.connect(f"file:{receiver.db}?mode=ro", uri=True)) as connection:
        yield lambda sql, *values: connection.execute(sql, values).fetchall()


def points_of(query: Query, name: str) -> list[Any]:
    return query(
        "SELECT p.* FROM metric_points p JOIN metric_series s ON s.id = p.series_id WHERE s.name = ?", name
    )


def test_health(receiver: RunningReceiver) -> None:
    assert receiver.get("/health/live", {}).status == 200
    assert receiver.get("/health/ready", {}).json() == {"status": "ok"}


def test_heartbeat(receiver: RunningReceiver, query: Query) -> None:
    (agent,) = receiver.data("agents", agent="clerk")
    assert agent["status"] == "stopped"  # it has said goodbye
    assert agent["last_bundle_version"] == "2026.11"
    assert query("SELECT count(*) FROM heartbeats WHERE agent_id = 'clerk'")[0][0] >= 1


def test_governance_metrics(query: Query) -> None:
    assert points_of(query, "promethios.decisions")
    assert points_of(query, "promethios.policy.matches")


def test_performance_metrics(query: Query) -> None:
    assert points_of(query, "promethios.evaluation.duration")


def test_system_metrics(query: Query) -> None:
    assert points_of(query, "process.memory.usage")
    assert points_of(query, "process.cpu.time")


def test_business_metrics(query: Query) -> None:
    points = query(
        "SELECT p.value_double FROM metric_points p JOIN metric_series s ON s.id = p.series_id "
        "WHERE s.name = 'shop.revenue' ORDER BY p.time_unix_nano"
    )
    assert points[-1][0] == 2.5 * ORDERS


def test_policy_violation(receiver: RunningReceiver, query: Query) -> None:
    (violation,) = receiver.data("violations", agent="clerk")
    assert violation["policy_id"] == "no-delete"
    assert violation["severity"] == "critical"
    assert violation["reason"] == "nothing may be deleted"
    assert violation["enforced"] == "block"
    spans = receiver.data(f"traces/{violation['trace_id']}")
    assert {span["operationName"] for span in spans} >= {"execute_tool delete_orders", "promethios.decide"}
    decisions = query(
        "SELECT verdict, enforced FROM decisions WHERE decision_id = ?", violation["decision_id"]
    )
    assert decisions == [("block", "block")]


def test_structured_logs(receiver: RunningReceiver, query: Query) -> None:
    assert query("SELECT count(*) FROM logs WHERE body LIKE 'order % taken'")[0][0] == ORDERS
    (log,) = [row for row in receiver.data("logs", limit=1000) if row["body"] == "not deleted"]
    assert log["severity"] == "WARN"
    assert log["agent_id"] == "clerk"


def test_batches(receiver: RunningReceiver, query: Query) -> None:
    assert query("SELECT count(*), count(DISTINCT span_id) FROM spans WHERE name = 'order'") == [
        (ORDERS, ORDERS)
    ]
    (status,) = receiver.data("status")
    assert status["spans"] == query("SELECT count(*) FROM spans")[0][0]


@pytest.fixture(scope="module")
def plain(receiver: RunningReceiver, query: Query) -> Query:
    """SQL on the same database, after an agent without OpenTelemetry has told what it can, as plain JSON."""
    me = {"agent_id": "plain-clerk"}
    told: dict[str, Any] = {
        "heartbeat": {**me, "instance_id": "i1"},
        "metrics": [{**me, "name": "plain.revenue", "value": 2.5, "type": "counter"} for _ in range(ORDERS)]
        + [{**me, "name": "plain.memory", "value": 1 << 20, "unit": "By"}]
        + [{**me, "name": "plain.answer.duration", "value": 0.25, "unit": "s"}]
        + [{**me, "name": "plain.policies", "value": 12}],
        "violations": {
            **me,
            "policy_id": "no-delete",
            "severity": "critical",
            "action": "block",
            "reason": "nothing may be deleted",
            "tool": "delete_orders",
        },
        "decisions": [{**me, "tool": "search", "duration_us": 3.5} for _ in range(2)],
        "logs": [{**me, "body": f"order {number} taken"} for number in range(ORDERS)]
        + [{**me, "body": "not deleted", "severity": "WARN"}],
    }
    for what, document in told.items():
        headers = {"Content-Type": "application/json", **receiver.ingest}
        answer = receiver.post(f"/api/v1/{what}", json.dumps(document).encode(), headers)
        assert answer.json() == {"accepted": len(document) if isinstance(document, list) else 1}
    return query


def test_heartbeat_in_plain_json(receiver: RunningReceiver, plain: Query) -> None:
    (agent,) = receiver.data("agents", agent="plain-clerk")
    assert agent["status"] == "live"
    assert plain("SELECT instance_id, value FROM heartbeats WHERE agent_id = 'plain-clerk'") == [("i1", 1.0)]


def test_health_in_plain_json(receiver: RunningReceiver, plain: Query) -> None:
    answer = receiver.get("/api/v1/health", receiver.ingest)
    assert (answer.status, answer.json()) == (200, {"status": "ok", "agent_id": None})
    (status,) = receiver.data("status")
    assert status["decisions"] == plain("SELECT count(*) FROM decisions")[0][0]


def test_metrics_of_every_kind_in_plain_json(plain: Query) -> None:
    found = {
        name: len(points_of(plain, f"plain.{name}"))
        for name in ("policies", "answer.duration", "memory", "revenue")
    }
    assert found == {"policies": 1, "answer.duration": 1, "memory": 1, "revenue": ORDERS}


def test_policy_violation_in_plain_json(receiver: RunningReceiver, plain: Query) -> None:
    (violation,) = receiver.data("violations", agent="plain-clerk")
    names = ("policy_id", "severity", "reason", "enforced", "tool")
    assert [violation[name] for name in names] == [
        "no-delete",
        "critical",
        "nothing may be deleted",
        "block",
        "delete_orders",
    ]
    assert plain("SELECT verdict FROM decisions WHERE decision_id = ?", violation["decision_id"]) == [
        ("block",)
    ]
    (trust,) = receiver.data("trust", agent="plain-clerk")
    assert (trust["decisions"], trust["score"] < 405) == (3, True)
    clean = plain(
        "SELECT verdict, point, weight FROM decisions WHERE tool = 'search' AND agent_id = 'plain-clerk'"
    )
    assert clean == [("allow", "tool.before", 0.0)] * 2


def test_structured_logs_and_batches_in_plain_json(receiver: RunningReceiver, plain: Query) -> None:
    rows = receiver.data("logs", agent="plain-clerk", limit=1000)
    assert len({row["body"] for row in rows}) == len(rows) == ORDERS + 1
    assert [row["severity"] for row in rows if row["body"] == "not deleted"] == ["WARN"]
