"""Two tenants in one database: neither sees anything of the other, on any route."""

from __future__ import annotations

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

from promethios.receiver.api import ROUTES

TRACE = b"a-secret-traceid"
SECRET = "theirsecret"

#: What a route has to be asked, beside its address, to tell anything.
ASKED = {"series/metric": {"name": SECRET}}
#: What the decision says by which it can be found.
NOTED = {
    "note": SECRET,
    "gen_ai.tool.name": SECRET,
    "gen_ai.conversation.id": SECRET,
    "promethios.bundle.name": SECRET,
}


@pytest.fixture
def tenants(client: FlaskClient, make_key: Any) -> dict[str, dict[str, str]]:
    """Keys of two tenants, of which only `theirs` has data, all of it recognisable."""
    ingest = {**make_key("theirs", "ingest"), "Content-Type": "application/x-protobuf"}
    resource = {"service.name": SECRET}
    told = decision_span("block", ({"gen_ai.guardrail.policy.id": SECRET},), NOTED, trace_id=TRACE)
    call = span(SECRET, {"gen_ai.operation.name": "chat", "gen_ai.request.model": SECRET})
    beat = gauge("promethios.agent.heartbeat", 1)
    for path, request in (
        ("/v1/traces", trace_request(told, call, resource=resource)),
        ("/v1/metrics", metrics_request(beat, gauge(SECRET, 1), resource=resource)),
        ("/v1/logs", logs_request(record(SECRET), resource=resource)),
    ):
        assert client.post(path, data=request.SerializeToString(), headers=ingest).data == b""
    return {name: make_key(name, "read", "admin") for name in ("theirs", "ours")}


@pytest.mark.parametrize("path", [route.path for route in ROUTES])
def test_no_route_tells_of_another_tenant(
    client: FlaskClient, tenants: dict[str, dict[str, str]], path: str
) -> None:
    named = path.replace("<trace_id>", TRACE.hex()).replace("<path:agent_id>", SECRET)
    address = f"/api/v1/{named}"
    asked = ASKED.get(path, {})
    theirs = client.get(address, query_string=asked, headers=tenants["theirs"]).get_data(as_text=True)
    ours = client.get(address, query_string=asked, headers=tenants["ours"])
    assert ours.status_code == (404 if "<" in path else 200)
    assert SECRET not in ours.get_data(as_text=True)
    assert SECRET in theirs or path in NUMBERS


#: What tells only numbers, and no names.
NUMBERS = {"status", "stats", "retention"} | {
    f"series/{name}"
    for name in (
        *("decisions", "violations", "latency", "tokens", "ingest"),
        *("shadow", "errors", "latency_buckets", "coverage"),
    )
}
#: What tells names only when there are alerts: `test_alerts_api.py` has some; and a signal of the tenant.
NUMBERS |= {"alerts", "alerts/silences", "signals/ingest-stale"}


def test_counts_are_of_the_own_tenant(client: FlaskClient, tenants: dict[str, dict[str, str]]) -> None:
    (row,) = client.get("/api/v1/status", headers=tenants["ours"]).get_json()["data"]
    assert [row[name] for name in ("spans", "metric_points", "logs", "decisions", "agents")] == [0] * 5
    for name in (
        *("decisions", "violations", "ingest"),
        *("shadow", "errors", "latency_buckets", "coverage", "violations_by_policy"),
    ):
        answer = client.get(f"/api/v1/series/{name}", headers=tenants["ours"]).get_json()["data"]
        assert {each["value"] for each in answer} == {0}


def test_the_same_ids_are_two_rows_for_two_tenants(client: FlaskClient, make_key: Any) -> None:
    body = trace_request(
        decision_span("block", ({},), trace_id=TRACE, span_id=b"same-one")
    ).SerializeToString()
    for tenant in ("one", "two"):
        headers = {**make_key(tenant, "ingest"), "Content-Type": "application/x-protobuf"}
        assert client.post("/v1/traces", data=body, headers=headers).data == b""
        (row,) = client.get("/api/v1/status", headers=make_key(tenant, "read")).get_json()["data"]
        assert (row["spans"], row["decisions"], row["violations"], row["agents"]) == (1, 1, 1, 1)


