"""One receiver for each file, the three ways to send to it, and its parts in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.receiver import RunningReceiver
from tests.support.transports import TRANSPORTS, Transport

from promethios.receiver.access.keyring import KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver on a new database; the tests of a file share it."""
    with RunningReceiver(tmp_path_factory.mktemp("conformance") / "promethios.db") as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def transport(receiver: RunningReceiver, request: pytest.FixtureRequest) -> Transport:
    """Each way to send, one after the other."""
    return Transport(receiver, request.param)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The parts of a receiver in this process, on a new database."""
    opened = Services.open(Settings(db=str(tmp_path / "promethios.db"), commit_ms=0))
    yield opened
    opened.close()


@pytest.fixture
def ingest(services: Services) -> dict[str, str]:
    """Headers with a key of those parts that may send."""
    request = KeyRequest("default", frozenset({Scope.INGEST}), None)
    key = services.writer.do(lambda connection: create_key(connection, request))
    return {"authorization": f"Bearer {key.reveal()}"}
