"""G12: delivering makes no telemetry of its own, in children and greenlets either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.processes import Station
from tests.support.receiver import RunningReceiver

_SPANS = (
    "SELECT s.name FROM spans s JOIN resources r ON r.id = s.resource_id"
    " WHERE r.service_name = ? AND s.name = 'HTTP'"
)
_LOGS = (
    "SELECT c.name, l.body FROM logs l JOIN resources r ON r.id = l.resource_id"
    " JOIN scopes c ON c.id = l.scope_id WHERE r.service_name = ? AND c.name LIKE 'urllib3%'"
)


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


@pytest.mark.parametrize("kind", ["observed", "observed_greenlets"])
def test_G12_only_the_applications_requests_are_observed(
    receiver: RunningReceiver, tmp_path: Path, kind: str
) -> None:
    station = Station(receiver, tmp_path, kind)
    station.run("-m", f"tests.faults.kinds.{kind}")
    assert len(station.verify()) == 2
    assert station.rows(_SPANS) == [("HTTP",), ("HTTP",)]
    records = [body for _, body in station.rows(_LOGS)]
    assert len([body for body in records if "GET /livez" in body]) == 2
    assert not any("POST" in body for body in records), records
