"""F09: the receiver is down for long, and the agent starts anew meanwhile: all is delivered, in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.agents import Agent, in_order, prove
from tests.faults.oracle import Footprint
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver


def test_f09_three_restarts_in_an_outage_lose_nothing_and_keep_the_order(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http) as network,
    ):

        def start() -> Agent:
            return Agent(
                tmp_path,
                network.url,
                receiver.ingest_key,
                spool_dir=spool,
                durable_decisions="all",
                quiet=True,
            ).ready()

        first = start()
        first.emit(20)
        assert first.flush()["parked"] == 0
        network.point_at(None)
        agents = [first]
        for _ in range(3):
            agents[-1].emit(40)
            assert agents[-1].end()["parked"] >= 120, "what could not be delivered waits for the next process"
            agents.append(start())
        agents[-1].emit(40)
        network.point_at(receiver.http)
        agents[-1].drain()
        final = agents[-1].end()
        for agent in agents[:-1]:
            agent.final = None  # what it left behind was delivered by the last one
        proven = prove(receiver.db, spool, *agents)
    assert final["dropped"] == {}
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 180)
    assert all(in_order(receiver.db, agent) for agent in agents)


def test_f09_an_agent_that_lives_through_the_outage_of_a_receiver_delivers_all_of_it(tmp_path: Path) -> None:
    """The receiver itself goes and comes back: another process, on another port, behind the same address."""
    spool, db = tmp_path / "spool", tmp_path / "promethios.db"
    first = RunningReceiver(db, grpc="off")
    with (
        SlowNetwork(first.http) as network,
        Agent(
            tmp_path, network.url, first.ingest_key, spool_dir=spool, durable_decisions="all", quiet=True
        ) as agent,
    ):
        agent.emit(20)
        assert agent.flush()["parked"] == 0
        first.kill()
        for _ in range(5):
            agent.emit(20)
            assert agent.flush(0.2)["dropped"] == 0
        with RunningReceiver(db, grpc="off") as second:
            network.point_at(second.http)
            agent.wait_for_totals(queued=0, spooled=0)
            final = agent.end()
        proven = prove(db, spool, agent)
    assert final["dropped"] == {}
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 120)
    assert in_order(db, agent)


@pytest.mark.parametrize("spooled", [True, False], ids=["with a spool", "in memory"])
def test_f09_in_an_outage_the_agent_holds_no_more_than_before(tmp_path: Path, spooled: bool) -> None:
    spool = tmp_path / "spool" if spooled else None
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http) as network,
        Agent(
            tmp_path, network.url, receiver.ingest_key, spool_dir=spool, quiet=True, max_memory_bytes=1 << 20
        ) as agent,
    ):
        agent.emit(200)
        agent.flush()
        before = Footprint.of(agent.process.pid)
        network.point_at(None)
        for _ in range(4):
            agent.ask("fill", 100, 5_000)
            agent.emit(50)
            agent.flush(0.3)
        during = Footprint.of(agent.process.pid)
        network.point_at(receiver.http)
        agent.drain()
        before.wait_back(agent.process.pid, memory=24 << 20)
        agent.end()
        prove(receiver.db, spool, agent, lasting=spooled)
    assert during.threads <= before.threads + 2
    assert during.descriptors <= before.descriptors + 12
    assert during.memory <= before.memory + (24 << 20)
