"""Quotas: a minute's worth at once, then no faster than it refills; what each client is told meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from flask.testing import FlaskClient
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.access.quotas import Quota, Quotas
from promethios.receiver.app import create_app
from promethios.receiver.ingest.items import count_logs, count_points, count_spans
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings, SettingsError

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
#: Six a minute: a tenth of one comes back in a second, so no test is overtaken by the clock.
SIX = {"PROMETHIOS_QUOTA_ITEMS_PER_MINUTE": "6"}
USED_UP = (
    "the tenant's quota of 6 items a minute is used up: send less, or ask the receiver's operator for more"
)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Services]:
    settings = Settings(db=str(tmp_path / "promethios.db"), commit_ms=0, quota_items_per_minute=6)
    opened = Services.open(settings)
    yield opened
    opened.close()


def spent(
    quotas: Quotas, items: int, size: int = 0, quota: Quota | None = None, tenant: int = 1
) -> int | None:
    """After how many seconds to try again; None where it was let through."""
    try:
        with quotas.spend(tenant, quota or Quota(), size, items):
            return None
    except Refusal as refusal:
        assert refusal.kind is Kind.TOO_MANY
        return refusal.retry_after


def lines(count: int, mark: str = "line") -> bytes:
    return logs_request(*(record(f"{mark} {number}") for number in range(count))).SerializeToString()


def test_k16_a_minutes_worth_may_come_at_once_and_then_as_fast_as_it_refills(clock: Clock) -> None:
    quotas = Quotas(Quota(0, 60), clock)
    assert [spent(quotas, 1) for _ in range(60)] == [None] * 60
    assert spent(quotas, 1) == 1
    clock.now += 1.5
    assert (spent(quotas, 1), spent(quotas, 1)) == (None, 1)


def test_k16_in_the_long_run_no_more_passes_than_the_quota(clock: Clock) -> None:
    quotas, passed = Quotas(Quota(0, 600), clock), 0
    for _ in range(6_000):
        passed += 7 if spent(quotas, 7) is None else 0
        clock.now += 0.1
    assert 600 * 10 <= passed <= 600 * 11 + 7


def test_k16_a_request_larger_than_the_quota_passes_and_is_paid_off(clock: Clock) -> None:
    quotas = Quotas(Quota(0, 60), clock)
    assert spent(quotas, 120) is None
    assert spent(quotas, 1) == 5
    clock.now += 60.5
    assert spent(quotas, 1) == 1
    clock.now += 1
    assert spent(quotas, 1) is None


def test_k16_bytes_are_limited_as_items_are(clock: Clock) -> None:
    quotas = Quotas(Quota(1_000, 0), clock)
    assert spent(quotas, 5, size=1_000) is None
    assert spent(quotas, 5, size=1) == 1


def test_k16_one_tenants_quota_is_not_anothers(clock: Clock) -> None:
    quotas = Quotas(Quota(0, 6), clock)
    assert spent(quotas, 6) is None
    assert (spent(quotas, 1), spent(quotas, 1, tenant=2)) == (5, None)


def test_k16_a_tenants_own_quota_goes_before_the_default(clock: Clock) -> None:
    quotas = Quotas(Quota(0, 6), clock)
    assert spent(quotas, 100, quota=Quota(None, 0)) is None
    assert spent(quotas, 100, quota=Quota(None, 0)) is None
    assert spent(quotas, 1, quota=Quota(None, 1), tenant=2) is None
    assert spent(quotas, 1, quota=Quota(None, 1), tenant=2) == 5


def test_k16_what_could_not_be_stored_costs_nothing(clock: Clock) -> None:
    quotas = Quotas(Quota(100, 6), clock)
    for _ in range(20):
        with pytest.raises(OSError), quotas.spend(1, Quota(), 100, 6):
            raise OSError("the disk is full")
    assert spent(quotas, 6, size=100) is None


def test_k16_what_one_limit_refuses_costs_nothing_of_the_other(clock: Clock) -> None:
    quotas = Quotas(Quota(1_000, 1), clock)
    assert spent(quotas, 1, size=10) is None
    for _ in range(200):
        assert spent(quotas, 1, size=10) == 5
    clock.now += 60
    assert spent(quotas, 1, size=900) is None


def test_items_are_counted_as_they_are_stored() -> None:
    assert count_spans(trace_request(span(), span())) == 2
    assert count_logs(logs_request(record("a"), record("b"), record("c"))) == 3
    assert count_points(metrics_request(gauge("a", 1), gauge("b", 2), Metric(name="empty"))) == 3


@pytest.mark.parametrize("path", ["/v1/logs", "/api/v1/logs"])
def test_k16_over_http_it_is_429_with_a_delay_and_nothing_stored(
    limited: Services, make_keys: Any, path: str
) -> None:
    client: FlaskClient = create_app(limited, Budget(limited.settings.memory_bytes)).test_client()
    ingest, reader = make_keys(limited)

    def send(mark: str, count: int) -> Any:
        if path == "/v1/logs":
            body, kind = lines(count, mark), "application/x-protobuf"
        else:
            body = json.dumps([{"agent_id": "a", "body": f"{mark} {each}"} for each in range(count)]).encode()
            kind = "application/json"
        return client.post(path, data=body, content_type=kind, headers=ingest)

    assert send("first", 7).status_code == 200
    answer = send("second", 1)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    if path == "/v1/logs":
        assert (Status.FromString(answer.data).code, Status.FromString(answer.data).message) == (8, USED_UP)
    else:
        assert answer.get_json()["detail"] == USED_UP
    assert client.get("/api/v1/status", headers=reader).get_json()["data"][0]["logs"] == 7


@pytest.fixture
def make_keys() -> Any:
    from promethios.receiver.access.keyring import KeyRequest, create_key
    from promethios.receiver.access.roles import Scope

    def make(services: Services) -> list[dict[str, str]]:
        found = []
        for scope in (Scope.INGEST, Scope.READ):
            request = KeyRequest("default", frozenset({scope}))
            key = services.writer.do(lambda connection, request=request: create_key(connection, request))
            found.append({"x-api-key": key.reveal()})
        return found

    return make


def test_k16_what_is_sent_again_and_was_stored_is_free(limited: Services, make_keys: Any) -> None:
    client: FlaskClient = create_app(limited, Budget(limited.settings.memory_bytes)).test_client()
    ingest, _ = make_keys(limited)
    body = lines(5)
    for _ in range(10):
        answer = client.post("/v1/logs", data=body, content_type="application/x-protobuf", headers=ingest)
        assert answer.status_code == 200


def test_k16_over_grpc_it_is_resource_exhausted_with_a_delay_and_an_override_helps(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=SIX) as receiver:
        metadata = [("x-api-key", receiver.ingest_key)]
        with grpc.insecure_channel(str(receiver.grpc)) as channel:
            export = channel.unary_unary(EXPORT)
            assert export(lines(7), timeout=10, metadata=metadata) == b""
            with pytest.raises(grpc.RpcError) as caught:
                export(lines(1, "other"), timeout=10, metadata=metadata)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert caught.value.details() == USED_UP
            trailers = dict(caught.value.trailing_metadata())
            assert RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.seconds == 5
            status = Status.FromString(trailers["grpc-status-details-bin"])
            assert [detail.TypeName() for detail in status.details] == ["google.rpc.RetryInfo"]

            where = ("--url", receiver.http, "--api-key", receiver.admin_key)
            changed = run_promethios("tenants", "quota", "default", "--items-per-minute", "0", *where)
            assert changed.stdout == (
                "default  bytes a minute: as the settings say, items a minute: any number\n"
            )
            assert export(lines(1, "other"), timeout=10, metadata=metadata) == b""
        assert receiver.data("status")[0]["logs"] == 8


def test_a_quota_is_set_in_a_database_and_taken_back(tmp_path: Path) -> None:
    db = ("--db", str(tmp_path / "promethios.db"))
    assert run_promethios("keys", "create", *db, "--scope", "read", "--tenant", "acme").returncode == 0
    set_ = run_promethios("tenants", "quota", "acme", *db, "--bytes-per-minute", "5000", "--json")
    row = json.loads(set_.stdout)
    assert (row["tenant"], row["quota_bytes_per_minute"], row["quota_items_per_minute"]) == (
        "acme",
        5000,
        None,
    )
    back = run_promethios("tenants", "quota", "acme", *db, "--bytes-per-minute", "default")
    line = "acme  bytes a minute: as the settings say, items a minute: as the settings say\n"
    assert back.stdout == line == run_promethios("tenants", "list", *db).stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("quota", "acme"), 2, "nothing to change: give --bytes-per-minute or --items-per-minute"),
        (("quota", "acme", "--items-per-minute", "-1"), 2, "'-1' is not a whole number of up to 15 digits"),
        (("quota", "acme", "--items-per-minute", "many"), 2, "'many' is not a whole number"),
        (("quota", "nobody", "--items-per-minute", "1"), 1, "Error: no tenant 'nobody' in "),
    ],
)
def test_a_quota_that_cannot_be_set_is_named(
    tmp_path: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    db = ("--db", str(tmp_path / "promethios.db"))
    run_promethios("keys", "create", *db, "--scope", "read", "--tenant", "acme")
    done = run_promethios("tenants", *arguments, *db)
    assert (done.returncode, message in done.stderr) == (status, True), done.stderr


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{}", "nothing to change; there are quota_bytes_per_minute and quota_items_per_minute"),
        (
            b'{"quota": 1}',
            "unknown field 'quota'; there are quota_bytes_per_minute and quota_items_per_minute",
        ),
        (
            b'{"quota_items_per_minute": -1}',
            "'quota_items_per_minute' must be a whole number from 0 to 9007199254740992, or null",
        ),
        (
            b'{"quota_bytes_per_minute": true}',
            "'quota_bytes_per_minute' must be a whole number from 0 to 9007199254740992, or null",
        ),
    ],
)
def test_a_quota_that_is_told_wrongly_is_400(
    client: FlaskClient, make_key: Any, body: bytes, detail: str
) -> None:
    answer = client.put("/api/v1/tenants/default", data=body, headers=make_key("default", "admin"))
    assert (answer.status_code, answer.get_json()["detail"]) == (400, f"cannot set these quotas: {detail}")


def test_settings_take_no_negative_quota() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(quota_items_per_minute=-1)
    assert str(caught.value) == "quota_items_per_minute = -1: it must be at least 0"
