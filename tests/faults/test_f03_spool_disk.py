"""F03 and F04 for the spool: its disk is full, fails to sync, cannot be written, or is taken away."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.agents import Agent, prove
from tests.faults.shim import Action, Faults, Operation
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver
from tests.support.rights import drop_overrides

#: Another user.
_SOMEBODY = 65534


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk; the same is tested with writes that fail")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "faults", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:
        yield receiver


@pytest.fixture
def network(receiver: RunningReceiver) -> Iterator[SlowNetwork]:
    with SlowNetwork(receiver.http) as network:
        yield network


def test_f03_on_a_full_disk_memory_takes_over_then_drops_are_counted_and_it_recovers(
    small_disk: Path, tmp_path: Path, receiver: RunningReceiver, network: SlowNetwork
) -> None:
    spool, ballast = small_disk / "spool", small_disk / "ballast"
    with Agent(
        tmp_path, network.url, receiver.ingest_key, spool_dir=spool, quiet=True, max_memory_bytes=1 << 18
    ) as agent:
        agent.emit(20)
        assert agent.flush()["parked"] == 0
        network.point_at(None)
        ballast.write_bytes(bytes(900 << 10))
        _fill_until(agent, "queued")
        in_memory = agent.totals()
        assert in_memory["dropped"] == {}
        _fill_until(agent, "dropped")
        assert set(agent.totals()["dropped"]) <= {"spool_full", "memory_full"}
        agent.emit(20)
        ballast.unlink()
        agent.emit(4)
        # There is room again: what memory held is on the disk by now.
        agent.flush(0.5)
        assert agent.totals()["queued"] == 0
        network.point_at(receiver.http)
        agent.drain()
        final = agent.end()
        proven = prove(receiver.db, spool, agent)
        assert agent.said.count("cannot write to the spool, memory takes over") == 1
    assert proven.stored["decisions"] == 44
    assert final["dropped"].keys() <= {"spool_full", "memory_full"}


def _fill_until(agent: Agent, state: str) -> None:
    for _ in range(100):
        agent.ask("fill", 10, 4_000)
        agent.flush(0.05)
        if agent.totals()[state]:
            return
    raise AssertionError(f"nothing was {state}: {agent.totals()}")


def test_f03_writes_that_find_no_room_lose_no_decision(
    tmp_path: Path, receiver: RunningReceiver, network: SlowNetwork, faults: Faults
) -> None:
    spool = tmp_path / "spool"
    with Agent(
        tmp_path, network.url, receiver.ingest_key, spool_dir=spool, environment=faults.environment
    ) as agent:
        agent.emit(4)
        network.point_at(None)
        for _ in range(3):
            agent.emit(8)
            faults.arm(Operation.WRITE, Action.FAIL, "*.spool", error=errno.ENOSPC, after=3)
            agent.emit(8)
            faults.wait(3)
            faults.disarm()
        agent.emit(4)
        assert agent.totals()["dropped"] == {}
        network.point_at(receiver.http)
        agent.drain()
        assert agent.end()["dropped"] == {}
        proven = prove(receiver.db, spool, agent)
    assert faults.loaded
    assert proven.stored["decisions"] == 56


@pytest.mark.parametrize("action", [Action.FAIL, Action.LOSE], ids=["fails", "fails and loses its pages"])
def test_f04_a_sync_that_fails_is_told_and_stops_neither_the_caller_nor_delivery(
    tmp_path: Path, receiver: RunningReceiver, network: SlowNetwork, faults: Faults, action: Action
) -> None:
    spool = tmp_path / "spool"
    options = {"spool_dir": spool, "spool_fsync": "decisions", "durable_decisions": "all", "quiet": True}
    with Agent(
        tmp_path, network.url, receiver.ingest_key, environment=faults.environment, **options
    ) as agent:
        agent.emit(4)
        assert agent.flush()["parked"] == 0
        network.point_at(None)
        faults.arm(Operation.SYNC, action, "*.spool", error=errno.EIO)
        agent.emit(8)
        faults.wait(8)
        faults.disarm()
        agent.emit(8)
        network.point_at(receiver.http)
        agent.drain()
        final = agent.end()
        proven = prove(receiver.db, spool, agent, lasting=False)
        assert agent.said.count("cannot sync the spool") == 1
    # What a disk has lost behind its failure cannot be sent; but it is counted.
    assert proven.acknowledged == 20
    assert proven.stored["decisions"] + sum(final["dropped"].values()) >= 20
    if action is Action.FAIL:
        assert (proven.stored["decisions"], final["dropped"]) == (20, {})


@pytest.mark.parametrize(
    ("mode", "owner"),
    [(0o500, None), (0o000, None), (0o700, _SOMEBODY)],
    ids=["read-only", "unreadable", "somebody's"],
)
def test_f03_a_folder_that_we_may_not_use_costs_the_spool_and_nothing_else(
    tmp_path: Path, receiver: RunningReceiver, mode: int, owner: int | None
) -> None:
    if owner is not None and os.geteuid() != 0:
        pytest.skip("only root can hand a folder to somebody else")
    spool = tmp_path / "spool"
    spool.mkdir(mode=mode)
    if owner is not None:
        os.chown(spool, owner, owner)
    with Agent(tmp_path, receiver.http, receiver.ingest_key, spool_dir=spool, before=drop_overrides) as agent:
        agent.emit(20)
        assert agent.flush()["parked"] == 0
        assert agent.end()["dropped"] == {}
        proven = prove(receiver.db, None, agent)
        assert agent.said.count("cannot write to the spool, memory takes over") == 1
    assert proven.stored["decisions"] == 20


def test_f03_a_folder_that_is_deleted_is_made_again_and_nothing_is_lost(
    tmp_path: Path, receiver: RunningReceiver, network: SlowNetwork
) -> None:
    spool = tmp_path / "spool"
    with Agent(tmp_path, network.url, receiver.ingest_key, spool_dir=spool, quiet=True) as agent:
        network.point_at(None)
        agent.emit(8)
        agent.flush(0.5)
        shutil.rmtree(spool)
        agent.emit(8)
        agent.flush(0.5)
        assert list(spool.glob("*.decisions.spool"))
        network.point_at(receiver.http)
        agent.drain()
        assert agent.end()["dropped"] == {}
        proven = prove(receiver.db, spool, agent)
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 16)


def test_f03_what_was_in_a_deleted_folder_when_the_agent_ends_is_counted(
    tmp_path: Path, receiver: RunningReceiver
) -> None:
    spool = tmp_path / "spool"
    with (
        SlowNetwork() as network,
        Agent(tmp_path, network.url, receiver.ingest_key, spool_dir=spool, quiet=True) as agent,
    ):
        agent.emit(8)
        agent.flush(0.5)
        shutil.rmtree(spool)
        final = agent.end()
    # What it told of at its very end went into a folder that was made again, and waits there.
    assert bool(final["parked"]) == bool(list(spool.glob("*.spool")))
    assert final["dropped"]["shutdown"] >= 24
