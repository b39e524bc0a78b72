"""F21: however an agent ends, what is in the spool survives, and the next process delivers it once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.conftest import rounds
from tests.faults.processes import Station
from tests.support.receiver import RunningReceiver

from promethios.exporter.testing import Answer, OtlpSink

WORKS = 10


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("receiver") / "promethios.db") as running:
        yield running


@pytest.fixture
def silent() -> Iterator[OtlpSink]:
    """An address that takes every request and answers none."""
    with OtlpSink(default=Answer(hang=True)) as sink:
        yield sink


def run_to_its_end(
    station: Station, way: str, number: signal.Signals | None = None, **environment: str
) -> int:
    """Run an agent until it has worked, send it a signal if one is given, and tell how it ended."""
    with station.start("-m", "tests.faults.kinds.ending", way, **environment) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        if number:
            process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert "Fatal Python error" not in stderr and "xception ignored in thread" not in stderr, stderr
        return process.returncode


def blocked(station: Station) -> set[str]:
    return {line.decision for line in station.ledger if line.verdict == "block"}


def stored(station: Station) -> set[str]:
    return {row[0] for row in station.rows("SELECT decision_id FROM decisions WHERE agent_id = ?")}


#: Ways that come with a normal end, and the status that each leaves.
NORMAL = {"normal": 0, "fail": 1, "exit-in-a-thread": 0, "exit-twice": 0, "shut-down-at-once": 0}


@pytest.mark.parametrize("way", NORMAL)
def test_f21_a_normal_end_delivers_everything(receiver: RunningReceiver, tmp_path: Path, way: str) -> None:
    station = Station(receiver, tmp_path, way, spool=False)
    assert run_to_its_end(station, way) == NORMAL[way]
    station.verify()
    assert len(station.ledger) >= WORKS


@pytest.mark.parametrize(
    ("way", "number", "environment", "status"),
    [
        ("handler", signal.SIGTERM, {}, 3),
        ("wait", signal.SIGINT, {}, -signal.SIGINT),
        ("wait", signal.SIGTERM, {"PROMETHIOS_FLUSH_ON_SIGTERM": "true"}, -signal.SIGTERM),
        ("handler", signal.SIGTERM, {"PROMETHIOS_FLUSH_ON_SIGTERM": "true"}, 3),
    ],
    ids=["handler", "interrupt", "option", "handler-after-option"],
)
def test_f21_a_signal_that_is_handled_delivers_everything(
    receiver: RunningReceiver,
    tmp_path: Path,
    way: str,
    number: signal.Signals,
    environment: dict[str, str],
    status: int,
    request: pytest.FixtureRequest,
) -> None:
    station = Station(receiver, tmp_path, request.node.callspec.id, spool=False)
    assert run_to_its_end(station, way, number, **environment) == status
    station.verify()
    assert len(station.ledger) == WORKS


def test_f21_sigterm_in_the_middle_of_our_own_code_ends_it_too(
    receiver: RunningReceiver, tmp_path: Path
) -> None:
    station = Station(receiver, tmp_path, "busy")
    status = run_to_its_end(station, "busy", signal.SIGTERM, PROMETHIOS_FLUSH_ON_SIGTERM="true")
    assert status == -signal.SIGTERM
    assert {line.decision for line in station.ledger} == stored(station) - _under_way(station)


#: Ways that leave no time for anything.
ABRUPT = [("leave", None, 4), ("wait", signal.SIGTERM, -15), ("busy", signal.SIGKILL, -9)]


@pytest.mark.parametrize(("way", "number", "status"), ABRUPT, ids=["os-exit", "sigterm", "sigkill"])
def test_f21_what_was_enforced_survives_an_abrupt_end(
    receiver: RunningReceiver,
    tmp_path: Path,
    silent: OtlpSink,
    way: str,
    number: signal.Signals | None,
    status: int,
    request: pytest.FixtureRequest,
) -> None:
    station = Station(receiver, tmp_path, request.node.callspec.id)
    assert run_to_its_end(station, way, number, PROMETHIOS_ENDPOINT=silent.url) == status
    assert stored(station) == set()
    before = blocked(station)
    assert len(before) >= 5
    run_to_its_end(station, "normal")
    assert before <= stored(station)
    assert stored(station) <= {line.decision for line in station.ledger} | _under_way(station)
    assert list(station.spool.iterdir()) == []
    assert station.sent_twice == 0


def _under_way(station: Station) -> set[str]:
    """A decision that was kept, and not yet written down when its process was killed."""
    numbers = {line.decision: line for line in station.ledger}
    unknown = stored(station) - numbers.keys()
    assert len(unknown) <= 1, unknown
    return unknown


def test_f21_daemon_threads_never_spoil_the_interpreters_end(
    receiver: RunningReceiver, tmp_path: Path, silent: OtlpSink
) -> None:
    station = Station(receiver, tmp_path, "daemons")
    for _ in range(rounds(3, 10)):
        environment = {"PROMETHIOS_ENDPOINT": silent.url, "PROMETHIOS_EXIT_BUDGET": "0.01"}
        assert run_to_its_end(station, "normal", **environment) == 0
    run_to_its_end(station, "normal")
    assert len(station.verify(signals=False)) == rounds(3, 10) + 1


@pytest.mark.parametrize("way", ["normal", "flush"])
def test_f21_an_end_while_nothing_answers_keeps_everything(
    receiver: RunningReceiver, tmp_path: Path, silent: OtlpSink, way: str
) -> None:
    station = Station(receiver, tmp_path, f"silent-{way}")
    assert run_to_its_end(station, way, PROMETHIOS_ENDPOINT=silent.url, PROMETHIOS_EXIT_BUDGET="1") == 0
    assert stored(station) == set()
    run_to_its_end(station, "normal")
    station.verify()
    assert list(station.spool.iterdir()) == []


def test_f21_sigterm_with_the_option_keeps_everything_while_nothing_answers(
    receiver: RunningReceiver, tmp_path: Path, silent: OtlpSink
) -> None:
    station = Station(receiver, tmp_path, "silent-option")
    environment = {
        "PROMETHIOS_ENDPOINT": silent.url,
        "PROMETHIOS_EXIT_BUDGET": "1",
        "PROMETHIOS_FLUSH_ON_SIGTERM": "true",
    }
    assert run_to_its_end(station, "wait", signal.SIGTERM, **environment) == -signal.SIGTERM
    run_to_its_end(station, "normal")
    station.verify()


def test_f21_a_pool_that_is_terminated_loses_nothing_with_the_option(
    receiver: RunningReceiver, tmp_path: Path
) -> None:
    station = Station(receiver, tmp_path, "terminated")
    station.run("-m", "tests.faults.kinds.terminated", PROMETHIOS_FLUSH_ON_SIGTERM="true")
    station.verify()
    assert len(station.ledger) == 8
