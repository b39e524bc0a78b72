"""What agents say is hostile: it is stored and shown as it was said, on every route, and does nothing."""

from __future__ import annotations

import json
from typing import Any, Final

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

from promethios.receiver.api import ROUTES
from promethios.receiver.services import Services

TRACE: Final = b"hostile-trace-id"
PROTOBUF: Final = "application/x-protobuf"
HOSTILE: Final = (
    "__proto__", "constructor", "__class__", "toString", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{% raw %}", "%s%n%x",
    "=cmd|' /C calc'!A0", "+1+1", "@SUM(1)", "'; DROP TABLE spans; --", '" OR ""="', "x') OR 1=1 --",
    "$.a.b[0]",
    "$", "a.b", "a[0]", '"', "\\", "\\u0000", "../../etc/passwd", "${__from}", "${agent:csv}", "$__all",
    "javascript:alert(1)", "line\nbreak\r\nSet-Cookie: a=b", "\u202egnp.exe", "\u200b", "\ufeff", "ﷺ", "👩‍💻",
    "%00", "%2e%2e%2f", "null", "NaN", "true", "",
)  # fmt: skip


def send(client: FlaskClient, headers: dict[str, str], path: str, request: Any) -> bytes:
    answer = client.post(path, data=request.SerializeToString(), content_type=PROTOBUF, headers=headers)
    assert answer.status_code == 200
    return bytes(answer.data)


def test_k17_keys_and_values_are_stored_and_shown_verbatim(client: FlaskClient, make_key: Any) -> None:
    attributes = {text: text for text in HOSTILE if text}
    sent = span("<b>chat</b>", {**attributes, "all": list(HOSTILE)}, trace_id=TRACE)
    assert send(client, make_key("default", "ingest"), "/v1/traces", trace_request(sent)) == b""
    answer = client.get(f"/api/v1/traces/{TRACE.hex()}", headers=make_key("default", "read"))
    (row,) = answer.get_json()["data"]
    assert row["attributes"] == {**attributes, "all": list(HOSTILE)}
    assert row["operationName"] == "<b>chat</b>"
    assert answer.content_type == "application/json"


def test_k17_identities_are_shown_verbatim_on_every_route(client: FlaskClient, make_key: Any) -> None:
    ingest, reader = make_key("default", "ingest"), make_key("default", "read", "admin")
    texts = [text for text in HOSTILE if text.strip()]
    for text in texts:
        told = {"gen_ai.agent.id": text, "gen_ai.request.model": text, "gen_ai.tool.name": text}
        match = {"gen_ai.guardrail.policy.id": text, "gen_ai.guardrail.result.reason": text}
        resource = {"service.name": text, "service.instance.id": text, **told}
        decision = decision_span("block", (match,), told)
        send(client, ingest, "/v1/traces", trace_request(decision, resource=resource))
        send(client, ingest, "/v1/logs", logs_request(record(text), resource=resource))
        beat = gauge("promethios.agent.heartbeat", 1)
        send(client, ingest, "/v1/metrics", metrics_request(beat, resource=resource))
    for path in (route.path for route in ROUTES):
        address = "/api/v1/" + path.replace("<trace_id>", TRACE.hex()).replace("<path:agent_id>", "a.b")
        answer = client.get(address, headers=reader)
        assert answer.status_code in (200, 404), (path, answer.data)
        assert answer.content_type in ("application/json", "application/problem+json")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        json.loads(answer.data)
    columns = {"decisions": "model", "violations": "policy_id", "logs": "body", "agents": "agent_id"}
    for path, name in columns.items():
        rows = client.get(f"/api/v1/{path}", headers=reader).get_json()["data"]
        assert {row[name] for row in rows} == set(texts), path


def test_k17_a_value_asked_for_finds_itself_and_nothing_else(client: FlaskClient, make_key: Any) -> None:
    ingest, reader = make_key("default", "ingest"), make_key("default", "read")
    names = [text for text in HOSTILE if text.strip() and "|" not in text and text not in ("$__all",)]
    for number, text in enumerate(names):
        told = decision_span(
            "allow", (), {"gen_ai.agent.id": text}, trace_id=(number + 1).to_bytes(16, "big")
        )
        send(client, ingest, "/v1/traces", trace_request(told))
    for text in names:
        rows = client.get("/api/v1/decisions", query_string={"agent": text}, headers=reader).get_json()[
            "data"
        ]
        assert [row["agent_id"] for row in rows] == [text]


def test_k17_a_hostile_key_does_not_cross_tenants(client: FlaskClient, make_key: Any) -> None:
    """An attribute that is named like a column, or like the tenant itself, is an attribute."""
    names = ("tenant_id", "tenant.id", "id", "project_id", "promethios.tenant.id", "__tenant__", "agent_id")
    sent = span("chat", dict.fromkeys(names, "2"), trace_id=TRACE)
    send(client, make_key("one", "ingest"), "/v1/traces", trace_request(sent))
    for tenant, spans in (("one", 1), ("two", 0)):
        (row,) = client.get("/api/v1/status", headers=make_key(tenant, "read")).get_json()["data"]
        assert row["spans"] == spans


@pytest.mark.parametrize("path", ["heartbeat", "metrics", "logs", "violations"])
def test_k17_plain_json_takes_hostile_text_as_text(
    client: FlaskClient, make_key: Any, services: Services, path: str
) -> None:
    needed = {"metrics": {"name": "n", "value": 1}, "logs": {"body": "b"}, "violations": {"policy_id": "p"}}
    texts = [text for text in HOSTILE if text.strip() and text.isprintable()]
    sent = [{"agent_id": text, **needed.get(path, {})} for text in texts]
    answer = client.post(f"/api/v1/{path}", json=sent, headers=make_key("default", "ingest"))
    assert (answer.status_code, answer.get_json()) == (200, {"accepted": len(sent)})
    with services.readers.connect() as connection:
        known = {row[0] for row in connection.exec_driver_sql("SELECT agent_id FROM agents")}
    assert known == set(texts)


def test_k17_a_hostile_name_of_a_tenant_or_agent_of_a_key_is_text_too(
    client: FlaskClient, make_key: Any
) -> None:
    operator = make_key("default", "admin")
    for text in [text for text in HOSTILE if text.isprintable() and text.strip()]:
        made = client.post(
            "/api/v1/keys", json={"tenant": text, "agent": text, "scope": "read"}, headers=operator
        )
        assert made.status_code == 201, text
    shown = client.get("/api/v1/tenants", headers=operator).get_json()["data"]
    assert "<script>alert(1)</script>" in [row["tenant"] for row in shown]


@pytest.mark.parametrize("text", ["line\nbreak", "\u202egnp.exe", "\x00", " ", "x" * 201])
def test_k17_a_tenant_has_a_name_that_people_can_read(client: FlaskClient, make_key: Any, text: str) -> None:
    wanted = {"tenant": text, "scope": "read"}
    answer = client.post("/api/v1/keys", json=wanted, headers=make_key("default", "admin"))
    assert answer.status_code == 400


def test_k17_no_address_writes_into_the_head_of_an_answer(client: FlaskClient) -> None:
    for target in ("/%0d%0aSet-Cookie:%20a=b", "/api/v1/%0d%0aX: y", "/<script>alert(1)</script>"):
        answer = client.get(target)
        assert "Set-Cookie" not in answer.headers and "X" not in answer.headers
        assert answer.content_type == "application/problem+json"
