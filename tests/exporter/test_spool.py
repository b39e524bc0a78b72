"""The file that keeps what cannot be delivered: nothing in it is lost, and nothing in it stops a start."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promethios.exporter.batch import Batch, Signal
from promethios.exporter.spool import Spool, record_size
from promethios.exporter.spools import SpoolFolder

MakeBatch = Callable[..., Batch]


@pytest.fixture
def damaged() -> list[int]:
    return []


@pytest.fixture
def opened(tmp_path: Path, damaged: list[int]) -> Callable[[], Spool]:
    return lambda: Spool(tmp_path / "one.spool", damaged.append)


def _drain(spool: Spool | SpoolFolder) -> list[Batch]:
    batches = []
    while batch := spool.peek():
        batches.append(batch)
        spool.pop()
    return batches


def test_gives_back_what_was_put_in_oldest_first(opened: Callable[[], Spool]) -> None:
    batches = [Batch(kind, items, os.urandom(items * 100)) for items, kind in enumerate(Signal, start=1)]
    spool = opened()
    for batch in batches:
        spool.append(batch)
    assert spool.items == 6
    assert _drain(spool) == batches
    assert (spool.items, bool(spool)) == (0, False)
    spool.close()


def test_survives_the_process(opened: Callable[[], Spool], batch: MakeBatch) -> None:
    spool = opened()
    spool.append(batch("a"))
    spool.append(batch("b"))
    spool.pop()
    spool.close()
    again = opened()
    assert again.items == 1
    assert _drain(again) == [batch("b")]
    again.close()


def test_an_empty_file_is_deleted_when_it_is_closed(opened: Callable[[], Spool]) -> None:
    spool = opened()
    spool.close()
    assert not spool.path.exists()


def test_a_drained_file_gives_its_space_back(opened: Callable[[], Spool], batch: MakeBatch) -> None:
    spool = opened()
    empty = spool.size
    spool.append(batch("a", 100))
    assert spool.path.stat().st_size == spool.size == empty + record_size(batch("a", 100))
    spool.pop()
    assert spool.path.stat().st_size == spool.size == empty
    spool.close()


def test_only_the_owner_can_read_it(opened: Callable[[], Spool]) -> None:
    spool = opened()
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600
    spool.close()


def test_only_one_process_holds_it(opened: Callable[[], Spool]) -> None:
    spool = opened()
    with pytest.raises(BlockingIOError):
        opened()
    spool.close()


def test_a_torn_record_is_cut_off_wherever_it_was_torn(
    opened: Callable[[], Spool], batch: MakeBatch, damaged: list[int]
) -> None:
    first, second = batch("first"), batch("second")
    for cut in range(1, record_size(second) + 1):
        spool = opened()
        spool.append(first)
        whole = spool.size
        spool.append(second)
        spool.abandon()
        os.truncate(spool.path, spool.size - cut)
        again = opened()
        assert again.path.stat().st_size == whole
        again.append(second)
        assert _drain(again) == [first, second]
        again.close()
    assert damaged == []
    assert not spool.path.with_suffix(".corrupt").exists()


def test_a_damaged_body_is_set_aside_and_its_neighbours_are_delivered(
    opened: Callable[[], Spool], batch: MakeBatch, damaged: list[int]
) -> None:
    spool = opened()
    spool.append(batch("a"))
    end_of_first = spool.size
    spool.append(batch("b", 7))
    length = spool.size - end_of_first
    spool.append(batch("c"))
    spool.abandon()
    _flip(spool.path, end_of_first + 30)
    again = opened()
    assert _drain(again) == [batch("a"), batch("c")]
    assert damaged == [7]
    assert again.items == 0
    assert again.path.with_suffix(".corrupt").stat().st_size == length
    again.close()


def test_a_damaged_header_sets_aside_what_is_behind_it(
    opened: Callable[[], Spool], batch: MakeBatch, damaged: list[int]
) -> None:
    spool = opened()
    spool.append(batch("a"))
    end_of_first = spool.size
    spool.append(batch("b"))
    spool.append(batch("c"))
    rest = spool.size - end_of_first
    spool.abandon()
    _flip(spool.path, end_of_first)
    again = opened()
    assert _drain(again) == [batch("a")]
    assert damaged == [1]
    assert again.path.with_suffix(".corrupt").stat().st_size == rest
    again.close()


def test_a_damaged_head_sends_again_rather_than_loses(opened: Callable[[], Spool], batch: MakeBatch) -> None:
    spool = opened()
    spool.append(batch("a"))
    spool.append(batch("b"))
    spool.pop()
    spool.abandon()
    _flip(spool.path, 9)
    again = opened()
    assert _drain(again) == [batch("a"), batch("b")]
    again.close()


def test_a_file_that_is_no_spool_is_set_aside(
    tmp_path: Path, opened: Callable[[], Spool], batch: MakeBatch, damaged: list[int]
) -> None:
    (tmp_path / "one.spool").write_bytes(b"#!/bin/sh\necho this is no spool\n")
    spool = opened()
    assert spool.peek() is None
    spool.append(batch("a"))
    assert _drain(spool) == [batch("a")]
    assert damaged == [1]
    assert (tmp_path / "one.corrupt").read_bytes().startswith(b"#!/bin/sh")
    spool.close()


def test_no_damage_ever_stops_a_start(
    opened: Callable[[], Spool], batch: MakeBatch, tmp_path: Path, damaged: list[int]
) -> None:
    chance = random.Random(20261122)
    batches = [batch(f"span {number}", number + 1) for number in range(6)]
    for _ in range(150):
        spool = opened()
        for each in batches:
            spool.append(each)
        spool.abandon()
        for _ in range(chance.randint(1, 4)):
            _flip(spool.path, chance.randrange(spool.size), chance.randrange(1, 256))
        if chance.random() < 0.3:
            os.truncate(spool.path, chance.randrange(spool.size))
        again = opened()
        survivors = _drain(again)
        assert all(survivor in batches for survivor in survivors)
        again.append(batches[0])
        assert _drain(again) == [batches[0]]
        again.close()
    assert damaged


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from promethios.exporter.batch import Batch, Signal\n"
        "from promethios.exporter.spools import SpoolFolder\n"
        "folder = SpoolFolder(Path(sys.argv[1]), 1 << 30, print)\n"
        "for number in range(1_000_000):\n"
        "    folder.append(Batch(Signal.LOGS, 1, b'%d' % number)); print(number, flush=True)\n"
    )
    for round_number in range(3):
        command = [sys.executable, "-c", code, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        last = 0
        for line in process.stdout:
            last = int(line)
            if last >= 50 * (round_number + 1):
                break
        process.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in process.stdout if line.endswith("\n"))])
        process.wait()
        process.stdout.close()
        folder = SpoolFolder(tmp_path, 1 << 30, lambda _: None)
        folder.adopt()
        numbers = [int(each.body) for each in _drain(folder)]
        folder.close()
        assert numbers[: last + 1] == list(range(last + 1))
        assert len(numbers) <= last + 2


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path, batch: MakeBatch) -> None:
    folder = SpoolFolder(tmp_path / "a" / "b", 10_000, lambda _: None)
    folder.append(batch())
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    folder.close()


def test_a_folder_never_exceeds_its_limit(tmp_path: Path, batch: MakeBatch) -> None:
    folder = SpoolFolder(tmp_path, 5_000, lambda _: None)
    taken = sum(folder.append(batch("x", 10)) for _ in range(200))
    assert 0 < taken < 200
    assert folder.items == taken * 10
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5_000
    assert len(list(tmp_path.iterdir())) > 1
    assert len(_drain(folder)) == taken
    assert list(tmp_path.iterdir()) == []
    folder.close()


def test_delivering_a_part_makes_room_for_more(tmp_path: Path, batch: MakeBatch) -> None:
    folder = SpoolFolder(tmp_path, 5_000, lambda _: None)
    while folder.append(batch("x", 10)):
        pass
    for _ in range(20):
        folder.peek()
        folder.pop()
    assert folder.append(batch("x", 10))
    folder.close()


def test_orphans_are_adopted_and_living_files_are_not(tmp_path: Path, batch: MakeBatch) -> None:
    gone, alive, ours = (SpoolFolder(tmp_path, 10_000, lambda _: None) for _ in range(3))
    gone.append(batch("orphan"))
    gone.close()
    alive.append(batch("alive"))
    ours.append(batch("ours"))
    ours.adopt()
    ours.adopt()
    assert _drain(ours) == [batch("orphan"), batch("ours")]
    assert _drain(alive) == [batch("alive")]
    ours.close()
    alive.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_opened_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a-folder.spool").mkdir()
    folder = SpoolFolder(tmp_path, 10_000, lambda _: None)
    folder.adopt()
    assert folder.peek() is None
    folder.close()


def test_a_file_damaged_while_open_is_left_to_whoever_adopts_it(tmp_path: Path, batch: MakeBatch) -> None:
    damaged: list[int] = []
    folder = SpoolFolder(tmp_path, 10_000, damaged.append)
    folder.append(batch("a"))
    (path,) = tmp_path.iterdir()
    os.truncate(path, 30)
    assert folder.peek() is None
    folder.append(batch("b"))
    folder.adopt()
    assert _drain(folder) == [batch("b")]
    folder.close()


def test_letting_go_of_an_inherited_file_leaves_its_lock_in_place(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from promethios.exporter.batch import Batch, Signal\n"
        "from promethios.exporter.spools import SpoolFolder\n"
        "ours, other = (SpoolFolder(Path(sys.argv[1]), 10_000, print) for _ in range(2))\n"
        "ours.append(Batch(Signal.LOGS, 1, b'mine'))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ours.abandon(); os._exit(0)\n"
        "os.waitpid(child, 0); other.adopt()\n"
        "print(other.peek(), ours.peek().body)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.check_output(command, text=True) == "None b'mine'\n"


def _flip(path: Path, at: int, bits: int = 0xFF) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ bits]))
