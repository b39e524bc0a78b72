"""F05: spool files that are cut off or damaged: what is whole is delivered, the rest is named and counted."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.agents import Agent, prove
from tests.faults.conftest import rounds
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.layout import MAGIC, START
from promethios.exporter.spools import SpoolFolder

#: Bytes of a short spool of which each has one bit flipped; every one of them in CI.
_EVERY = 1 if os.environ.get("CI") == "true" else 7
_LANES = list(Lane)
Open = Callable[[], SpoolFolder]


class _Counted:
    """What a folder counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = self.crowded = 0

    def open(self) -> SpoolFolder:
        """As a process does that starts: it adopts what is there."""
        folder = SpoolFolder(self.path, 1 << 20, self._damage, self._crowd)
        folder.adopt(folder.find(folder.paths, folder.room))
        return folder

    def _damage(self, items: int) -> None:
        self.damaged += items

    def _crowd(self, items: int) -> None:
        self.crowded += items


@pytest.fixture
def counted(tmp_path: Path) -> _Counted:
    path = tmp_path / "spool"
    path.mkdir()
    return _Counted(path)


def _batches(packed: bool, lane: Lane, number: int = 4) -> list[Batch]:
    """Small ones whose bodies cannot be mistaken for each other."""
    return [Batch(Signal.TRACES, 1, bytes([65 + each]) * 30, lane, packed) for each in range(number)]


def _write(counted: _Counted, batches: list[Batch]) -> Path:
    folder = counted.open()
    for number, batch in enumerate(batches):
        assert folder.append(batch, 1_000 + number)
    folder.close()
    (path,) = counted.path.glob("*.spool")
    return path


def _drain(folder: SpoolFolder, lane: Lane) -> list[bytes]:
    """The bodies that are delivered, in order."""
    bodies = []
    while lease := folder.take(lane):
        bodies += [part.body for part in lease.parts]
        folder.settle(lease)
    folder.close()
    return bodies