def test_a_key_for_one_agent_reads_of_that_agent_only(
    client: FlaskClient, tenants: dict[str, dict[str, str]], make_key: Any
) -> None:
    bound = make_key("theirs", "read", agent="somebody-else")
    assert client.get("/api/v1/agents", headers=bound).get_json()["data"] == []
    assert client.get(f"/api/v1/traces/{TRACE.hex()}", headers=bound).status_code == 404


#: Every address that answers a question, as the application knows them: what is new here is covered too.
QUESTIONS = ("api", "jaeger")
#: What Jaeger's routes have to be asked.
OF_JAEGER = {"service": SECRET, "start": 0}


def questions(client: FlaskClient) -> list[tuple[str, dict[str, Any]]]:
    """Each address that is asked with GET, and with which parameters."""
    application: Any = client.application
    found = []
    for rule in application.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in QUESTIONS:
            path = rule.rule.replace("<trace_id>", TRACE.hex()).replace("<path:agent_id>", SECRET)
            asked = OF_JAEGER if path.startswith("/jaeger/") else ASKED.get(rule.rule[len("/api/v1/") :], {})
            found.append((path.replace("<path:service>", SECRET), asked))
    assert len(found) > len(ROUTES)
    return found


@pytest.mark.parametrize("agent", ["somebody-else", None])
def test_no_question_of_another_agent_or_tenant_is_answered_with_a_name(
    client: FlaskClient, tenants: dict[str, dict[str, str]], make_key: Any, agent: str | None
) -> None:
    looking = tenants["ours"] if agent is None else make_key("theirs", "read", agent=agent)
    told = {
        path
        for path, asked in questions(client)
        if SECRET in client.get(path, query_string=asked, headers=looking).get_data(as_text=True)
    }
    assert told == set()


@pytest.mark.parametrize("path", ["services", f"services/{SECRET}/operations", "operations", "traces"])
def test_jaegers_routes_tell_the_own_tenant(
    client: FlaskClient, tenants: dict[str, dict[str, str]], make_key: Any, path: str
) -> None:
    address = f"/jaeger/api/{path}"
    for headers in (tenants["theirs"], make_key("theirs", "read", agent=SECRET)):
        answer = client.get(address, query_string=OF_JAEGER, headers=headers)
        assert SECRET in answer.get_data(as_text=True)
    assert client.get(address, query_string=OF_JAEGER, headers=tenants["ours"]).get_json()["data"] == []


def test_a_trace_of_another_tenant_or_agent_is_unknown_to_jaeger(
    client: FlaskClient, tenants: dict[str, dict[str, str]], make_key: Any
) -> None:
    address = f"/jaeger/api/traces/{TRACE.hex()}"
    assert client.get(address, headers=tenants["theirs"]).status_code == 200
    for headers in (tenants["ours"], make_key("theirs", "read", agent="somebody-else")):
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.get_json()["errors"][0]["msg"]) == (404, "trace not found")


def test_keys_of_another_tenant_cannot_be_seen_made_or_revoked(
    client: FlaskClient, tenants: dict[str, dict[str, str]]
) -> None:
    ours, theirs = tenants["ours"], tenants["theirs"]
    their_id = theirs["Authorization"].split("_")[2]
    listed = client.get("/api/v1/keys", headers=ours).get_json()["data"]
    assert {row["tenant"] for row in listed} == {"ours"}
    assert client.delete(f"/api/v1/keys/{their_id}", headers=ours).status_code == 404
    made = client.post("/api/v1/keys", json={"tenant": "theirs", "scope": "read"}, headers=ours)
    assert (made.status_code, made.get_json()["detail"]) == (
        403,
        (
            "this API key does not administer the tenant 'theirs': use an admin key of that one, "
            "or of the tenant 'default', which is the operator's"
        ),
    )
    assert client.get("/api/v1/status", headers=theirs).status_code == 200


def test_an_administrator_opens_no_tenant_but_the_operator_does(client: FlaskClient, make_key: Any) -> None:
    wanted = {"tenant": "new", "scope": "read"}
    assert client.post("/api/v1/keys", json=wanted, headers=make_key("ours", "admin")).status_code == 403
    for _ in range(2):
        made = client.post("/api/v1/keys", json=wanted, headers=make_key("default", "admin"))
        assert made.status_code == 201
