"""Who gets in: keys in every wrong way, and every route walked without a key and with each kind of key."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from tests.support.otlp import span, trace_request

from promethios.receiver.access.keys import new_key, parse_key
from promethios.receiver.access.roles import RULES, Scope, granted, parse_scopes
from promethios.receiver.services import Services

NO_KEY = "no valid API key: send one as 'Authorization: Bearer pmk_...' or as 'x-api-key: pmk_...'"


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every method and address of the application, with the part that it belongs to."""
    found = []
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<[^>]+>", "a" * 32, rule.rule)
        part = rule.endpoint.partition(".")[0]
        found += [(method, address, part) for method in sorted(rule.methods or ())]
    return found


def test_a_key_reads_as_documented() -> None:
    text = new_key("test").reveal()
    assert re.fullmatch(r"pmk_test_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}", text)
    assert parse_key(text) is not None


def test_a_mistyped_key_is_no_key() -> None:
    text = new_key().reveal()
    other = "1" if text[20] != "1" else "2"
    assert parse_key(text[:20] + other + text[21:]) is None


def test_a_key_does_not_show_its_secret() -> None:
    key = new_key()
    assert key.secret not in repr(key)


def test_a_keys_environment_is_a_plain_word() -> None:
    with pytest.raises(ValueError, match="a key's environment is 1 to 16 of a-z and 0-9, not 'Prod_1'"):
        new_key("Prod_1")


def test_an_unknown_scope_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown scope 'write': scopes are ingest, read, admin"):
        parse_scopes("read,write")


def test_every_part_of_the_application_has_a_rule(client: FlaskClient) -> None:
    assert {part for _, _, part in routes(client.application)} == set(RULES)


def test_every_route_without_a_key_is_401(client: FlaskClient) -> None:
    for method, address, part in routes(client.application):
        status = client.open(address, method=method).status_code
        if RULES[part] is None:
            assert status != 401, (method, address)
        else:
            assert status == 401, (method, address)


@pytest.mark.parametrize("scope", list(Scope))
def test_every_route_asks_for_its_scope(client: FlaskClient, make_key: Any, scope: Scope) -> None:
    headers = make_key("default", scope)
    for method, address, part in routes(client.application):
        wanted = RULES[part]
        status = client.open(address, method=method, headers=headers).status_code
        allowed = wanted is None or granted(frozenset({scope}), wanted)
        assert (status == 403) is not allowed, (method, address, status)


def test_a_part_without_a_rule_is_denied(client: FlaskClient, make_key: Any) -> None:
    client.application.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert client.get("/forgotten").status_code == 401
    assert client.get("/forgotten", headers=make_key("default", "admin")).status_code == 403


def wrong_keys() -> dict[str, dict[str, str]]:
    stranger = new_key().reveal()
    return {
        "none": {},
        "empty": {"Authorization": "Bearer "},
        "not a key": {"Authorization": "Bearer hello"},
        "unknown": {"Authorization": f"Bearer {stranger}"},
        "basic": {"Authorization": f"Basic {stranger}"},
        "in the other header": {"x-api-key": stranger},
    }


@pytest.mark.parametrize("headers", wrong_keys().values(), ids=wrong_keys().keys())
def test_every_wrong_key_gets_the_same_answer(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get("/api/v1/status", headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.get_json()["detail"] == NO_KEY


def test_the_right_id_with_another_secret_is_401(client: FlaskClient, make_key: Any) -> None:
    real = parse_key(make_key("default", "read")["Authorization"].removeprefix("Bearer "))
    assert real is not None
    forged = type(real)(real.environment, real.key_id, new_key().secret).reveal()
    assert client.get("/api/v1/status", headers={"x-api-key": forged}).status_code == 401


def test_a_key_goes_in_either_header_whatever_its_case(client: FlaskClient, make_key: Any) -> None:
    key = make_key("default", "read")["Authorization"].removeprefix("Bearer ")
    for headers in ({"X-API-KEY": key}, {"authorization": f"bearer {key}"}):
        assert client.get("/api/v1/status", headers=headers).status_code == 200


def test_a_key_in_the_address_is_not_one(client: FlaskClient, make_key: Any) -> None:
    key = make_key("default", "read")["Authorization"].removeprefix("Bearer ")
    assert client.get("/api/v1/status", query_string={"api_key": key}).status_code == 401


def test_an_expired_key_is_401(client: FlaskClient, make_key: Any) -> None:
    past = make_key("default", "read", expires=time.time_ns() - 1)
    assert client.get("/api/v1/status", headers=past).status_code == 401


def test_a_revoked_key_is_401_at_once(client: FlaskClient, make_key: Any) -> None:
    admin, other = make_key("default", "admin"), make_key("default", "read")
    assert client.get("/api/v1/status", headers=other).status_code == 200
    key_id = other["Authorization"].split("_")[2]
    assert client.delete(f"/api/v1/keys/{key_id}", headers=admin).status_code == 204
    assert client.get("/api/v1/status", headers=other).status_code == 401


def test_otlp_refuses_in_otlps_words(client: FlaskClient, make_key: Any) -> None:
    body = trace_request(span()).SerializeToString()
    answer = client.post("/v1/traces", data=body, content_type="application/x-protobuf")
    assert (answer.status_code, answer.content_type) == (401, "application/x-protobuf")
    assert Status.FromString(answer.data).code == 16
    reader = make_key("default", "read")
    answer = client.post("/v1/traces", data=body, content_type="application/json", headers=reader)
    assert (answer.status_code, answer.get_json()) == (
        403,
        {"code": 7, "message": "this API key lacks the scope 'ingest': use a key that has it"},
    )


def test_a_key_for_one_agent_speaks_for_no_other(
    client: FlaskClient, services: Services, make_key: Any
) -> None:
    bound = make_key("default", "ingest", "read", agent="clerk")
    body = trace_request(span(attributes={"gen_ai.agent.id": "director"})).SerializeToString()
    answer = client.post("/v1/traces", data=body, content_type="application/x-protobuf", headers=bound)
    assert b"the API key speaks for agent 'clerk' only: stored under that name" in answer.data
    agents = client.get("/api/v1/agents", headers=make_key("default", "read")).get_json()["data"]
    assert [row["agent_id"] for row in agents] == ["clerk"]


def test_last_use_is_written_down(client: FlaskClient, make_key: Any) -> None:
    admin = make_key("default", "admin")
    client.post(
        "/v1/traces",
        data=trace_request(span()).SerializeToString(),
        content_type="application/x-protobuf",
        headers=make_key("default", "ingest"),
    )
    rows = client.get("/api/v1/keys", headers=admin).get_json()["data"]
    assert [row["last_used"] is None for row in rows if row["scopes"] == "ingest"] == [False]
