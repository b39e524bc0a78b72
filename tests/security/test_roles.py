"""Who may do what: a matrix over the route table and the list of calls, walked with every key."""

from __future__ import annotations

import re
from typing import Any, Final

import grpc
import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.support.receiver import RunningReceiver

from promethios.receiver.access.roles import RULES, Scope
from promethios.receiver.otlp.grpc import SERVICES

#: What each kind of key may do, written down a second time: a change of the table in the code is a decision.
MAY: Final = {
    None: {"health", "console", "signed_in"},
    Scope.INGEST: {"health", "console", "signed_in", "otlp", "plain"},
    Scope.READ: {"health", "console", "signed_in", "session", "live", "api", "jaeger", "metrics", "openapi"},
    Scope.ADMIN: {
        "health",
        "console",
        "signed_in",
        "session",
        "live",
        "api",
        "jaeger",
        "metrics",
        "openapi",
        "keys",
        "tenants",
        "trust",
        "alerts",
    },
}
#: The calls that gRPC answers; all of them ingest.
CALLS: Final = [f"/{service}/Export" for service in SERVICES]
REFUSED: Final = {401, 403}


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every method and address of the application, with the part that it belongs to."""
    return [
        (method, re.sub(r"<[^>]+>", "a" * 32, rule.rule), rule.endpoint.partition(".")[0])
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods or ())
    ]


def test_k13_every_part_of_the_application_is_in_the_matrix(client: FlaskClient) -> None:
    parts = {part for _, _, part in routes(client.application)}
    assert parts == set().union(*MAY.values()) == set(RULES)


@pytest.mark.parametrize("scope", [None, *Scope], ids=str)
def test_k13_every_route_asks_every_key_for_its_scope(
    client: FlaskClient, make_key: Any, scope: Scope | None
) -> None:
    headers = {} if scope is None else make_key("default", scope)
    wrong = []
    for method, address, part in routes(client.application):
        status = client.open(address, method=method, headers=headers).status_code
        expected = part in MAY[scope]
        refused = status == (401 if scope is None else 403)
        if refused is expected or (not refused and status in REFUSED):
            wrong.append((method, address, status))
    assert wrong == []


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_k13_another_method_is_no_way_in(client: FlaskClient, method: str) -> None:
    served = routes(client.application)
    open_to_all = {(each, address) for each, address, part in served if RULES[part] is None}
    for _, address, part in served:
        if RULES[part] is not None and (method, address) not in open_to_all:
            status = client.open(address, method=method).status_code
            assert status in (401, 405), (method, address, status)


def test_k13_a_route_that_nobody_has_put_into_the_table_is_denied(client: FlaskClient, make_key: Any) -> None:
    client.application.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    for scope in Scope:
        assert client.get("/forgotten", headers=make_key("default", scope)).status_code == 403
    assert client.get("/forgotten").status_code == 401


def test_k13_every_call_of_grpc_asks_every_key_for_its_scope(receiver: RunningReceiver) -> None:
    keys = {None: [], Scope.INGEST: [("x-api-key", receiver.ingest_key)]}
    for scope in (Scope.READ, Scope.ADMIN):
        made = receiver.request(
            "POST", "/api/v1/keys", b'{"scope": "%s"}' % scope.encode(), receiver.admin
        ).json()
        keys[scope] = [("authorization", f"Bearer {made['key']}")]
    expected = {
        None: grpc.StatusCode.UNAUTHENTICATED,
        Scope.INGEST: grpc.StatusCode.OK,
        Scope.READ: grpc.StatusCode.PERMISSION_DENIED,
        Scope.ADMIN: grpc.StatusCode.PERMISSION_DENIED,
    }
    with grpc.insecure_channel(str(receiver.grpc)) as channel:
        for call in CALLS:
            for scope, metadata in keys.items():
                assert code_of(channel, call, metadata) is expected[scope], (call, scope)


def test_k13_grpc_has_no_other_calls(receiver: RunningReceiver) -> None:
    others = (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Check",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        *(call.replace("Export", "Import") for call in CALLS),
    )
    with grpc.insecure_channel(str(receiver.grpc)) as channel:
        for call in others:
            assert code_of(channel, call, []) is grpc.StatusCode.UNIMPLEMENTED, call


def code_of(channel: grpc.Channel, call: str, metadata: list[tuple[str, str]]) -> grpc.StatusCode:
    try:
        channel.unary_unary(call)(b"", timeout=10, metadata=metadata)
    except grpc.RpcError as error:
        found: grpc.StatusCode = error.code()
        return found
    return grpc.StatusCode.OK
