"""Two tenants in one database: whatever the one asks for or claims, nothing of the other comes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import decision_span, gauge, logs_request, metrics_request, record, trace_request

TRACE: Final = b"a-secret-traceid"
SECRET: Final = "theirsecret"
PROTOBUF: Final = "application/x-protobuf"


@pytest.fixture
def tenants(client: FlaskClient, make_key: Any) -> dict[str, dict[str, str]]:
    """Keys of two tenants, of which only `theirs` has data, all of it recognisable."""
    ingest = make_key("theirs", "ingest")
    resource = {"service.name": SECRET, "gen_ai.agent.id": SECRET}
    told = decision_span("block", ({"gen_ai.guardrail.policy.id": SECRET},), {"note": SECRET}, trace_id=TRACE)
    for path, sent in (
        ("/v1/traces", trace_request(told, resource=resource)),
        ("/v1/metrics", metrics_request(gauge("promethios.agent.heartbeat", 1), resource=resource)),
        ("/v1/logs", logs_request(record(SECRET), resource=resource)),
    ):
        answer = client.post(path, data=sent.SerializeToString(), headers=ingest, content_type=PROTOBUF)
        assert answer.data == b""
    return {name: make_key(name, "read", "admin") for name in ("theirs", "ours")}


#: What stands in an address, as the other tenant knows it.
IDS: Final[dict[str, Callable[[str], str]]] = {
    "trace_id": lambda _: TRACE.hex(),
    "agent_id": lambda _: SECRET,
    "key_id": lambda key: key.split("_")[2],
    "tenant": lambda _: "theirs",
}


def addresses(client: FlaskClient, their_key: str) -> list[tuple[str, str, bool]]:
    """Every method and address of the API with the other's ids in it, and whether there are any."""
    found = []
    for rule in client.application.url_map.iter_rules():
        part = rule.endpoint.partition(".")[0]
        if part in ("api", "keys", "tenants", "trust"):
            address = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: IDS[name[1]](their_key), rule.rule)
            methods = sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"})
            found += [(method, address, "<" in rule.rule) for method in methods]
    return found


def test_k14_every_id_of_another_tenant_is_404_on_every_route(
    client: FlaskClient, tenants: dict[str, dict[str, str]]
) -> None:
    walked = 0
    for method, address, named in addresses(client, tenants["theirs"]["Authorization"]):
        body = {"json": {"quota_items_per_minute": 1}} if method == "PUT" else {}
        answer = client.open(address, method=method, headers=tenants["ours"], **body)  # type: ignore[arg-type]
        assert named or SECRET not in answer.get_data(as_text=True), (method, address)
        if named:
            walked += 1
            assert answer.status_code == 404, (method, address, answer.data)
    assert walked >= 5
    assert client.get("/api/v1/status", headers=tenants["theirs"]).status_code == 200


def test_k14_the_same_ids_are_found_by_their_own_tenant(
    client: FlaskClient, tenants: dict[str, dict[str, str]]
) -> None:
    for address in (f"/api/v1/traces/{TRACE.hex()}", f"/api/v1/trust/{SECRET}"):
        assert client.get(address, headers=tenants["theirs"]).status_code == 200


def test_k14_a_filter_by_anothers_agent_finds_nothing(
    client: FlaskClient, tenants: dict[str, dict[str, str]]
) -> None:
    for path in ("agents", "decisions", "violations", "logs", "trust"):
        answer = client.get(f"/api/v1/{path}", query_string={"agent": SECRET}, headers=tenants["ours"])
        assert answer.get_json()["data"] == [], path


def test_k05_the_tenant_comes_from_the_key_whatever_a_payload_and_its_headers_say(
    client: FlaskClient, make_key: Any
) -> None:
    make_key("theirs", "read")
    claims = {"promethios.tenant.id": "theirs", "tenant.id": "theirs", "tenant_id": "2"}
    sent = trace_request(decision_span("block", ({},), claims), resource={**claims, "gen_ai.agent.name": "a"})
    headers = {**make_key("ours", "ingest"), "X-Scope-OrgID": "theirs", "X-Tenant": "theirs"}
    answer = client.post(
        "/v1/traces?tenant=theirs", data=sent.SerializeToString(), content_type=PROTOBUF, headers=headers
    )
    assert answer.status_code == 200
    assert b"the API key is of tenant 'ours': stored there, whatever promethios.tenant.id says" in answer.data
    for tenant, stored in (("ours", 1), ("theirs", 0)):
        (row,) = client.get("/api/v1/status", headers=make_key(tenant, "read")).get_json()["data"]
        assert (row["spans"], row["decisions"]) == (stored, stored)


def test_k05_the_own_tenants_name_in_a_payload_is_nothing_to_tell(client: FlaskClient, make_key: Any) -> None:
    sent = trace_request(decision_span("allow"), resource={"promethios.tenant.id": "ours"})
    answer = client.post(
        "/v1/traces", data=sent.SerializeToString(), content_type=PROTOBUF, headers=make_key("ours", "ingest")
    )
    assert (answer.status_code, answer.data) == (200, b"")


def test_k05_another_agent_than_the_keys_is_overwritten_and_flagged(
    client: FlaskClient, make_key: Any
) -> None:
    bound = make_key("ours", "ingest", agent="clerk")
    sent = trace_request(decision_span("block", ({},), {"gen_ai.agent.id": "director"}))
    answer = client.post("/v1/traces", data=sent.SerializeToString(), content_type=PROTOBUF, headers=bound)
    assert b"the API key speaks for agent 'clerk' only: stored under that name" in answer.data
    reader = make_key("ours", "read")
    for path in ("decisions", "violations"):
        rows = client.get(f"/api/v1/{path}", headers=reader).get_json()["data"]
        assert [row["agent_id"] for row in rows] == ["clerk"], path


def test_k05_plain_json_cannot_name_a_tenant(client: FlaskClient, make_key: Any) -> None:
    answer = client.post(
        "/api/v1/heartbeat", json={"agent_id": "a", "tenant": "theirs"}, headers=make_key("ours", "ingest")
    )
    assert answer.status_code == 400
    assert "tenant" in answer.get_json()["detail"]


def test_k14_who_is_no_operator_sees_one_tenant_and_sets_no_quota(
    client: FlaskClient, tenants: dict[str, dict[str, str]], make_key: Any
) -> None:
    seen = client.get("/api/v1/tenants", headers=tenants["ours"]).get_json()["data"]
    assert [row["tenant"] for row in seen] == ["ours"]
    quota = {"quota_items_per_minute": 5}
    own = client.put("/api/v1/tenants/ours", json=quota, headers=tenants["ours"])
    assert (own.status_code, own.get_json()["detail"]) == (
        403,
        "quotas are the operator's: use an admin key of the tenant 'default'",
    )
    operator = make_key("default", "admin")
    every = client.get("/api/v1/tenants", headers=operator).get_json()["data"]
    assert {row["tenant"] for row in every} == {"theirs", "ours", "default"}
