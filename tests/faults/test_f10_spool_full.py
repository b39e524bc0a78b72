"""F10: the spool is full: the oldest of what matters least makes room and is counted, decisions are last."""

from __future__ import annotations

from pathlib import Path

from tests.faults.agents import Agent, prove, stored
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

_LIMIT = 1 << 20


def _agent(folder: Path, endpoint: str, receiver: RunningReceiver, **settings: object) -> Agent:
    options = {"spool_dir": folder / "spool", "max_spool_bytes": _LIMIT, "quiet": True, **settings}
    return Agent(folder, endpoint, receiver.ingest_key, **options).ready()


def _used(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / "spool").glob("*.spool"))


def test_f10_bulk_makes_room_for_decisions_the_oldest_first_and_is_counted(tmp_path: Path) -> None:
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http) as network,
        _agent(tmp_path, network.url, receiver) as agent,
    ):
        assert agent.flush()["parked"] == 0
        network.point_at(None)
        largest = 0
        for _ in range(6):
            agent.emit(20)
            agent.ask("fill", 100, 4_000)
            agent.flush(0.2)
            largest = max(largest, _used(tmp_path))
        agent.emit(20)
        agent.flush(0.2)
        waiting = agent.totals()
        network.point_at(receiver.http)
        agent.drain()
        final = agent.end()
        proven = prove(receiver.db, tmp_path / "spool", agent)
        kept = stored(receiver.db)["spans"]
    emitted = agent.told.emitted
    assert largest <= _LIMIT
    assert set(final["dropped"]) == {"spool_full"}
    assert waiting["dropped"] == final["dropped"], "nothing is dropped that had found room"
    assert proven.stored["decisions"] == len(emitted) == 140, "no decision made room for bulk"
    assert 0 < proven.stored["spans"] < len(emitted)
    assert kept == list(emitted[-len(kept) :]), "the oldest spans were dropped first"
    # Every item that was recorded was delivered, or is counted.
    recorded = 140 * 3 + 6 * 100
    assert final["delivered"] + final["dropped"]["spool_full"] >= recorded


def test_f10_decisions_are_dropped_when_nothing_else_is_left_the_oldest_first(tmp_path: Path) -> None:
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http) as network,
        _agent(tmp_path, network.url, receiver, max_spool_bytes=1 << 16, durable_decisions="all") as agent,
    ):
        network.point_at(None)
        agent.emit(300)
        agent.flush(0.5)
        network.point_at(receiver.http)
        agent.drain()
        final = agent.end()
        proven = prove(receiver.db, tmp_path / "spool", agent, lasting=False)
        kept = set(stored(receiver.db)["decisions"])
    lost = [number for number, token in enumerate(agent.told.emitted) if token not in kept]
    assert 0 < len(lost) == 300 - proven.stored["decisions"] < 300
    # The latest had room. Of the oldest, what was under way when room was made was delivered after all.
    under_way = [number for number in range(lost[-1]) if number not in set(lost)]
    assert under_way == list(range(min(under_way, default=0), max(under_way, default=-1) + 1))
    assert lost[-1] < 299
    assert final["dropped"]["spool_full"] >= len(lost)
