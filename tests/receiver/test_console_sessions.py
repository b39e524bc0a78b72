"""The console's session: a cookie that reads, that no script and no other site can use, and that ends."""

from __future__ import annotations

import json
import time
from http.cookies import SimpleCookie
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import decision_span, trace_request

from promethios.receiver.access.keyring import revoke_key
from promethios.receiver.access.sessions import COOKIE, LASTS, MOST, MOST_OF_KEY, Sessions
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings
from promethios.receiver.store.schema import api_keys


@pytest.fixture
def bare(client: FlaskClient) -> FlaskClient:
    """A client that keeps no cookies by itself: each test says what it sends."""
    return client.application.test_client(use_cookies=False)  # type: ignore[attr-defined,no-any-return]


def sign_in(client: FlaskClient, key: dict[str, str]) -> str:
    """The id of a new session."""
    answer = client.post("/console/session", headers=key)
    assert answer.status_code == 204, answer.data
    return next(iter(SimpleCookie(answer.headers["Set-Cookie"]).values())).value


def cookie(token: str, **headers: str) -> dict[str, str]:
    """The headers of a browser that has the cookie."""
    return {"Cookie": f"{COOKIE}={token}", **{k.replace("_", "-"): v for k, v in headers.items()}}


def test_a_key_that_reads_begins_a_session_and_its_cookie_reads(bare: FlaskClient, make_key: Any) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 200
    assert bare.get("/api/v1/openapi.json", headers=cookie(token)).status_code == 200
    assert bare.head("/api/v1/agents", headers=cookie(token)).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/jaeger/api/services"])
def test_a_cookie_is_good_for_questions_alone(bare: FlaskClient, make_key: Any, path: str) -> None:
    key = make_key("default", "read")
    assert bare.get(path, headers=key).status_code == 200
    assert bare.get(path, headers=cookie(sign_in(bare, key))).status_code == 401


def test_the_answer_has_no_body_and_is_kept_nowhere(bare: FlaskClient, make_key: Any) -> None:
    answer = bare.post("/console/session", headers=make_key("acme", "read"))
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(bare: FlaskClient, make_key: Any) -> None:
    answer = bare.post("/console/session", headers=make_key("acme", "read"))
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for each, path in zip(cookies, ("/api/v1", "/console/session"), strict=True):
        name, *attributes = each.split("; ")
        assert name.startswith(f"{COOKIE}=")
        assert set(attributes[1:]) == {f"Max-Age={LASTS}", "HttpOnly", f"Path={path}", "SameSite=Strict"}
        assert attributes[0].startswith("Expires=")


@pytest.mark.parametrize("settings", [{"behind_tls_proxy": True}, {"tls": True}], ids=["proxy", "tls"])
def test_the_cookie_travels_by_tls_only_where_there_is_tls(
    services: Services, make_key: Any, tmp_path: Path, settings: dict[str, Any]
) -> None:
    files = {"tls_cert": "cert.pem", "tls_key": "key.pem"} if settings.pop("tls", False) else {}
    secure = Settings(db=services.settings.db, **settings, **files)
    object.__setattr__(services, "settings", secure)
    client = create_app(services, Budget(1_000_000)).test_client()
    answer = client.post("/console/session", headers=make_key("acme", "read"))
    assert ["; Secure" in each for each in answer.headers.getlist("Set-Cookie")] == [True, True]


@pytest.mark.parametrize(
    ("scopes", "status"), [(("ingest",), 403), (("read",), 204), (("admin",), 204), ((), 401)]
)
def test_only_a_key_that_reads_begins_one(
    bare: FlaskClient, make_key: Any, scopes: tuple[str, ...], status: int
) -> None:
    headers = make_key("acme", *scopes) if scopes else {}
    assert bare.post("/console/session", headers=headers).status_code == status


def test_a_session_begins_no_other_one(bare: FlaskClient, make_key: Any) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    assert bare.post("/console/session", headers=cookie(token)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/traces"),
        ("POST", "/api/v1/heartbeat"),
        ("GET", "/api/v1/keys"),
        ("POST", "/api/v1/keys"),
        ("GET", "/api/v1/tenants"),
        ("PUT", "/api/v1/tenants/acme"),
        ("POST", "/api/v1/trust/clerk/acknowledge"),
    ],
)
def test_the_session_of_an_administrator_only_reads(
    bare: FlaskClient, make_key: Any, method: str, path: str
) -> None:
    token = sign_in(bare, make_key("acme", "admin", "read", "ingest"))
    answer = bare.open(path, method=method, headers=cookie(token))
    assert answer.status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense", ""])
def test_another_sites_page_cannot_use_it(bare: FlaskClient, make_key: Any, site: str) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    answer = bare.get("/api/v1/agents", headers=cookie(token, Sec_Fetch_Site=site))
    assert answer.status_code == 403
    detail = "another site's page cannot use the console's session: send an API key"
    assert answer.get_json()["detail"] == detail
    ended = bare.delete("/console/session", headers=cookie(token, Sec_Fetch_Site=site))
    assert ended.status_code == 403
    assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_consoles_own_page_can_use_it(bare: FlaskClient, make_key: Any, site: str) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    answer = bare.get("/api/v1/agents", headers=cookie(token, Sec_Fetch_Site=site))
    assert answer.status_code == 200


