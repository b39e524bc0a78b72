"""Keys: how they read, what is stored of them, what every wrong one is told, and how they are replaced."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.access.keyring import revoke_key
from promethios.receiver.access.keys import ApiKey, new_key, parse_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.services import Services

DAY = 86_400 * 10**9


def key_of(headers: dict[str, str]) -> ApiKey:
    key = parse_key(headers["Authorization"].removeprefix("Bearer "))
    assert key is not None
    return key


def listed(client: FlaskClient, admin: dict[str, str], key_id: str) -> dict[str, Any]:
    rows = client.get("/api/v1/keys", headers=admin).get_json()["data"]
    return next(row for row in rows if row["key_id"] == key_id)


def test_k01_a_key_reads_as_scanners_know_it_with_160_random_bits_and_more() -> None:
    texts = {new_key("prod").reveal() for _ in range(200)}
    assert len(texts) == 200
    for text in texts:
        found = re.fullmatch(r"pmk_prod_[0-9A-Za-z]{12}_([0-9A-Za-z]{32})_[0-9A-Za-z]{6}", text)
        assert found is not None
    assert 62**32 > 2**160


def test_k01_every_changed_character_is_noticed_without_asking_anybody() -> None:
    text = new_key().reveal()
    for at in range(len("pmk_live_"), len(text)):
        other = "x" if text[at] != "x" else "y"
        assert parse_key(text[:at] + other + text[at + 1 :]) is None, at


def test_k02_neither_the_database_nor_the_log_has_a_key(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        shown = receiver.stderr.count("pmk_")
        secrets = [
            key.secret for text in (receiver.admin_key, receiver.ingest_key) if (key := parse_key(text))
        ]
        assert receiver.get("/api/v1/status").status == 200
        assert receiver.post("/v1/traces", b"broken").status == 400
        assert receiver.get("/api/v1/keys", {"x-api-key": receiver.ingest_key}).status == 403
        receiver.request("GET", f"/api/v1/{receiver.admin_key}", headers=receiver.admin)
    assert receiver.stderr.count("pmk_") == shown == 2
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("promethios.db*"))
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret.encode() in stored]


def test_k03_an_unknown_key_is_compared_too(client: FlaskClient, make_key: Any) -> None:
    """Every way to be wrong is one path with one answer; its steps are seen in `Gate._authenticate`."""
    real = key_of(make_key("default", "read"))
    wrong = {
        "unknown": new_key().reveal(),
        "forged": ApiKey(real.environment, real.key_id, new_key().secret).reveal(),
        "expired": key_of(make_key("default", "read", expires=time.time_ns() - 1)).reveal(),
        "mistyped": real.reveal()[:-1] + ("a" if real.reveal()[-1] != "a" else "b"),
        "no key": "hello",
    }
    answers = {name: client.get("/api/v1/status", headers={"x-api-key": key}) for name, key in wrong.items()}
    seen = {(answer.status_code, answer.data, tuple(answer.headers)) for answer in answers.values()}
    assert len(seen) == 1
    assert {answer.status_code for answer in answers.values()} == {401}


@pytest.mark.parametrize("scope", list(Scope))
def test_k04_a_key_has_a_tenant_scopes_and_an_expiry(
    client: FlaskClient, make_key: Any, scope: Scope
) -> None:
    ends = time.time_ns() + DAY
    key = key_of(make_key("acme", scope, expires=ends))
    row = listed(client, make_key("acme", "admin"), key.key_id)
    assert (row["tenant"], row["scopes"], row["expires"]) == ("acme", scope, ends // 1_000_000)


def test_k04_a_key_for_one_agent_sees_and_sends_of_that_agent_only(
    client: FlaskClient, make_key: Any
) -> None:
    bound = make_key("default", "ingest", "read", agent="clerk")
    for headers in (bound, make_key("default", "ingest")):
        body = trace_request(span(attributes={"gen_ai.agent.id": "director"})).SerializeToString()
        answer = client.post("/v1/traces", data=body, content_type="application/x-protobuf", headers=headers)
        assert answer.status_code == 200
    seen = client.get("/api/v1/agents", headers=bound).get_json()["data"]
    assert [row["agent_id"] for row in seen] == ["clerk"]


def test_k06_two_keys_are_valid_while_one_takes_the_others_place(client: FlaskClient, make_key: Any) -> None:
    admin, old = make_key("acme", "admin"), make_key("acme", "read", agent="clerk")
    made = client.post(
        f"/api/v1/keys/{key_of(old).key_id}/rotate", json={"overlap_seconds": 3_600}, headers=admin
    )
    assert made.status_code == 201
    new = {"x-api-key": made.get_json()["key"]}
    for headers in (old, new):
        assert client.get("/api/v1/status", headers=headers).status_code == 200
    before, after = (
        listed(client, admin, key_id) for key_id in (key_of(old).key_id, made.get_json()["key_id"])
    )
    assert (after["replaces"], after["agent"], after["scopes"]) == (before["key_id"], "clerk", "read")
    assert after["expires"] is None
    assert 0 <= before["expires"] - time.time_ns() // 1_000_000 <= 3_600_000


def test_k06_without_an_overlap_the_old_key_ends_at_once(client: FlaskClient, make_key: Any) -> None:
    admin, old = make_key("acme", "admin"), make_key("acme", "read")
    assert client.get("/api/v1/status", headers=old).status_code == 200
    address = f"/api/v1/keys/{key_of(old).key_id}/rotate"
    made = client.post(address, json={"overlap_seconds": 0}, headers=admin)
    assert client.get("/api/v1/status", headers=old).status_code == 401
    assert client.get("/api/v1/status", headers={"x-api-key": made.get_json()["key"]}).status_code == 200
    again = client.post(address, json={}, headers=admin)
    assert again.status_code == 404
    assert again.get_json()["detail"].startswith(f"this tenant has no valid key {key_of(old).key_id!r} that ")


def test_k06_a_rotated_key_lives_as_long_as_the_old_was_to_live(client: FlaskClient, make_key: Any) -> None:
    ends = time.time_ns() + 10 * DAY
    admin, old = make_key("acme", "admin"), make_key("acme", "read", expires=ends)
    made = client.post(f"/api/v1/keys/{key_of(old).key_id}/rotate", headers=admin).get_json()
    before, after = listed(client, admin, key_of(old).key_id), listed(client, admin, made["key_id"])
    assert before["expires"] < ends // 1_000_000
    assert 0 <= after["expires"] - ends // 1_000_000 < 60_000


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"overlap_seconds": -1}', "'overlap_seconds' must be a whole number from 0 to 2592000"),
        (b'{"overlap_seconds": 2592001}', "'overlap_seconds' must be a whole number from 0 to 2592000"),
        (b'{"overlap_seconds": true}', "'overlap_seconds' must be a whole number from 0 to 2592000"),
        (b'{"overlap": 1}', "unknown field 'overlap'; it may have overlap_seconds"),
        (b"[]", "the body is not an object in JSON"),
    ],
)
def test_k06_a_rotation_that_is_told_wrongly_changes_nothing(
    client: FlaskClient, make_key: Any, body: bytes, detail: str
) -> None:
    admin, old = make_key("acme", "admin"), make_key("acme", "read")
    answer = client.post(f"/api/v1/keys/{key_of(old).key_id}/rotate", data=body, headers=admin)
    assert (answer.status_code, answer.get_json()["detail"]) == (400, detail)
    assert listed(client, admin, key_of(old).key_id)["expires"] is None


def test_k06_another_tenants_key_cannot_be_rotated(client: FlaskClient, make_key: Any) -> None:
    theirs = key_of(make_key("theirs", "read"))
    answer = client.post(f"/api/v1/keys/{theirs.key_id}/rotate", headers=make_key("ours", "admin"))
    assert answer.status_code == 404


def test_k06_a_key_that_somebody_else_revoked_stops_within_five_seconds(
    client: FlaskClient, services: Services, make_key: Any
) -> None:
    """Straight in the database, where nobody tells the keyring."""
    headers = make_key("acme", "read")
    assert client.get("/api/v1/status", headers=headers).status_code == 200
    key_id = key_of(headers).key_id
    assert services.writer.do(lambda connection: revoke_key(connection, key_id))
    revoked = time.monotonic()
    while client.get("/api/v1/status", headers=headers).status_code == 200:
        assert time.monotonic() - revoked < 5
        time.sleep(0.1)


def test_k06_the_command_rotates_in_a_database_and_through_a_receiver(tmp_path: Path) -> None:
    db = str(tmp_path / "promethios.db")
    made = run_promethios("keys", "create", "--db", db, "--scope", "read", "--json").stdout
    key_id = made.split('"key_id": "')[1].split('"')[0]
    rotated = run_promethios("keys", "rotate", key_id, "--db", db, "--overlap", "30m")
    assert rotated.returncode == 0
    assert f"{key_id} goes on for 1800 s" in rotated.stderr
    lines = run_promethios("keys", "list", "--db", db).stdout.splitlines()
    assert [f"{key_id}  valid    default  read  until " in lines[0], "never used" in lines[1]] == [True, True]
    wrong = run_promethios("keys", "rotate", key_id, "--db", db, "--overlap", "soon")
    assert wrong.returncode == 2
    assert "'soon' is not a duration like 90s, 30m, 24h or 7d, of at most 30d" in wrong.stderr


def test_k08_a_key_is_in_a_header_whatever_its_case_and_never_in_the_address(
    client: FlaskClient, make_key: Any
) -> None:
    key = key_of(make_key("default", "read")).reveal()
    for headers in ({"AUTHORIZATION": f"bEaReR {key}"}, {"X-Api-Key": key}, {"x-api-key": f" {key} "}):
        assert client.get("/api/v1/status", headers=headers).status_code == 200
    for name in ("api_key", "key", "token", "access_token", "x-api-key", "Authorization"):
        assert client.get("/api/v1/status", query_string={name: key}).status_code == 401
    client.set_cookie("api_key", key)
    assert client.get("/api/v1/status").status_code == 401


def test_k12_no_repr_has_a_secret(services: Services) -> None:
    from promethios.receiver.access.keyring import KeyRequest, create_key, list_keys
    from promethios.receiver.running import FirstKeys

    request = KeyRequest("default", frozenset({Scope.READ}))
    key = services.writer.do(lambda connection: create_key(connection, request))
    with services.readers.connect() as connection:
        (record,) = list_keys(connection)
    assert record.digest == key.digest
    shown = repr(key) + str(key) + f"{key!r}" + repr(FirstKeys(key.reveal(), key.reveal())) + repr(record)
    assert key.secret not in shown
    assert repr(key.digest) not in shown


def test_k12_no_traceback_has_a_key(client: FlaskClient, make_key: Any, caplog: Any) -> None:
    def fail() -> None:
        raise RuntimeError("a fault of ours")

    client.application.add_url_rule("/health/fail", "health.fail", fail)
    headers = make_key("default", "admin")
    assert client.get("/health/fail", headers=headers).status_code == 503
    assert "a fault of ours" in caplog.text
    assert key_of(headers).secret not in caplog.text
