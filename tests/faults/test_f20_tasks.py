"""F20: tasks within one process, by whatever they are told apart, and forks in the middle of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.conftest import rounds
from tests.faults.processes import Station
from tests.support.receiver import RunningReceiver

from promethios.exporter.testing import Answer, OtlpSink


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


def test_f20_greenlets_have_their_own_decisions(receiver: RunningReceiver, tmp_path: Path) -> None:
    station = Station(receiver, tmp_path, "greenlets")
    station.run("-m", "tests.faults.kinds.greenlets")
    assert len(station.verify(signals=False)) == 2
    assert len(station.ledger) == 60 * 3 + 2 * (5 * 3 + 1)


@pytest.mark.parametrize(("kind", "decisions"), [("asyncio", 60 * 3 + 20 * 3), ("threads", 60 * 5)])
def test_f20_tasks_have_their_own_decisions(
    receiver: RunningReceiver, tmp_path: Path, kind: str, decisions: int
) -> None:
    station = Station(receiver, tmp_path, kind)
    station.run("-m", "tests.faults.kinds.tasks", kind)
    assert len(station.ledger) == decisions
    station.verify(signals=False, guarded=kind == "asyncio")


def test_f20_forks_under_load_never_hang(receiver: RunningReceiver, tmp_path: Path) -> None:
    forks = rounds(15, 40)
    station = Station(receiver, tmp_path, "storm")
    station.run("-m", "tests.faults.kinds.storm", str(forks), seconds=90)
    instances = station.verify(signals=False, marked=False)
    assert len(instances) == forks + 1
    made = Counter(line.pid for line in station.ledger)
    assert sorted(made.values())[:-1] == [2] * forks


def test_G04_a_child_shares_no_socket_and_no_file_of_the_spool(
    receiver: RunningReceiver, tmp_path: Path
) -> None:
    with OtlpSink(default=Answer(hang=True)) as sink:
        station = Station(receiver, tmp_path, "shared")
        with station.start("-m", "tests.faults.kinds.shared", PROMETHIOS_ENDPOINT=sink.url) as process:
            sink.wait(1)
            stdout, stderr = process.communicate("go\n", timeout=60)
    child, parent = map(json.loads, stdout.splitlines())
    assert child == {"shared": []}, stderr
    assert any(to.startswith("socket:") for to in parent["held"]), "no request was under way"
    assert any(".decisions.spool" in to for to in parent["held"]), "no spool was in use"


def test_G04_what_parent_and_child_kept_is_delivered_by_the_next_process(
    receiver: RunningReceiver, tmp_path: Path
) -> None:
    station = Station(receiver, tmp_path, "adopted")
    command = ("-m", "tests.faults.kinds.shared")
    with (
        OtlpSink(default=Answer(hang=True)) as sink,
        station.start(*command, PROMETHIOS_ENDPOINT=sink.url) as process,
    ):
        sink.wait(1)
        process.communicate("go\n", timeout=60)
    assert process.returncode == 0
    station.run("-m", "tests.faults.kinds.forks")
    assert len(station.verify(signals=False, marked=False)) == 2 + 3
    assert list(station.spool.iterdir()) == []
