"""G01 and G02: what waits is bounded in bytes, and `flush` and the metrics tell what became of everything."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.faults.agents import Agent, prove
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver


def test_G01_memory_that_is_full_drops_the_oldest_bulk_by_its_bytes_and_counts_it(tmp_path: Path) -> None:
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork() as network,
        Agent(tmp_path, network.url, receiver.ingest_key, max_memory_bytes=1 << 18, quiet=True) as agent,
    ):
        for _ in range(6):
            agent.emit(20)
            agent.ask("fill", 20, 4_000)
            agent.flush(0.1)
        full = agent.totals()
        network.point_at(receiver.http)
        agent.drain()
        final = agent.end()
        proven = prove(receiver.db, None, agent, lasting=False)
    assert set(final["dropped"]) == {"memory_full"}
    assert full["queued"] > 0
    assert full["spooled"] == 0
    assert proven.stored["decisions"] == 120, "decisions are dropped last"
    assert proven.stored["spans"] < 120


def test_G01_with_a_spool_memory_overflows_to_the_disk_and_nothing_is_dropped(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork() as network,
        Agent(
            tmp_path, network.url, receiver.ingest_key, spool_dir=spool, max_memory_bytes=1 << 16, quiet=True
        ) as agent,
    ):
        for _ in range(3):
            agent.emit(20)
            agent.ask("fill", 20, 4_000)
            agent.flush(0.1)
        waiting = agent.totals()
        network.point_at(receiver.http)
        agent.drain()
        final = agent.end()
        proven = prove(receiver.db, spool, agent)
    assert waiting["spooled"] >= 3 * 80
    assert final["dropped"] == {}
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 60)


def test_G01_what_is_dropped_is_in_the_metrics_by_its_reason(tmp_path: Path) -> None:
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork() as network,
        Agent(
            tmp_path, network.url, receiver.ingest_key, max_memory_bytes=1 << 16, metric_interval=3600
        ) as agent,
    ):
        for _ in range(4):
            agent.ask("fill", 20, 4_000)
            agent.flush(0.1)
        dropped = agent.totals()["dropped"]["memory_full"]
        network.point_at(receiver.http)
        agent.drain()
        agent.end()
        reasons = _dropped(receiver.db)
    assert dropped > 0
    assert reasons == {"memory_full": dropped}


def _dropped(db: Path) -> dict[str, int]:
    """The latest value of each reason."""
    sql = (
        "SELECT series.attributes, max(points.value_int) FROM metric_points points"
        " JOIN metric_series series ON series.id = points.series_id"
        " WHERE series.name = 'promethios.exporter.dropped' GROUP BY series.id"
    )
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return {json.loads(attributes)["reason"]: value for attributes, value in connection.execute(sql)}


def test_G02_flush_tells_what_was_delivered_what_is_parked_and_what_was_dropped(tmp_path: Path) -> None:
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        SlowNetwork(receiver.http) as network,
        Agent(tmp_path, network.url, receiver.ingest_key, max_memory_bytes=1 << 16, quiet=True) as agent,
    ):
        # Metrics are collected by a flush, too: their points come on top of the spans.
        agent.flush()
        spans = _Spans(agent)
        delivered, parked, dropped = spans.flush(10, 1_000, 30)
        assert (delivered >= 10, parked, dropped) == (True, 0, 0)
        network.point_at(None)
        delivered, parked, dropped = spans.flush(10, 1_000)
        assert (delivered, parked >= 10, dropped) == (0, True, 0)
        delivered, parked, dropped = spans.flush(8, 20_000)  # more than memory takes, in one batch
        assert (delivered, dropped >= 8) == (0, True)
        network.point_at(receiver.http)
        agent.drain()
        delivered, parked, dropped = spans.flush(10, 1_000, 30)
        assert (delivered >= 10, parked, dropped) == (True, 0, 0)


class _Spans:
    """Makes spans, flushes, and holds what the flush told against the totals of before and after."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._before = agent.totals()

    def flush(self, spans: int, size: int, seconds: float = 1) -> tuple[int, int, int]:
        """What was delivered, is parked, and was dropped."""
        self._agent.ask("fill", spans, size)
        told, totals = self._agent.flush(seconds), self._agent.totals()
        before, self._before = self._before, totals
        assert told["delivered"] == totals["delivered"] - before["delivered"]
        assert told["parked"] == totals["queued"] + totals["spooled"]
        assert told["dropped"] == sum(totals["dropped"].values()) - sum(before["dropped"].values())
        return told["delivered"], told["parked"], told["dropped"]
