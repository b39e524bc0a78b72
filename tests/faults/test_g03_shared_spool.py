"""G03: several agents share one spool folder, and some are killed: the living deliver all of it, once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.faults.agents import Agent, in_order, prove
from tests.faults.conftest import rounds
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

_KILLED = rounds(2, 4)


@pytest.mark.timeout(300)
def test_G03_orphans_of_killed_agents_are_adopted_by_the_living_once(tmp_path: Path) -> None:
    spool, chance = tmp_path / "spool", random.Random(3)
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http) as network,
    ):

        def start() -> Agent:
            options = {"spool_dir": spool, "durable_decisions": "all", "pace": 0.01, "going": True}
            return Agent(tmp_path, network.url, receiver.ingest_key, **options)

        living, killed = [start(), start()], []
        for number in range(_KILLED):
            # In half of the rounds there is a receiver: files go from owner to heir while they are drained.
            network.point_at(receiver.http if number % 2 else None)
            living.append(start())
            for agent in living:
                agent.ready().wait_for_more(4)
            killed.append(living.pop(chance.randrange(len(living))))
            killed[-1].kill()
        network.point_at(receiver.http)
        # A process looks for orphans when it starts, so nobody waits half a minute here.
        heirs = [start(), start()]
        for agent in (*living, *heirs):
            agent.ask("hold")
            agent.drain()
        for agent in (*living, *heirs):
            assert agent.end()["dropped"] == {}
        last = start()
        last.ask("hold")
        last.drain()
        last.end()
        # Agents whose files others have sent do not know what became of them: the whole is accounted for.
        proven = prove(receiver.db, spool, *killed, *living, *heirs, last)
    assert proven.stored["decisions"] >= proven.durable > 4 * _KILLED


def test_G03_two_agents_that_live_never_send_what_the_other_has(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork() as network,
    ):
        agents = [
            Agent(
                tmp_path,
                network.url,
                receiver.ingest_key,
                spool_dir=spool,
                durable_decisions="all",
                quiet=True,
            )
            for _ in range(2)
        ]
        for agent in agents:
            agent.emit(40)
            agent.flush(0.2)
        waiting = [agent.totals()["spooled"] for agent in agents]
        network.point_at(receiver.http)
        for agent in agents:
            agent.drain()
        finals = [agent.end() for agent in agents]
        proven = prove(receiver.db, spool, *agents)
    assert all(final["delivered"] >= has for final, has in zip(finals, waiting, strict=True))
    assert all(in_order(receiver.db, agent) for agent in agents)
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 80)
