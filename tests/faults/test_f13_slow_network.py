"""F13: a network with 300 ms of latency, 10 KB/s and one connection in twenty cut: slower, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.agents import Agent, in_order, prove
from tests.faults.conftest import rounds
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

_TURNS = rounds(2, 5)
_LATENCY, _RATE, _CUT_EVERY = 0.3, 10_000, 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("spooled", [True, False], ids=["with a spool", "in memory"])
def test_f13_a_slow_and_lossy_network_makes_it_slower_and_loses_nothing(
    tmp_path: Path, spooled: bool
) -> None:
    spool = tmp_path / "spool" if spooled else None
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        # More is cut than on the network that the scenario names: a short run must see it.
        SlowNetwork(receiver.http, latency=_LATENCY, rate=_RATE, cut_every=_CUT_EVERY // 4) as network,
        Agent(
            tmp_path, network.url, receiver.ingest_key, spool_dir=spool, durable_decisions="all", quiet=True
        ) as agent,
    ):
        for _ in range(_TURNS):
            agent.emit(20)
            agent.flush(1)
        agent.drain(120)
        final = agent.end()
        proven = prove(receiver.db, spool, agent, lasting=spooled)
    assert network.cut > 0, "connections were cut"
    assert final["dropped"] == {}
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 20 * _TURNS)
    assert in_order(receiver.db, agent)


@pytest.mark.timeout(300)
def test_f13_a_request_that_takes_longer_than_the_timeout_gets_through_in_the_end(tmp_path: Path) -> None:
    """300 KB at 100 KB/s take three seconds, and the timeout is one: the line is slow, and not dead."""
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http, rate=100_000) as network,
        Agent(
            tmp_path, network.url, receiver.ingest_key, spool_dir=tmp_path / "spool", timeout=1, quiet=True
        ) as agent,
    ):
        agent.ask("fill", 150, 4_000)
        agent.emit(4)
        agent.flush(1)
        agent.drain(60)
        final = agent.end()
        proven = prove(receiver.db, tmp_path / "spool", agent)
    assert final["dropped"] == {}
    assert proven.stored["decisions"] == 4