def test_it_ends_when_it_is_ended(bare: FlaskClient, make_key: Any) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    answer = bare.delete("/console/session", headers=cookie(token))
    assert answer.status_code == 204
    assert ["Max-Age=0" in each for each in answer.headers.getlist("Set-Cookie")] == [True, True]
    ended = bare.get("/api/v1/agents", headers=cookie(token))
    assert (ended.status_code, ended.get_json()["detail"]) == (
        401,
        "the console's session has ended: sign in with a key that reads",
    )


def test_a_new_one_ends_the_one_that_the_browser_had(bare: FlaskClient, make_key: Any) -> None:
    key = make_key("acme", "read")
    token = sign_in(bare, key)
    assert sign_in(bare, {**key, **cookie(token)}) != token
    assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 401


def test_it_ends_with_its_key(bare: FlaskClient, make_key: Any, services: Services) -> None:
    key = make_key("acme", "read")
    token = sign_in(bare, key)
    key_id = key["Authorization"].removeprefix("Bearer ").split("_")[2]
    assert services.writer.do(lambda connection: revoke_key(connection, key_id))
    services.keyring.forget()
    assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 401


def test_it_ends_when_its_key_expires(bare: FlaskClient, make_key: Any, services: Services) -> None:
    now = time.time_ns()
    token = sign_in(bare, make_key("acme", "read", expires=now + 3_600 * 10**9))
    assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 200
    earlier = api_keys.update().values(expires_unix_nano=now)
    services.writer.do(lambda connection: connection.execute(earlier))
    services.keyring.forget()
    assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 401


def test_it_ends_after_twelve_hours() -> None:
    now = [1_000.0]
    sessions = Sessions(lambda: now[0])
    token = sessions.begin("a-key")
    now[0] += LASTS - 1
    assert sessions.key_of(token) == "a-key"
    now[0] += 1
    assert sessions.key_of(token) is None
    sessions.begin("another")
    assert len(sessions) == 1


def test_a_key_has_a_few_sessions_and_takes_none_of_anothers() -> None:
    sessions = Sessions()
    other = sessions.begin("other")
    tokens = [sessions.begin("greedy") for _ in range(MOST_OF_KEY + 3)]
    assert [sessions.key_of(token) for token in tokens[:4]] == [None, None, None, "greedy"]
    assert sessions.key_of(other) == "other"
    assert len(sessions) == MOST_OF_KEY + 1


def test_there_are_only_so_many_sessions() -> None:
    sessions = Sessions()
    tokens = [sessions.begin(f"key-{number}") for number in range(MOST + 1)]
    assert len(sessions) == MOST
    assert [sessions.key_of(tokens[0]), sessions.key_of(tokens[-1])] == [None, f"key-{MOST}"]


def test_an_invented_id_is_no_session(bare: FlaskClient, make_key: Any) -> None:
    sign_in(bare, make_key("acme", "read"))
    for token in ("", "x", "A" * 43, "é", "../..", "%00", "a" * 10_000):
        assert bare.get("/api/v1/agents", headers=cookie(token)).status_code == 401


def test_the_id_is_not_kept_in_the_clear(bare: FlaskClient, make_key: Any, services: Services) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    assert token not in repr(vars(services.gate.sessions))


def test_a_session_sees_its_tenant_and_its_agent_only(bare: FlaskClient, make_key: Any) -> None:
    for tenant, agent in (("acme", "ours"), ("acme", "colleague"), ("other", "theirs")):
        ingest = {**make_key(tenant, "ingest"), "Content-Type": "application/x-protobuf"}
        request = trace_request(decision_span("block", ({},)), resource={"gen_ai.agent.id": agent})
        assert bare.post("/v1/traces", data=request.SerializeToString(), headers=ingest).status_code == 200
    whole = cookie(sign_in(bare, make_key("acme", "read")))
    bound = cookie(sign_in(bare, make_key("acme", "read", agent="ours")))
    agents = [
        {row["agent_id"] for row in json.loads(bare.get("/api/v1/agents", headers=headers).data)["data"]}
        for headers in (whole, bound)
    ]
    assert agents == [{"ours", "colleague"}, {"ours"}]


def test_a_key_goes_before_a_session(bare: FlaskClient, make_key: Any) -> None:
    token = sign_in(bare, make_key("acme", "read"))
    wrong = {**cookie(token), "Authorization": "Bearer pmk_live_nonsense"}
    assert bare.get("/api/v1/agents", headers=wrong).status_code == 401


def test_a_page_can_ask_whether_it_is_signed_in(bare: FlaskClient, make_key: Any) -> None:
    assert bare.get("/console/session").get_json() == {"signed_in": False}
    token = sign_in(bare, make_key("acme", "read", agent="clerk"))
    answer = bare.get("/console/session", headers=cookie(token))
    who = {"tenant": "acme", "agent": "clerk", "version": version("promethios")}
    assert answer.get_json() == {"signed_in": True, **who}
    bare.delete("/console/session", headers=cookie(token))
    assert bare.get("/console/session", headers=cookie(token)).get_json() == {"signed_in": False}
