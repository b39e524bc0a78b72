"""F20: forks of one's own, and those of `multiprocessing`: everything arrives, once, from who it is of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.processes import Station
from tests.support.receiver import RunningReceiver


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


def test_f20_children_and_their_children_are_agents_of_their_own(
    receiver: RunningReceiver, tmp_path: Path
) -> None:
    station = Station(receiver, tmp_path, "forks")
    station.run("-m", "tests.faults.kinds.forks")
    instances = station.verify()
    assert len(instances) == 3
    assert len(station.ledger) == 8
    assert list(station.spool.glob("*")) == []


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_f20_multiprocessing_loses_nothing(receiver: RunningReceiver, tmp_path: Path, method: str) -> None:
    station = Station(receiver, tmp_path, method)
    station.run("-m", "tests.faults.kinds.pools", method)
    station.verify()
    assert len(station.ledger) == 2 + (2 if method == "fork" else 1) + 8 + 8


def test_f20_zero_code_loses_nothing_in_children(receiver: RunningReceiver, tmp_path: Path) -> None:
    station = Station(receiver, tmp_path, "zero-code")
    exporters = {f"OTEL_{signal}_EXPORTER": "promethios" for signal in ("TRACES", "METRICS", "LOGS")}
    instrument = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
    command = ("-m", "tests.faults.kinds.pools", "fork")
    station.run("-c", instrument, sys.executable, *command, **exporters)
    assert len(station.ledger) == 2 + 2 + 8 + 8
    station.verify(signals=False)
