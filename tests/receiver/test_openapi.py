"""The API's description: valid, whole, and true of what the API answers."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)

from promethios.receiver.alerts.service import Alerts
from promethios.receiver.api import ROUTES
from promethios.receiver.api.question import LATEST
from promethios.receiver.openapi.columns import COLUMNS
from promethios.receiver.openapi.document import describe
from promethios.receiver.openapi.rows import row
from promethios.receiver.plain.kinds import KINDS
from promethios.receiver.services import Services

TRACE = b"a-trace-of-16-by"
#: What a route has to be asked, beside its address, to tell anything.
ASKED = {"series/metric": {"name": "promethios.agent.heartbeat"}}


def written(rule: str) -> str:
    """A rule of Flask's as OpenAPI writes it."""
    return rule.replace("<path:", "{").replace("<", "{").replace(">", "}")


@pytest.fixture
def document(client: FlaskClient, make_key: Any) -> dict[str, Any]:
    """The description as it is served."""
    answer = client.get("/api/v1/openapi.json", headers=make_key("acme", "read"))
    assert answer.status_code == 200
    return dict(answer.get_json())


CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


@pytest.fixture
def told(client: FlaskClient, services: Services, make_key: Any) -> dict[str, str]:
    """A key that reads a tenant which has something of everything."""
    ingest = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}
    now = time.time_ns()
    of = {"gen_ai.tool.name": "search", "gen_ai.conversation.id": "talk"}
    violated = decision_span("block", ({"promethios.policy.severity": "critical"},), of, trace_id=TRACE)
    violated.start_time_unix_nano = violated.end_time_unix_nano = now
    for path, request in (
        ("/v1/traces", trace_request(violated, span(attributes=CALL))),
        ("/v1/metrics", metrics_request(gauge("promethios.agent.heartbeat", 1))),
        ("/v1/logs", logs_request(record("hello"))),
    ):
        assert client.post(path, data=request.SerializeToString(), headers=ingest).data == b""
    Alerts(services).evaluator.turn()
    key = dict(make_key("acme", "read", "admin"))
    silence = {"rule": "trust-low", "reason": "a rehearsal"}
    assert client.post("/api/v1/alerts/silences", json=silence, headers=key).status_code == 201
    return key


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_route_and_method_is_described(client: FlaskClient, document: dict[str, Any]) -> None:
    application: Any = client.application
    served = {
        (written(rule.rule), method.lower())
        for rule in application.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/v1/")
    }
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert described == served
    assert len(described) > len(ROUTES) + len(KINDS)


def test_each_operation_has_an_id_of_its_own(document: dict[str, Any]) -> None:
    ids = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", [route.path for route in ROUTES])
def test_an_answer_is_what_its_description_says(
    client: FlaskClient, document: dict[str, Any], told: dict[str, str], path: str
) -> None:
    address = path.replace("<trace_id>", TRACE.hex()).replace("<path:agent_id>", "shop")
    answer = client.get(f"/api/v1/{address}", query_string=ASKED.get(path, {}), headers=told)
    assert answer.status_code == 200, answer.data
    assert answer.get_json()["data"], "the description would hold of nothing"
    described = document["paths"][
        f"/api/v1/{path}".replace("<path:", "{").replace("<", "{").replace(">", "}")
    ]
    schema = described["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(schema).validate(answer.get_json())


@pytest.mark.parametrize("kind", KINDS)
def test_plain_json_is_described_by_what_reads_it(document: dict[str, Any], kind: str) -> None:
    schema = document["paths"][f"/api/v1/{kind}"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    one, several = schema["anyOf"]
    assert set(one["properties"]) == set(KINDS[kind].fields)
    assert several["items"] == one
    assert set(one["required"]) == {"agent_id", *KINDS[kind].needed}


def test_the_widest_step_that_is_described_is_answered(client: FlaskClient, told: dict[str, str]) -> None:
    for path in ("decisions", "liveness", "trust"):
        answer = client.get(f"/api/v1/series/{path}", query_string={"step": LATEST}, headers=told)
        assert answer.status_code == 200, answer.data


def test_a_refusal_is_described_as_a_problem(
    client: FlaskClient, document: dict[str, Any], told: dict[str, str]
) -> None:
    answer = client.get("/api/v1/agents", query_string={"limit": "many"}, headers=told)
    assert answer.status_code == 400
    jsonschema.Draft202012Validator(document["components"]["schemas"]["Problem"]).validate(answer.get_json())


def test_it_takes_a_key_that_reads(client: FlaskClient, make_key: Any) -> None:
    assert client.get("/api/v1/openapi.json").status_code == 401
    assert client.get("/api/v1/openapi.json", headers=make_key("acme", "ingest")).status_code == 403


def test_a_route_without_a_description_is_an_error() -> None:
    app = Flask("other")
    app.add_url_rule("/api/v1/new", "unknown.new", lambda: "", methods=["GET"])
    with pytest.raises(KeyError, match="unknown"):
        describe(app)


def test_a_column_without_a_description_is_an_error() -> None:
    assert set(row("time agent_id")["properties"]) == {"time", "agent_id"}
    with pytest.raises(KeyError, match="nonsense"):
        row("time nonsense")


def test_every_column_says_what_it_is() -> None:
    assert all(column["description"] and column["type"] for column in COLUMNS.values())
