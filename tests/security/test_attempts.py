"""Wrong keys: limited by address and by key id, told in the log, and never a valid key's problem."""

from __future__ import annotations

import logging
from typing import Any

import grpc
import pytest
from flask.testing import FlaskClient
from google.rpc.error_details_pb2 import RetryInfo
from tests.support.receiver import RunningReceiver

from promethios.receiver.access.buckets import Buckets, Rate
from promethios.receiver.access.failures import ALARM_EVERY, Failures, network_of
from promethios.receiver.access.keys import ApiKey, new_key, parse_key
from promethios.receiver.services import Services

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
TOO_OFTEN = "too many attempts without a valid API key: a valid one is let in at any time"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def attempt(client: FlaskClient, key: str, address: str = "192.0.2.1") -> Any:
    return client.get("/api/v1/status", headers={"x-api-key": key}, environ_base={"REMOTE_ADDR": address})


def forged(headers: dict[str, str]) -> str:
    real = parse_key(headers["Authorization"].removeprefix("Bearer "))
    assert real is not None
    return ApiKey(real.environment, real.key_id, new_key().secret).reveal()


def test_k07_wrong_keys_from_one_address_are_429_in_the_end(client: FlaskClient) -> None:
    answers = [attempt(client, new_key().reveal()) for _ in range(35)]
    assert {answer.status_code for answer in answers[:30]} == {401}
    last = answers[-1]
    assert (last.status_code, last.get_json()["detail"]) == (429, TOO_OFTEN)
    assert 1 <= int(last.headers["Retry-After"]) <= 5
    assert last.headers["WWW-Authenticate"] == "Bearer"
    assert attempt(client, new_key().reveal(), "192.0.2.2").status_code == 401


def test_k07_wrong_secrets_of_one_key_id_are_429_from_every_address(
    client: FlaskClient, make_key: Any
) -> None:
    headers = make_key("default", "read")
    answers = [attempt(client, forged(headers), f"192.0.2.{number}") for number in range(12)]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    assert answers[-1].status_code == 429
    assert attempt(client, forged(make_key("default", "read")), "192.0.2.99").status_code == 401


def test_k07_a_valid_key_is_let_in_from_the_address_and_with_the_id_of_the_attacks(
    client: FlaskClient, make_key: Any
) -> None:
    """As behind one NAT or one proxy, where every client has the same address."""
    headers = make_key("default", "read")
    for _ in range(60):
        attempt(client, forged(headers))
    assert attempt(client, forged(headers)).status_code == 429
    key = headers["Authorization"].removeprefix("Bearer ")
    assert [attempt(client, key).status_code for _ in range(40)] == [200] * 40


def test_k07_no_key_is_no_attempt(client: FlaskClient) -> None:
    for _ in range(60):
        assert client.get("/api/v1/status").status_code == 401


def test_k07_whoever_waits_may_try_again() -> None:
    clock = Clock()
    failures = Failures(clock)
    assert [failures.note("a", None) for _ in range(30)] == [0] * 30
    assert failures.note("a", None) == 2
    clock.now += 2.1
    assert failures.note("a", None) == 0
    assert failures.note("a", None) > 0


def test_k07_an_alarm_is_raised_and_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    failures = Failures(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(1_030):
            failures.note("192.0.2.1", "abcdefghijkl")
        clock.now += ALARM_EVERY
        for _ in range(100):
            failures.note("192.0.2.1", None)
    first, second = (record.getMessage() for record in caplog.records)
    assert first == (
        "too many wrong API keys: the latest from 192.0.2.1, a wrong key with the id abcdefghijkl; "
        "0 more since the last alarm"
    )
    assert second.startswith("too many wrong API keys: the latest from 192.0.2.1, a key that is none; ")
    figures = failures.figures()
    assert (figures.failed, figures.alarms) == (1_130, 2)
    assert 1_000 < figures.limited < 1_130


def test_k07_attempts_are_counted_where_operators_look(client: FlaskClient, make_key: Any) -> None:
    for _ in range(35):
        attempt(client, new_key().reveal())
    text = client.get("/metrics", headers=make_key("default", "read")).get_data(as_text=True)
    assert "promethios_receiver_keys_wrong_total 35\n" in text
    assert "promethios_receiver_keys_alarms_total 1\n" in text
    assert 'promethios_receiver_requests_refused_total{signal="other",reason="unauthenticated"} 35\n' in text


def test_k07_memory_is_bounded_however_many_addresses_and_ids_there_are() -> None:
    buckets = Buckets(most=100)
    rate = Rate(10, 1)
    for number in range(10_000):
        buckets.take(number, rate, 1)
    assert len(buckets) == 100


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("ipv4:192.0.2.7:50123", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:50123", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
    ],
)
def test_k07_an_address_counts_for_whom_it_belongs_to(peer: str, network: str) -> None:
    assert network_of(peer) == network


def test_k07_holds_over_grpc_and_for_bodies_that_are_not_read(receiver: RunningReceiver) -> None:
    with grpc.insecure_channel(str(receiver.grpc)) as channel:
        export = channel.unary_unary(EXPORT)
        codes = []
        for _ in range(35):
            with pytest.raises(grpc.RpcError) as caught:
                export(b"", timeout=10, metadata=[("x-api-key", new_key().reveal())])
            codes.append(caught.value.code())
            if codes[-1] is grpc.StatusCode.RESOURCE_EXHAUSTED:
                refused = caught.value
        assert set(codes[:30]) == {grpc.StatusCode.UNAUTHENTICATED}
        # One may be let through again every two seconds.
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes[30:]
        trailers = dict(refused.trailing_metadata())
        retry = RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"])
        assert 1 <= retry.retry_delay.seconds <= 5
        valid = [("x-api-key", receiver.ingest_key)]
        assert export(b"", timeout=10, metadata=valid) == b""
    # Over HTTP it is the same address; a large body is refused by its head already.
    headers = {"x-api-key": new_key().reveal(), "Content-Type": "application/json"}
    answers = [receiver.post("/v1/traces", bytes(100_000), headers).status for _ in range(4)]
    assert answers.count(429) >= 3
    assert receiver.post("/v1/traces", bytes(0)).status == 200
    assert "too many wrong API keys: the latest from 127.0.0.1" in receiver.stderr


def test_k07_what_fails_costs_no_row(client: FlaskClient, services: Services) -> None:
    for _ in range(50):
        attempt(client, new_key().reveal())
    with services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM api_keys").scalar() == 0
