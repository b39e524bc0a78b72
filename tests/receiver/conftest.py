"""What the receiver's tests share: a real one for each file, and its parts in this process for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
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
