"""What the receiver's tests share: a real one for each file, and its parts in this process for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.access.keyring import KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver in a process of its own, on a new database; the tests of a file share it."""
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The parts of a receiver in this process, on a new database."""
    opened = Services.open(Settings(db=str(tmp_path / "promethios.db"), commit_ms=0))
    yield opened
    opened.close()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    """The application, called without a socket."""
    return create_app(services, Budget(services.settings.memory_bytes)).test_client()


@pytest.fixture
def make_key(services: Services) -> Callable[..., dict[str, str]]:
    """Make a key for a tenant: ``make_key("acme", "read")`` gives headers that carry it."""

    def make(
        tenant: str, *scopes: str, agent: str | None = None, expires: int | None = None
    ) -> dict[str, str]:
        request = KeyRequest(tenant, frozenset(map(Scope, scopes)), agent, expires=expires)
        key = services.writer.do(lambda connection: create_key(connection, request))
        return {"Authorization": f"Bearer {key.reveal()}"}

    return make


@pytest.fixture
def tell(client: FlaskClient, make_key: Any) -> Callable[..., None]:
    """Tell the tenant `acme` of spans of an agent: ``tell(span, agent="clerk")``."""
    ingest = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}

    def told(*spans: Span, agent: str = "clerk", **resource: str) -> None:
        named = {"service.name": "shop", "gen_ai.agent.name": agent, "service.instance.id": "i1", **resource}
        body = trace_request(*spans, resource=named).SerializeToString()
        assert client.post("/v1/traces", data=body, headers=ingest).data == b""

    return told


@pytest.fixture
def ask(client: FlaskClient, make_key: Any) -> Callable[..., Any]:
    """Ask a route of the API as a reader of `acme`: ``ask("spans", from_=0)``."""
    reader = make_key("acme", "read")

    def get(path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        parameters = {name.rstrip("_"): value for name, value in query.items()}
        return client.get(f"/api/v1/{path}", query_string=parameters, headers={**reader, **(headers or {})})

    return get


@pytest.fixture
def later(services: Services) -> Callable[[float], None]:
    """Let so many seconds pass: all that was received is so much older."""

    def pass_by(seconds: float) -> None:
        nanoseconds = int(seconds * 10**9)
        for table, columns in {
            "heartbeats": ("time_unix_nano", "received_unix_nano"),
            "agents": ("first_seen_unix_nano", "last_seen_unix_nano"),
            "spans": ("start_unix_nano", "end_unix_nano"),
            "tenants": ("last_ingest_unix_nano",),
        }.items():
            older = ", ".join(f"{column} = {column} - {nanoseconds}" for column in columns)
            services.writer.do(
                lambda connection, sql=f"UPDATE {table} SET {older}": connection.exec_driver_sql(sql)
            )

    return pass_by
