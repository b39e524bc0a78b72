"""The exporter's benchmarks run in a short form, and measure what they say; nothing is judged here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks import exporter_cost, exporter_drain, exporter_latency, exporter_memory

Run = Callable[..., dict[str, float]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a benchmark, and gives what it found by key."""

    def found(benchmark: Any, *arguments: str) -> dict[str, float]:
        file = tmp_path / "found.json"
        benchmark.main(*arguments, "--json", str(file))
        results = json.loads(file.read_bytes())["results"]
        printed = capsys.readouterr().out
        assert [each["name"] for each in results if each["name"] not in printed] == []
        return {each["key"]: each["value"] for each in results}

    return found


def test_cost_is_measured_for_each_set_up_beside_the_stock_one(run: Run) -> None:
    found = run(exporter_cost, "--rounds", "1", "--spans", "20", "--blocks", "5", "--idle", "0.2")
    assert all(found[f"spans.{name}.cpu"] > 0 for name in ("bare", "stock", "delivery", "governed"))
    assert all(found[f"blocks.{name}.cpu"] > 0 for name in ("batched", "spooled", "synced"))
    assert all(found[f"idle.{name}"] >= 0 for name in ("stock", "delivery", "governed", "spooled"))
    assert all(found[key] > 0 for key in ("spans.delivery.ratio", "ends.delivery.ratio"))


def test_latency_is_measured_while_the_receiver_swallows_packets(run: Run) -> None:
    found = run(exporter_latency, "--rounds", "1", "--calls", "20", "--states", "up", "black_hole")
    assert found["governed.black_hole.p99"] >= found["governed.black_hole.p50"] > 0
    assert found["stock.black_hole.p99_ratio"] > 0 and found["governed.black_hole.p99_ratio"] > 0


def test_memory_is_measured_over_the_sdk_and_over_an_outage(run: Run) -> None:
    few = (
        "--rounds",
        "1",
        "--setups",
        "stock",
        "governed",
        "--operations",
        "20",
        "--outage",
        "1",
        "--rate",
        "50",
    )
    found = run(exporter_memory, *few)
    assert found["governed.rss_mib"] > found["governed.uss_mib"] > 0
    assert found["governed.more_mib"] == found["governed.rss_mib"] - found["stock.rss_mib"]
    assert found["outage.spool.end_mib"] > 0


def test_memory_is_explained_by_package(capsys: pytest.CaptureFixture[str]) -> None:
    exporter_memory.main("--explain", "--operations", "5")
    packages = {line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert {"ruamel", "promethios.governance.enforcement", "(later)"} <= packages


def test_a_drained_spool_stands_beside_direct_sending(run: Run) -> None:
    found = run(exporter_drain, "--mib", "1.5", "--rounds", "1", "--stock", "1", "--targets", "sink")
    assert found["sink.share"] == found["sink.drain"] / found["sink.direct"]
    assert found["spool_mib"] > 0 and found["stock"] > 0
