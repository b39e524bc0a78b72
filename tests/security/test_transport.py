"""What is said to browsers, scanners and whoever writes an address in another way."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.receiver import RunningReceiver
from tests.support.wire import body_of, exchange, status_of

from promethios.receiver.settings import Settings, SettingsError

FROM_ELSEWHERE = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}


@pytest.mark.parametrize("address", ["0.0.0.0:4318", "[::]:4318", "192.0.2.1:4318", "receiver.example:4318"])
@pytest.mark.parametrize("name", ["http", "grpc"])
def test_k09_an_address_that_others_reach_needs_tls_or_a_proxy(name: str, address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(**{name: address})
    assert str(caught.value) == (
        f"{name} = {address}: others can reach this address, and keys would travel in the clear; "
        "give --tls-cert and --tls-key, or listen on 127.0.0.1, or put a proxy that ends TLS in front and "
        "say --behind-tls-proxy"
    )
    Settings(**{name: address, "behind_tls_proxy": True})  # type: ignore[arg-type]
    Settings(**{name: address, "tls_cert": "cert.pem", "tls_key": "key.pem"})


def test_k09_without_a_word_it_listens_on_loopback() -> None:
    settings = Settings()
    assert settings.http_address.loopback
    assert settings.grpc_address is not None and settings.grpc_address.loopback


@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/v1/traces", "/health/live", "/nowhere"])
def test_k10_no_other_origin_may_read_or_send(client: FlaskClient, make_key: Any, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = client.open(path, method=method, headers={**make_key("default", "admin"), **FROM_ELSEWHERE})
        assert [name for name, _ in answer.headers if name.lower().startswith("access-control")] == []


@pytest.mark.parametrize(
    "path",
    [
        "/", "/console/none", "/api/v1/status", "/api/v1/keys", "/v1/traces", "/health/live", "/metrics",
        "/nowhere", "//v1/traces",
    ],
)  # fmt: skip
def test_k11_every_answer_has_the_headers(receiver: RunningReceiver, path: str) -> None:
    for headers in ({}, receiver.admin):
        answer = receiver.get(path, headers)
        found = {name.lower(): value for name, value in answer.headers.items()}
        assert found["x-content-type-options"] == "nosniff"
        assert found["cache-control"] == "no-store"
        assert "default-src 'none'" in found["content-security-policy"]
        assert found["referrer-policy"] == "no-referrer"
        assert "server" not in found and "x-powered-by" not in found and "via" not in found


def test_k11_what_cannot_be_parsed_is_answered_without_a_version_too(receiver: RunningReceiver) -> None:
    answer = exchange(receiver.http, b"GARBAGE\r\n\r\n")
    assert status_of(answer) == 400
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert b"waitress" not in head and b"python" not in head and b"werkzeug" not in head
    assert b"x-content-type-options: nosniff" in head


def test_k20_health_says_one_word_and_nothing_else(receiver: RunningReceiver) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = receiver.get(path, {})
        assert (answer.status, answer.json()) == (200, {"status": "ok"})


def test_k20_metrics_need_a_key_of_the_operator(client: FlaskClient, make_key: Any) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=make_key("acme", "admin")).status_code == 403
    assert client.get("/metrics", headers=make_key("default", "read")).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "//v1/traces", "/v1/traces/", "/v1//traces", "/v1%2ftraces", "/%76%31/traces", "/v1/traces%00",
        "/./v1/traces", "/x/../v1/traces", "/v1/traces;x=1", "/V1/TRACES", "/v1/traces?api_key=x",
        "/v1/traces#x", "/%2e%2e/v1/traces", "/v1\\traces", "http://evil.example/v1/traces",
        "/api/v1//keys", "//api/v1/keys", "/api/v1/keys/", "/api%2fv1%2fkeys", "/api/v1/../v1/keys",
        "/health/../api/v1/keys", "/health/live/../../api/v1/keys", "/console/../api/v1/keys",
        "/console/%2e%2e/api/v1/keys", "*", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_k21_no_other_way_of_writing_an_address_passes_the_gate(
    receiver: RunningReceiver, method: str, target: str
) -> None:
    request = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    request += "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    answer = exchange(receiver.http, request.encode())
    assert status_of(answer) in (400, 401, 404, 405), answer
    assert b"pmk_live" not in body_of(answer)


def test_k21_an_address_written_otherwise_stores_nothing_with_a_key_either(
    receiver: RunningReceiver,
) -> None:
    for target in ("/v1/traces/", "/v1//traces", "/x/../v1/traces", "/V1/traces"):
        assert receiver.post(target, b"").status == 404
