"""G03: agents are killed, and what they told their callers is stored all the same, once."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from tests.faults.agents import Agent, prove
from tests.faults.conftest import rounds
from tests.faults.shim import Action, Faults, Operation
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

_ROUNDS = rounds(8, 50)
_SEGMENTS = "*.spool"

#: Where to kill it: the operation, when, and how many pass before.
Point = tuple[Operation, Action, int]

WRITES: dict[str, Point] = {
    "before the first write of a spool": (Operation.WRITE, Action.KILL_BEFORE, 0),
    "after the first write of a spool": (Operation.WRITE, Action.KILL_AFTER, 0),
    "in the middle of the first write": (Operation.WRITE, Action.TEAR, 0),
    "before a later write": (Operation.WRITE, Action.KILL_BEFORE, 7),
    "after a later write": (Operation.WRITE, Action.KILL_AFTER, 8),
    "in the middle of a later write": (Operation.WRITE, Action.TEAR, 9),
}
SYNCS: dict[str, Point] = {
    "before the first sync": (Operation.SYNC, Action.KILL_BEFORE, 0),
    "after the first sync": (Operation.SYNC, Action.KILL_AFTER, 0),
    "before a later sync": (Operation.SYNC, Action.KILL_BEFORE, 5),
    "after a later sync": (Operation.SYNC, Action.KILL_AFTER, 6),
}


@pytest.mark.timeout(120 + 12 * _ROUNDS)
@pytest.mark.parametrize("durable", ["enforced", "all"])
def test_G03_agents_killed_at_random_in_an_outage_lose_no_decision_that_was_acknowledged(
    tmp_path: Path, durable: str
) -> None:
    spool, chance = tmp_path / "spool", random.Random(durable)
    number = _ROUNDS if durable == "enforced" else max(2, _ROUNDS // 10)
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:

        def start(endpoint: str, **options: object) -> Agent:
            settings = {"spool_dir": spool, "durable_decisions": durable, "pace": 0.003, **options}
            return Agent(tmp_path, endpoint, receiver.ingest_key, **settings)

        with SlowNetwork() as outage:
            # The next one starts while the one before it works: they share the folder.
            killed = [start(outage.url, going=True)]
            for _ in range(number - 1):
                killed.append(start(outage.url, going=True))
                _kill_soon(killed[-2], chance)
            _kill_soon(killed[-1], chance)
        last = start(receiver.http)
        last.emit(4)
        last.wait_for_totals(queued=0, spooled=0)
        last.end()
        proven = prove(receiver.db, spool, *killed, last)
    assert proven.dropped == 0
    assert proven.durable >= 2 * number
    assert proven.stored["decisions"] >= proven.durable


def _kill_soon(agent: Agent, chance: random.Random) -> None:
    agent.ready().wait_for_more(4)
    time.sleep(chance.uniform(0, 0.1))
    agent.kill()


def test_G03_killed_around_a_write_of_the_spool_it_loses_no_decision_that_was_acknowledged(
    tmp_path: Path, faults: Faults
) -> None:
    _kill_at(WRITES, tmp_path, faults)


def test_G03_killed_around_a_sync_of_the_spool_it_loses_no_decision_that_was_acknowledged(
    tmp_path: Path, faults: Faults
) -> None:
    _kill_at(SYNCS, tmp_path, faults, spool_fsync="decisions")


def _kill_at(points: dict[str, Point], folder: Path, faults: Faults, **settings: object) -> None:
    spool = folder / "spool"
    with (
        RunningReceiver(folder / "promethios.db", grpc="off") as receiver,
        SlowNetwork() as outage,
    ):
        agents = []
        for name, (operation, action, after) in points.items():
            faults.disarm()
            options = {"spool_dir": spool, "pace": 0.001, **settings}
            agent = Agent(folder, outage.url, receiver.ingest_key, environment=faults.environment, **options)
            agents.append(agent.ready())
            faults.arm(operation, action, _SEGMENTS, after=after)
            agent.order("go")
            assert agent.ended() == -9, name
        faults.disarm()
        last = Agent(folder, receiver.http, receiver.ingest_key, spool_dir=spool)
        last.wait_for_totals(queued=0, spooled=0)
        last.end()
        proven = prove(receiver.db, spool, *agents, last)
    assert faults.loaded
    assert proven.dropped == 0
    assert proven.durable > 0