@pytest.mark.parametrize("lane", _LANES)
def test_f05_a_spool_cut_off_at_every_byte_of_its_last_record_keeps_the_others(
    counted: _Counted, lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    batches = _batches(lane is Lane.BULK, lane)
    path = _write(counted, batches)
    whole = path.read_bytes()
    record = (len(whole) - START) // len(batches)
    for size in range(len(whole) - record, len(whole)):
        path.write_bytes(whole[:size])
        assert _drain(counted.open(), lane) == [batch.body for batch in batches[:-1]], size
        assert list(counted.path.iterdir()) == []
    # Nobody was told that it is kept: it is no loss to speak of.
    assert (counted.damaged, caplog.messages) == (0, [])


@pytest.mark.parametrize("size", range(START + 1))
def test_f05_a_spool_that_was_just_begun_is_no_damage(counted: _Counted, size: int) -> None:
    path = _write(counted, _batches(False, Lane.DECISIONS, 1))
    path.write_bytes(path.read_bytes()[:size])
    folder = counted.open()
    assert (folder.items, counted.damaged) == (0, 0)
    folder.close()
    assert list(counted.path.iterdir()) == []


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "joined"])
def test_f05_a_bit_flipped_anywhere_costs_what_it_hit_and_is_named_and_counted(
    counted: _Counted, packed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    batches = _batches(packed, Lane.DECISIONS)
    path = _write(counted, batches)
    whole = path.read_bytes()
    bodies = [batch.body for batch in batches]
    for place in range(0, len(whole), _EVERY):
        counted.damaged = 0
        caplog.clear()
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.Random(place).randrange(8)
        path.write_bytes(damaged)
        delivered = _drain(counted.open(), Lane.DECISIONS)
        lost = [body for body in bodies if body not in delivered]
        assert delivered == [body for body in bodies if body not in lost], f"{place}: something else came"
        assert not list(counted.path.glob("*.spool")), place
        if place < len(MAGIC):
            assert lost == bodies
        elif place < START:
            assert not lost, "a head that is not readable delivers again what was delivered"
            continue
        assert len(lost) <= 1 or place < len(MAGIC), f"{place}: {len(lost)} lost"
        assert counted.damaged == 1, place
        aside = path.with_suffix(".corrupt")
        assert aside.stat().st_mode & 0o777 == 0o600
        assert bytes(damaged[place : place + 1]) in aside.read_bytes()
        (said,) = caplog.messages
        assert str(path) in said and aside.name in said
        aside.unlink()


def test_f05_what_was_delivered_before_the_damage_is_not_delivered_again(counted: _Counted) -> None:
    path = _write(counted, _batches(True, Lane.BULK))
    folder = counted.open()
    lease = folder.take(Lane.BULK)
    assert lease is not None
    folder.settle(lease)
    folder.close()
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    assert [body[:1] for body in _drain(counted.open(), Lane.BULK)] == [b"B", b"C"]
    assert counted.damaged == 1


def test_f05_orphans_in_which_nothing_is_left_are_deleted_and_cost_no_descriptor(counted: _Counted) -> None:
    for number in range(5):
        (counted.path / f"{number:020}-1-abcdefgh.bulk.spool").touch()
    folder = counted.open()
    assert list(counted.path.iterdir()) == []
    held = [os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir()]
    assert not [name for name in held if name.startswith(str(counted.path))]
    folder.close()


def test_f05_an_orphan_that_is_longer_than_the_limit_is_adopted_by_who_holds_nothing(
    counted: _Counted,
) -> None:
    batch = Batch(Signal.LOGS, 1, bytes(1000), Lane.BULK)
    _write(counted, [batch] * 5)
    small = SpoolFolder(counted.path, 3_000, counted._damage, counted._crowd)
    small.adopt(small.find(small.paths, small.room))
    assert _drain(small, Lane.BULK) == [batch.body] * 5
    assert (counted.damaged, counted.crowded) == (0, 0)


def test_f05_random_bytes_in_the_folder_stop_nothing(counted: _Counted) -> None:
    chance = random.Random(5)
    for number in range(20):
        name = f"{number:020}-1-abcdefgh.{chance.choice(_LANES)}.spool"
        (counted.path / name).write_bytes(chance.randbytes(chance.randrange(200)))
    (counted.path / "99999999999999999999-1-folder.bulk.spool").mkdir()
    (counted.path / "99999999999999999999-1-nowhere.bulk.spool").symlink_to("nowhere/at/all")
    batches = _batches(True, Lane.BULK)
    folder = counted.open()
    for batch in batches:
        assert folder.append(batch, 1)
    assert _drain(folder, Lane.BULK) == [batch.body for batch in batches]
    assert not list(counted.path.glob("0*.spool"))


@pytest.mark.timeout(300)
def test_f05_agents_deliver_what_is_whole_of_a_damaged_spool_and_count_the_rest(tmp_path: Path) -> None:
    """End to end: an agent leaves a spool behind, a disk damages it, the next agents come up all the same."""
    spool, chance = tmp_path / "spool", random.Random(6)
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:

        def start(endpoint: str) -> Agent:
            return Agent(
                tmp_path, endpoint, receiver.ingest_key, spool_dir=spool, durable_decisions="all", quiet=True
            )

        agents, damaged = [], 0
        for _ in range(rounds(1, 3)):
            with SlowNetwork() as outage, start(outage.url) as agent:
                agents.append(agent)
                agent.emit(20)
                agent.kill()
            path = max(spool.glob("*.decisions.spool"))
            content = bytearray(path.read_bytes())
            content[chance.randrange(len(content) // 2, len(content))] ^= 4
            path.write_bytes(content)
            with start(receiver.http) as last:
                agents.append(last)
                last.drain()
                damaged += sum(last.end()["dropped"].values())
                assert "damaged bytes of" in last.said
        proven = prove(receiver.db, spool, *agents, lasting=False)
    assert proven.stored["decisions"] == proven.emitted - damaged
    assert damaged == len(agents) // 2
    assert len(list(spool.glob("*.corrupt"))) == damaged
