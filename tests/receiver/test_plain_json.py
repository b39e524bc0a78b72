"""Plain JSON for agents without OpenTelemetry: the same tables as OTLP, and every wrong field named."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from promethios.governance.operation import POINTS
from promethios.governance.trust import NEW, advance
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.plain.kinds import KINDS
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings

NOW = int(time.time() * 1000) - 60_000
MINIMAL: dict[str, dict[str, Any]] = {
    "heartbeat": {"agent_id": "clerk"},
    "metrics": {"agent_id": "clerk", "name": "orders", "value": 1},
    "logs": {"agent_id": "clerk", "body": "hello"},
    "violations": {"agent_id": "clerk", "policy_id": "no-delete"},
    "decisions": {"agent_id": "clerk"},
}

Tell = Callable[..., Any]


@pytest.fixture
def tell(client: FlaskClient, make_key: Any) -> Tell:
    """POST an object, or a list of them."""
    headers = make_key("default", "ingest")
    return lambda what, document: client.post(f"/api/v1/{what}", json=document, headers=headers)


def rows(services: Services, statement: str) -> list[Any]:
    with services.readers.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]


def one(services: Services, table: str) -> Any:
    (row,) = rows(services, f"SELECT * FROM {table}")
    return row


def test_there_is_a_smallest_object_of_each_kind(tell: Tell) -> None:
    assert set(MINIMAL) == set(KINDS)
    for what, document in MINIMAL.items():
        answer = tell(what, document)
        assert (answer.status_code, answer.get_json()) == (200, {"accepted": 1})


@pytest.mark.parametrize("what", MINIMAL)
def test_a_list_is_a_batch(tell: Tell, services: Services, what: str) -> None:
    assert tell(what, [MINIMAL[what]] * 3).get_json() == {"accepted": 3}
    table = {"heartbeat": "heartbeats", "metrics": "metric_points"}.get(what, what)
    assert len(rows(services, f"SELECT * FROM {table}")) == 3
    assert one(services, "agents")["agent_id"] == "clerk"


def test_an_empty_list_stores_nothing(tell: Tell) -> None:
    assert tell("logs", []).get_json() == {"accepted": 0}


def test_a_heartbeat_is_where_those_of_otlp_are(tell: Tell, services: Services) -> None:
    tell("heartbeat", {"agent_id": "clerk", "instance_id": "i1", "time": NOW, "service_name": "shop"})
    row = one(services, "heartbeats")
    assert (row["agent_id"], row["instance_id"], row["time_unix_nano"], row["value"]) == (
        "clerk",
        "i1",
        NOW * 1_000_000,
        1.0,
    )
    assert one(services, "agents")["service_name"] == "shop"
    assert one(services, "metric_series")["name"] == "promethios.agent.heartbeat"


def test_heartbeats_without_a_time_are_of_now_and_all_kept(tell: Tell, services: Services) -> None:
    before = time.time_ns()
    for _ in range(3):
        tell("heartbeat", MINIMAL["heartbeat"])
    times = [row["time_unix_nano"] for row in rows(services, "SELECT time_unix_nano FROM heartbeats")]
    assert len(times) == 3
    assert before <= min(times) <= max(times) <= time.time_ns()


def test_a_metric_is_where_those_of_otlp_are(tell: Tell, services: Services) -> None:
    document = {
        "agent_id": "clerk",
        "name": "shop.revenue",
        "value": 2.5,
        "unit": "EUR",
        "type": "counter",
        "description": "what was sold",
        "attributes": {"country": "DE", "vip": True, "tags": ["a", "b"], "size": 3},
        "time": NOW,
    }
    tell("metrics", document)
    series, point = one(services, "metric_series"), one(services, "metric_points")
    told = ("agent_id", "name", "unit", "type", "description", "temporality", "monotonic")
    assert tuple(series[name] for name in told) == (
        "clerk",
        "shop.revenue",
        "EUR",
        "sum",
        "what was sold",
        1,
        1,
    )
    kept = json.loads(series["attributes"])
    assert {name: kept[name] for name in ("country", "vip", "tags", "size")} == document["attributes"]
    assert (point["value_double"], point["value_int"], point["time_unix_nano"]) == (2.5, None, NOW * 10**6)


def test_a_whole_number_stays_whole(tell: Tell, services: Services) -> None:
    tell("metrics", {**MINIMAL["metrics"], "value": 2**53 + 1})
    assert one(services, "metric_points")["value_int"] == 2**53 + 1
    assert one(services, "metric_series")["type"] == "gauge"


def test_a_log_is_where_those_of_otlp_are(tell: Tell, services: Services) -> None:
    document = {
        "agent_id": "clerk",
        "body": "order taken",
        "severity": "WARN",
        "event_name": "order",
        "attributes": {"order": 7},
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "time": NOW + 0.5,
    }
    tell("logs", document)
    row = one(services, "logs")
    told = ("agent_id", "body", "severity_text", "severity_number", "event_name", "trace_id", "span_id")
    assert tuple(row[name] for name in told) == (
        "clerk",
        "order taken",
        "WARN",
        13,
        "order",
        bytes.fromhex("ab" * 16),
        bytes.fromhex("cd" * 8),
    )
    assert row["time_unix_nano"] == NOW * 1_000_000 + 500_000
    assert json.loads(row["attributes"])["order"] == 7


def test_a_violation_is_a_decision_with_a_match(tell: Tell, services: Services) -> None:
    document = {
        "agent_id": "clerk",
        "policy_id": "no-delete",
        "policy_version": "7",
        "severity": "critical",
        "action": "block",
        "reason": "nothing may be deleted",
        "tool": "delete_orders",
        "model": "gpt-4o",
        "conversation_id": "c1",
        "detector": "pii.card",
        "controls": ["EU-AI-Act/Art.15"],
        "duration_us": 12,
        "trace_id": "ab" * 16,
        "span_id": "cd" * 8,
        "time": NOW,
    }
    tell("violations", document)
    violation, decision, span = (one(services, table) for table in ("violations", "decisions", "spans"))
    for row in (violation, decision):
        assert (row["agent_id"], row["tool"], row["model"]) == ("clerk", "delete_orders", "gpt-4o")
        assert (row["point"], row["reason"]) == ("tool.before", "nothing may be deleted")
        assert (row["trace_id"], row["span_id"]) == (bytes.fromhex("ab" * 16), bytes.fromhex("cd" * 8))
        assert (row["time_unix_nano"], row["weight"]) == (NOW * 1_000_000, 5.0)
    assert (violation["policy_id"], violation["severity"], violation["action"]) == (
        "no-delete",
        "critical",
        "block",
    )
    assert (violation["detector"], violation["policy_version"]) == ("pii.card", "7")
    assert json.loads(violation["controls"]) == ["EU-AI-Act/Art.15"]
    assert (decision["verdict"], decision["enforced"], decision["duration_us"]) == ("block", "block", 12.0)
    assert (decision["conversation_id"], decision["policies"]) == ("c1", "no-delete")
    assert (span["name"], span["parent_span_id"]) == ("promethios.decide", bytes.fromhex("cd" * 8))
    standing = one(services, "trust_standings")
    assert standing["s"] == advance(NEW, 5.0, NOW * 1_000_000).s


def test_the_smallest_violation_is_a_medium_flag(tell: Tell, services: Services) -> None:
    tell("violations", MINIMAL["violations"])
    violation, decision = one(services, "violations"), one(services, "decisions")
    assert (violation["severity"], violation["action"], violation["mode"]) == ("medium", "flag", "enforce")
    assert (decision["point"], decision["enforced"], decision["weight"]) == ("model.before", "flag", 0.3)


@pytest.mark.parametrize(
    ("given", "enforced", "weight"),
    [
        ({"mode": "shadow", "action": "block"}, "allow", 0.0),
        ({"action": "block", "enforced": "flag"}, "flag", 0.3),
        ({"weight": 0}, "flag", 0.0),
        ({"weight": 2.5}, "flag", 2.5),
    ],
)
def test_what_was_done_and_what_it_weighs(
    tell: Tell, services: Services, given: dict[str, Any], enforced: str, weight: float
) -> None:
    tell("violations", {**MINIMAL["violations"], **given})
    violation, decision = one(services, "violations"), one(services, "decisions")
    assert (violation["enforced"], decision["enforced"]) == (enforced, enforced)
    assert (violation["weight"], decision["weight"]) == (weight, weight)


def test_a_clean_decision_raises_trust(tell: Tell, services: Services) -> None:
    for number in range(3):
        tell(
            "decisions", {"agent_id": "clerk", "tool": "read_orders", "id": str(number), "time": NOW + number}
        )
    for row in rows(services, "SELECT * FROM decisions"):
        assert (row["verdict"], row["enforced"], row["mode"]) == ("allow", "allow", "enforce")
        assert (row["point"], row["tool"], row["weight"]) == ("tool.before", "read_orders", 0.0)
        assert (row["policies"], row["reason"], row["dialect"]) == ("", "", "")
    assert rows(services, "SELECT * FROM violations") == []
    standing = NEW
    for number in range(3):
        standing = advance(standing, 0.0, (NOW + number) * 1_000_000)
    assert one(services, "trust_standings")["r"] == standing.r
    assert standing.score > NEW.score


def test_a_decision_has_all_that_matched(tell: Tell, services: Services) -> None:
    matches = [
        {"policy_id": "mind", "severity": "low", "action": "flag", "reason": "watched"},
        {"policy_id": "no-delete", "severity": "high", "action": "block", "reason": "nothing may be deleted"},
        {"policy_id": "tried-out", "severity": "critical", "action": "block", "mode": "shadow"},
    ]
    tell(
        "decisions",
        {
            "agent_id": "clerk",
            "point": "model.after",
            "model": "gpt-4o",
            "conversation_id": "c1",
            "bundle_name": "shop",
            "bundle_version": "7",
            "duration_us": 12,
            "matches": matches,
            "trace_id": "ab" * 16,
            "span_id": "cd" * 8,
            "time": NOW,
        },
    )
    decision = one(services, "decisions")
    expected = {
        "point": "model.after",
        "verdict": "block",
        "enforced": "block",
        "mode": "enforce",
        "model": "gpt-4o",
        "conversation_id": "c1",
        "bundle_name": "shop",
        "bundle_version": "7",
        "duration_us": 12.0,
        "policies": "mind, no-delete, tried-out",
        "weight": 1.0,
        "trace_id": bytes.fromhex("ab" * 16),
        "span_id": bytes.fromhex("cd" * 8),
    }
    assert {name: decision[name] for name in expected} == expected
    found = rows(services, "SELECT policy_id, action, enforced, weight FROM violations ORDER BY ordinal")
    assert [tuple(row.values()) for row in found] == [
        ("mind", "flag", "flag", 0.1),
        ("no-delete", "block", "block", 1.0),
        ("tried-out", "block", "allow", 0.0),
    ]


@pytest.mark.parametrize(
    ("matches", "mode", "enforced"),
    [
        ([], "enforce", "allow"),
        (None, "enforce", "allow"),
        ([{"policy_id": "p", "mode": "shadow"}], "shadow", "allow"),
    ],
)
def test_what_a_decision_enforced(
    tell: Tell, services: Services, matches: Any, mode: str, enforced: str
) -> None:
    tell("decisions", {"agent_id": "clerk", "matches": matches})
    decision = one(services, "decisions")
    assert (decision["mode"], decision["enforced"]) == (mode, enforced)


def test_a_decision_and_a_violation_of_one_id_are_one(tell: Tell, services: Services) -> None:
    tell("violations", {**MINIMAL["violations"], "id": "1", "time": NOW})
    tell("decisions", {**MINIMAL["decisions"], "id": "1", "time": NOW})
    assert one(services, "decisions")["verdict"] == "flag"


def test_an_agent_can_ask_whether_it_is_heard(client: FlaskClient, make_key: Any) -> None:
    for agent in (None, "clerk"):
        answer = client.get("/api/v1/health", headers=make_key("default", "ingest", agent=agent))
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "agent_id": agent})


def test_who_is_held_or_unknown_is_not_told_that_all_is_well(
    client: FlaskClient, make_key: Any, services: Services
) -> None:
    headers = make_key("default", "ingest")
    assert client.get("/api/v1/health").status_code == 401
    assert client.get("/api/v1/health", headers=make_key("default", "read")).status_code == 403
    services.writer.hold("the disk is full")
    answer = client.get("/api/v1/health", headers=headers)
    assert (answer.status_code, answer.get_json()["detail"]) == (503, "the disk is full")
    services.writer.hold(None)


@pytest.mark.parametrize(
    ("what", "table"), [("violations", "violations"), ("decisions", "decisions"), ("logs", "logs")]
)
def test_what_has_an_id_is_stored_once(tell: Tell, services: Services, what: str, table: str) -> None:
    document = {**MINIMAL[what], "id": "42", "time": NOW}
    for _ in range(2):
        assert tell(what, document).get_json() == {"accepted": 1}
    assert tell(what, [{**document, "id": "43"}, document]).get_json() == {"accepted": 2}
    assert len(rows(services, f"SELECT * FROM {table}")) == 2


@pytest.mark.parametrize("what", ["heartbeat", "metrics"])
def test_a_point_with_its_time_is_stored_once(tell: Tell, services: Services, what: str) -> None:
    for _ in range(2):
        tell(what, [{**MINIMAL[what], "time": NOW}])
    assert len(rows(services, "SELECT * FROM metric_points")) == 1


def test_ids_are_each_agents_own(tell: Tell, services: Services) -> None:
    told = {"policy_id": "no-delete", "id": "1", "time": NOW}
    tell("violations", [{**told, "agent_id": "clerk"}, {**told, "agent_id": "buyer"}])
    ids = [row["decision_id"] for row in rows(services, "SELECT decision_id FROM decisions ORDER BY id")]
    assert sorted(ids) == ["buyer:1", "clerk:1"]


def test_the_first_of_two_with_one_id_is_kept_and_the_client_told(tell: Tell, services: Services) -> None:
    tell("violations", {**MINIMAL["violations"], "id": "1", "time": NOW, "reason": "first"})
    answer = tell("violations", {**MINIMAL["violations"], "id": "1", "time": NOW, "reason": "second"})
    assert answer.get_json() == {
        "accepted": 1,
        "message": "1 spans were stored before with other content; the first is kept",
    }
    assert one(services, "violations")["reason"] == "first"


def test_null_is_as_good_as_nothing(tell: Tell, services: Services) -> None:
    tell("violations", {**MINIMAL["violations"], "tool": None, "time": None, "trace_id": None})
    assert one(services, "violations")["tool"] is None


def test_a_key_of_one_agent_speaks_for_it(client: FlaskClient, make_key: Any, services: Services) -> None:
    bound = make_key("default", "ingest", agent="buyer")
    for body in ({"body": "hello"}, {"agent_id": "clerk", "body": "hello"}):
        answer = client.post("/api/v1/logs", json=body, headers=bound)
        assert answer.status_code == 200
    assert answer.get_json()["message"] == "the API key speaks for agent 'buyer' only: stored under that name"
    assert {row["agent_id"] for row in rows(services, "SELECT agent_id FROM logs")} == {"buyer"}


WRONG: list[tuple[str, Any, str]] = [
    ("heartbeat", {}, "'agent_id' is missing"),
    ("heartbeat", 7, "must be an object"),
    ("heartbeat", None, "must be an object"),
    ("metrics", {"agent_id": "a", "value": 1}, "'name' is missing"),
    ("metrics", {"agent_id": "a", "name": "n"}, "'value' is missing"),
    ("metrics", {"agent_id": "a", "name": "n", "value": None}, "'value' is missing"),
    ("logs", {"agent_id": "a"}, "'body' is missing"),
    ("violations", {"agent_id": "a"}, "'policy_id' is missing"),
    ("violations", {"policy_id": "p"}, "'agent_id' is missing"),
    ("logs", {"agent": "a", "body": "b"}, "unknown field 'agent'; did you mean 'agent_id'?"),
    (
        "logs",
        {"agent_id": "a", "body": "b", "weather": 1},
        "unknown field 'weather'; what is your own goes into 'attributes'",
    ),
    ("heartbeat", {"agent_id": "a", "weather": 1}, "unknown field 'weather'"),
    ("heartbeat", {"agent_id": ""}, "'agent_id' must be text of 1 to 200 printable characters"),
    ("heartbeat", {"agent_id": "a\n"}, "'agent_id' must be text of 1 to 200 printable characters"),
    ("heartbeat", {"agent_id": 7}, "'agent_id' must be text of 1 to 200 printable characters"),
    ("heartbeat", {"agent_id": "a" * 201}, "'agent_id' must be text of 1 to 200 printable characters"),
    ("heartbeat", {"agent_id": "a", "time": "now"}, "'time' must be Unix milliseconds"),
    (
        "heartbeat",
        {"agent_id": "a", "time": 1_763_800_000},
        "'time' must be Unix milliseconds, and these are seconds",
    ),
    ("heartbeat", {"agent_id": "a", "time": 0}, "'time' must be Unix milliseconds"),
    ("heartbeat", {"agent_id": "a", "time": True}, "'time' must be Unix milliseconds"),
    ("heartbeat", {"agent_id": "a", "time": 10**13 * 10}, "'time' must be Unix milliseconds"),
    ("metrics", {"agent_id": "a", "name": "n", "value": "1"}, "'value' must be a number"),
    ("metrics", {"agent_id": "a", "name": "n", "value": True}, "'value' must be a number"),
    (
        "metrics",
        {"agent_id": "a", "name": "n", "value": 1, "type": "histogram"},
        "'type' must be one of gauge, counter",
    ),
    (
        "metrics",
        {"agent_id": "a", "name": "n", "value": 1, "unit": "x" * 61},
        "'unit' must be text of 0 to 60 characters",
    ),
    (
        "metrics",
        {"agent_id": "a", "name": "n", "value": 1, "attributes": []},
        "'attributes' must be an object of at most 128 attributes",
    ),
    (
        "metrics",
        {"agent_id": "a", "name": "n", "value": 1, "attributes": {"k": {}}},
        "'attributes' has 'k', which is not text, a number, a boolean or a list of them",
    ),
    (
        "logs",
        {"agent_id": "a", "body": "b", "attributes": {"k": [[1]]}},
        "'attributes' has 'k', which is not text, a number, a boolean or a list of them",
    ),
    ("logs", {"agent_id": "a", "body": {}}, "'body' must be text of 0 to 1000000 characters"),
    (
        "logs",
        {"agent_id": "a", "body": "b", "severity": "info"},
        "'severity' must be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
    ),
    (
        "logs",
        {"agent_id": "a", "body": "b", "trace_id": "ab"},
        "'trace_id' must be 32 hexadecimal digits, not all zero",
    ),
    (
        "logs",
        {"agent_id": "a", "body": "b", "span_id": "0" * 16},
        "'span_id' must be 16 hexadecimal digits, not all zero",
    ),
    (
        "logs",
        {"agent_id": "a", "body": "b", "span_id": "ab  " * 4},
        "'span_id' must be 16 hexadecimal digits, not all zero",
    ),
    (
        "logs",
        {"agent_id": "a", "body": "b", "id": "1"},
        "'time' is missing: what has an 'id' and is sent again must be the same",
    ),
    (
        "violations",
        {"agent_id": "a", "policy_id": "p", "severity": "dreadful"},
        "'severity' must be one of low, medium, high, critical",
    ),
    (
        "violations",
        {"agent_id": "a", "policy_id": "p", "action": "allow"},
        "'action' must be one of flag, redact, approve, block",
    ),
    (
        "violations",
        {"agent_id": "a", "policy_id": "p", "weight": -1},
        "'weight' must be a number from 0",
    ),
    (
        "violations",
        {"agent_id": "a", "policy_id": "p", "controls": "c"},
        "'controls' must be a list of at most 1000 names",
    ),
    ("decisions", {"agent_id": "a", "verdict": "allow"}, "unknown field 'verdict'"),
    (
        "decisions",
        {"agent_id": "a", "id": "1"},
        "'time' is missing: what has an 'id' and is sent again must be the same",
    ),
    ("decisions", {"agent_id": "a", "matches": {}}, "'matches' must be a list of at most 100 objects"),
    (
        "decisions",
        {"agent_id": "a", "matches": [{"policy_id": "p"}] * 101},
        "'matches' must be a list of at most 100 objects",
    ),
    ("decisions", {"agent_id": "a", "matches": ["p"]}, "'matches' has at place 0: must be an object"),
    (
        "decisions",
        {"agent_id": "a", "matches": [{"policy_id": "p"}, {}]},
        "'matches' has at place 1: 'policy_id' is missing",
    ),
    (
        "decisions",
        {"agent_id": "a", "matches": [{"policy_id": "p", "action": "allow"}]},
        "'matches' has at place 0: 'action' must be one of flag, redact, approve, block",
    ),
    (
        "decisions",
        {"agent_id": "a", "matches": [{"policy": "p"}]},
        "'matches' has at place 0: unknown field 'policy'; did you mean 'policy_id'?",
    ),
    (
        "violations",
        {"agent_id": "a", "policy_id": "p", "point": "tool"},
        f"'point' must be one of {', '.join(POINTS)}",
    ),
]


@pytest.mark.parametrize(
    ("what", "document", "reason"), WRONG, ids=[str(number) for number in range(len(WRONG))]
)
def test_what_is_wrong_is_named(
    tell: Tell, services: Services, what: str, document: Any, reason: str
) -> None:
    answer = tell(what, document) if document is not None else tell(what, [None])
    where = "object 0: " if document is None else ""
    assert answer.content_type == "application/problem+json"
    assert (answer.status_code, answer.get_json()["detail"]) == (400, f"{where}{reason}; nothing was stored")
    assert rows(services, "SELECT * FROM agents") == []


def test_one_wrong_object_keeps_its_neighbours_out_too(tell: Tell, services: Services) -> None:
    answer = tell("logs", [MINIMAL["logs"], {"agent_id": "clerk"}, MINIMAL["logs"]])
    assert answer.get_json()["detail"] == "object 1: 'body' is missing; nothing was stored"
    assert rows(services, "SELECT * FROM logs") == []


@pytest.mark.parametrize(
    ("body", "headers", "status", "detail"),
    [
        (b"{", {}, 400, "the body is not JSON: "),
        (b"", {}, 400, "the body is not JSON: "),
        (b'{"agent_id": NaN}', {}, 400, "the body is not JSON: "),
        (b'{"agent_id": "\xff"}', {}, 400, "the body is not JSON: "),
        (
            b"{}",
            {"Content-Type": "application/x-www-form-urlencoded"},
            415,
            "the content type must be application/json, not 'application/x-www-form-urlencoded'",
        ),
        (
            b"{}",
            {"Content-Encoding": "br"},
            415,
            "the content encoding 'br' is not supported: send gzip or none",
        ),
        (b"[" + b"{}," * 250 + b"{}]", {}, 413, "the request has more than 100 items: send smaller batches"),
        (b"[" + b"1," * 150 + b"1]", {}, 413, "the request has more than 100 items: send smaller batches"),
        (b" " * 5000, {}, 413, "the body is larger than 4096 bytes: send smaller batches"),
        (
            gzip.compress(b" " * 5000, mtime=0),
            {"Content-Encoding": "gzip"},
            413,
            "the body is larger than 4096 bytes: send smaller batches",
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    services: Services, make_key: Any, body: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    settings = Settings(db=services.settings.db, max_body_bytes=4096, max_items=100)
    small = replace(services, settings=settings)
    client = create_app(small, Budget(settings.memory_bytes)).test_client()
    sent = {"Content-Type": "application/json", **make_key("default", "ingest"), **headers}
    answer = client.post("/api/v1/logs", data=body, headers=sent)
    assert answer.status_code == status
    assert answer.get_json()["detail"].startswith(detail)


def test_gzip_is_understood(client: FlaskClient, make_key: Any) -> None:
    headers = {**make_key("default", "ingest"), "Content-Type": "application/json; charset=utf-8"}
    body = gzip.compress(json.dumps(MINIMAL["logs"]).encode())
    answer = client.post("/api/v1/logs", data=body, headers={**headers, "Content-Encoding": "gzip"})
    assert answer.get_json() == {"accepted": 1}


@pytest.mark.parametrize("scope", ["read", "admin"])
def test_telling_takes_a_key_made_for_it(client: FlaskClient, make_key: Any, scope: str) -> None:
    answer = client.post("/api/v1/violations", json={}, headers=make_key("default", scope))
    assert (answer.status_code, answer.get_json()["detail"]) == (
        403,
        "this API key lacks the scope 'ingest': use a key that has it",
    )


def test_asking_at_the_same_address_still_works(client: FlaskClient, make_key: Any, tell: Tell) -> None:
    tell("violations", MINIMAL["violations"])
    answer = client.get("/api/v1/violations", headers=make_key("default", "read"))
    assert [row["policy_id"] for row in answer.get_json()["data"]] == ["no-delete"]


def test_what_is_not_committed_is_not_acknowledged(tell: Tell, services: Services) -> None:
    def full(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    services.writer.do(full)
    answer = tell("logs", {**MINIMAL["logs"], "body": "x" * 900_000})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert rows(services, "SELECT * FROM logs") == []


@pytest.mark.parametrize(
    "document",
    [
        b'{"agent_id": "clerk", "agent_id": "other", "body": "x"}',
        b'[{"agent_id": "clerk", "body": "x", "attributes": {"a": 1, "\\u0061": 2}}]',
    ],
    ids=["field", "escaped"],
)
def test_a_key_that_is_there_twice_is_400(client: FlaskClient, make_key: Any, document: bytes) -> None:
    """A decoder keeps the last one: what a proxy or a log in front has seen may be the first."""
    answer = client.post(
        "/api/v1/logs", data=document, content_type="application/json", headers=make_key("default", "ingest")
    )
    assert answer.status_code == 400
    assert answer.get_json()["detail"] == "an object has the same key twice; nothing was stored"


def test_many_small_values_are_413_before_they_take_memory(services: Services, make_key: Any) -> None:
    """Of floats two bytes become thirty; the number of objects says nothing about them."""
    few = replace(services, settings=replace(services.settings, max_items=10))
    client = create_app(few, Budget(1 << 20)).test_client()
    document = {"agent_id": "clerk", "body": "x", "attributes": {"a": [1] * 201}}
    answer = client.post("/api/v1/logs", json=document, headers=make_key("default", "ingest"))
    assert (answer.status_code, answer.get_json()["detail"]) == (
        413,
        "the request has more than 200 values: send smaller batches",
    )
