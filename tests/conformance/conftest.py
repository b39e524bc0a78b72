"""One receiver for each file, the three ways to send to it, and its parts in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


Parts = tuple[Services, dict[str, str]]


@pytest.fixture
def open_services() -> Iterator[Callable[[Path], Parts]]:
    """Open the parts of a receiver in this process, with headers of a key that may send."""
    opened: list[Services] = []

    def start(db: Path) -> Parts:
        services = Services.open(Settings(db=str(db), commit_ms=0))
        opened.append(services)
        request = KeyRequest("default", frozenset({Scope.INGEST}), None)
        key = services.writer.do(lambda connection: create_key(connection, request))
        return services, {"authorization": f"Bearer {key.reveal()}"}

    yield start
    for services in opened:
        services.close()


@pytest.fixture
def parts_and_key(tmp_path: Path, open_services: Callable[[Path], Parts]) -> Parts:
    """The parts of a receiver on a new database."""
    return open_services(tmp_path / "promethios.db")


@pytest.fixture
def services(parts_and_key: Parts) -> Services:
    """Its parts."""
    return parts_and_key[0]


@pytest.fixture
def ingest(parts_and_key: Parts) -> dict[str, str]:
    """Headers with a key of it that may send."""
    return parts_and_key[1]
