"""The spool of a process: two lanes under one limit, shared by processes, and safe from their deaths."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.disks import nothing_written

from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.examination.spool import survey
from promethios.exporter.ownership import is_trusted
from promethios.exporter.spools import MOST_FILES, SpoolFolder

MakeBatch = Callable[..., Batch]

NOW = 1_700_000_000 * 10**9

APPEND = """
import sys
from pathlib import Path
from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.spools import SpoolFolder
folder = SpoolFolder(Path(sys.argv[1]), 1 << 30, print, print)
for number in range(1_000_000):
    folder.append(Batch(Signal.LOGS, 1, b"%d" % number), number)
    print(number, flush=True)
"""

INHERIT = """
import os, sys
from pathlib import Path
from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.spools import SpoolFolder
ours, other = (SpoolFolder(Path(sys.argv[1]), 10_000, print, print) for _ in range(2))
ours.append(Batch(Signal.LOGS, 1, b"mine"), 0)
child = os.fork()
if child == 0:
    print(sum(".spool" in os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")))
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
other.adopt(other.find((), 10_000))
print(other.take(Lane.BULK), ours.take(Lane.BULK).batch().body)
"""


def _drain(folder: SpoolFolder, *lanes: Lane) -> list[Batch]:
    batches = []
    for lane in lanes or Lane:
        while lease := folder.take(lane):
            batches.append(lease.batch())
            folder.settle(lease)
    return batches


def _open(path: Path, limit: int = 10_000, crowded: Callable[[int], None] = print) -> SpoolFolder:
    return SpoolFolder(path, limit, print, crowded)


def _adopt(folder: SpoolFolder) -> None:
    folder.adopt(folder.find(folder.paths, folder.room))


def _decision(batch: Batch) -> Batch:
    return Batch(batch.signal, batch.items, batch.body, Lane.DECISIONS)


def _used(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    for round_number in range(3):
        command = [sys.executable, "-c", APPEND, str(tmp_path)]
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
        folder = _open(tmp_path, 1 << 30)
        _adopt(folder)
        numbers = [int(each.body) for each in _drain(folder)]
        folder.close()
        assert numbers[: last + 1] == list(range(last + 1))
        assert len(numbers) <= last + 2


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path, batch: MakeBatch) -> None:
    folder = _open(tmp_path / "a" / "b")
    folder.append(batch(), NOW)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    folder.close()


def test_a_full_folder_drops_the_oldest_and_counts_it(tmp_path: Path, batch: MakeBatch) -> None:
    crowded: list[int] = []
    folder = _open(tmp_path, 5_000, crowded.append)
    for number in range(200):
        assert folder.append(batch(f"{number:03}", 10), NOW)
        assert _used(tmp_path) <= 5_000
    assert folder.items + sum(crowded) == 2_000
    kept = _drain(folder)
    assert kept == [batch(f"{number:03}", 10) for number in range(200 - len(kept), 200)]
    assert 5 < len(kept) < 200
    folder.close()


def test_decisions_are_dropped_last(tmp_path: Path, batch: MakeBatch) -> None:
    folder = _open(tmp_path, 5_000)
    decisions = [_decision(batch(f"decision {number}", 10)) for number in range(10)]
    for decision in decisions:
        assert folder.append(decision, NOW)
        for _ in range(10):
            assert folder.append(batch("bulk", 10), NOW)
    assert _drain(folder, Lane.DECISIONS) == decisions
    folder.close()


def test_bulk_never_displaces_decisions_and_decisions_displace_the_oldest_of_their_own(
    tmp_path: Path, batch: MakeBatch
) -> None:
    crowded: list[int] = []
    folder = _open(tmp_path, 5_000, crowded.append)
    taken = 0
    while not crowded:
        assert folder.append(_decision(batch(f"{taken:03}", 10)), NOW)
        taken += 1
    for _ in range(50):
        folder.append(batch("bulk", 10), NOW)
    kept = _drain(folder, Lane.DECISIONS)
    assert len(kept) == taken - sum(crowded[:1]) // 10
    assert kept[-1] == _decision(batch(f"{taken - 1:03}", 10))
    folder.close()


def test_what_is_larger_than_the_limit_displaces_nothing(tmp_path: Path, batch: MakeBatch) -> None:
    folder = _open(tmp_path, 2_000)
    folder.append(_decision(batch("kept")), NOW)
    folder.append(batch("kept too"), NOW)
    huge = Batch(batch().signal, 1, os.urandom(3_000))
    assert folder.append(huge, NOW) is None
    assert _drain(folder) == [_decision(batch("kept")), batch("kept too")]
    folder.close()


def test_what_is_under_way_survives_the_loss_of_its_segment(tmp_path: Path, batch: MakeBatch) -> None:
    crowded: list[int] = []
    folder = _open(tmp_path, 5_000, crowded.append)
    folder.append(batch("first", 7), NOW)
    lease = folder.take(Lane.BULK)
    assert lease
    appended = 0
    while not lease.source.gone:
        folder.append(batch("more", 10), NOW)
        appended += 10
    assert lease.batch() == batch("first", 7)
    folder.settle(lease)
    assert folder.items + sum(crowded) == appended
    folder.close()


def test_what_cannot_be_deleted_is_neither_lost_nor_forgotten(tmp_path: Path, batch: MakeBatch) -> None:
    crowded: list[int] = []
    folder = _open(tmp_path, 2_000, crowded.append)
    folder.append(batch("a" * 1_000, 2), NOW)
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    for _ in range(3):
        with pytest.raises(IsADirectoryError):
            folder.append(Batch(Signal.TRACES, 1, bytes(1_950)), NOW)
    assert (folder.items, crowded) == (2, [])
    assert _drain(folder) == [batch("a" * 1_000, 2)]
    folder.close()


def test_a_disk_that_takes_nothing_is_left_no_empty_files(tmp_path: Path, batch: MakeBatch) -> None:
    folder = _open(tmp_path)
    with nothing_written(), pytest.raises(OSError, match="File too large"):
        folder.append(batch("a"), NOW)
    assert list(tmp_path.iterdir()) == []
    folder.close()


def test_a_process_holds_a_bounded_number_of_files(tmp_path: Path, batch: MakeBatch) -> None:
    for _ in range(MOST_FILES + 20):
        before = _open(tmp_path)
        before.append(batch("a"), NOW)
        before.close()
    folder = _open(tmp_path, 1 << 20)
    for held in (MOST_FILES, MOST_FILES):
        _adopt(folder)
        assert len(folder.paths) == held
    assert len(_drain(folder)) == MOST_FILES
    _adopt(folder)
    assert len(_drain(folder)) == 20
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_delivering_a_part_makes_room_for_more(tmp_path: Path, batch: MakeBatch) -> None:
    crowded: list[int] = []
    folder = _open(tmp_path, 5_000, crowded.append)
    for _ in range(300):
        folder.append(batch("x", 10), NOW)
        if folder.room < 1_000:
            _drain(folder)
    assert crowded == []
    folder.close()


def test_orphans_are_adopted_and_living_files_are_not(tmp_path: Path, batch: MakeBatch) -> None:
    gone, alive, ours = (_open(tmp_path) for _ in range(3))
    gone.append(batch("orphan"), NOW)
    gone.append(_decision(batch("orphaned decision")), NOW)
    gone.close()
    alive.append(batch("alive"), NOW)
    ours.append(batch("ours"), NOW)
    _adopt(ours)
    _adopt(ours)
    assert _drain(ours) == [_decision(batch("orphaned decision")), batch("orphan"), batch("ours")]
    assert _drain(alive) == [batch("alive")]
    ours.close()
    alive.close()
    assert list(tmp_path.iterdir()) == []


def test_orphans_that_exceed_the_limit_wait_for_their_turn(tmp_path: Path, batch: MakeBatch) -> None:
    for name in "abc":
        one = _open(tmp_path)
        one.append(batch(name, 200), NOW)
        one.close()
    size = max(path.stat().st_size for path in tmp_path.iterdir())
    folder = _open(tmp_path, int(size * 2.5))
    found = []
    for _ in range(3):
        _adopt(folder)
        found.append([each.body for each in _drain(folder)])
    assert found == [[batch("a", 200).body, batch("b", 200).body], [batch("c", 200).body], []]
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_old_is_dropped_from_every_file(tmp_path: Path, batch: MakeBatch) -> None:
    gone, ours = _open(tmp_path), _open(tmp_path)
    gone.append(batch("a", 2), NOW)
    gone.close()
    ours.append(_decision(batch("b", 3)), NOW + 1)
    ours.append(batch("c", 5), NOW + 2)
    _adopt(ours)
    assert ours.expire(NOW + 2) == 5
    assert _drain(ours) == [batch("c", 5)]
    ours.close()


def test_a_file_that_cannot_be_opened_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a-folder.bulk.spool").mkdir()
    folder = _open(tmp_path)
    _adopt(folder)
    assert folder.take(Lane.BULK) is None
    folder.close()


def test_a_file_damaged_while_open_is_left_to_whoever_adopts_it(tmp_path: Path, batch: MakeBatch) -> None:
    folder = _open(tmp_path)
    folder.append(batch("a"), NOW)
    (path,) = tmp_path.iterdir()
    os.truncate(path, 10)
    assert folder.take(Lane.BULK) is None
    folder.append(batch("b"), NOW)
    _adopt(folder)
    assert _drain(folder) == [batch("b")]
    folder.close()


def test_a_folder_that_is_deleted_is_made_again(tmp_path: Path, batch: MakeBatch) -> None:
    folder = _open(tmp_path / "spool")
    folder.append(batch("a"), NOW)
    next((tmp_path / "spool").iterdir()).unlink()
    (tmp_path / "spool").rmdir()
    folder.append(batch("b"), NOW)
    assert len(list((tmp_path / "spool").iterdir())) == 1
    assert _drain(folder) == [batch("a"), batch("b")]
    folder.close()


def test_letting_go_of_an_inherited_file_leaves_its_lock_in_place(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INHERIT, str(tmp_path)]
    assert subprocess.check_output(command, text=True) == "0\nNone b'mine'\n"


def test_a_link_to_another_file_is_neither_followed_nor_sent_nor_deleted(tmp_path: Path) -> None:
    """Who may write to the folder must not have us empty a file that they may not."""
    (tmp_path / "mine").write_text("mine, and not a spool at all, but long enough")
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "1-1-x.bulk.spool").symlink_to(tmp_path / "mine")
    (folder / "1-1-y.bulk.spool").symlink_to(tmp_path / "not there")

    assert _open(folder).find((), 10_000) == []

    assert (tmp_path / "mine").read_text() == "mine, and not a spool at all, but long enough"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "spool"]
    assert sorted(path.name for path in folder.iterdir()) == ["1-1-x.bulk.spool", "1-1-y.bulk.spool"]


def test_damaged_bytes_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "1-1-x.bulk.spool").write_text("damaged, and long enough for a spool file")
    (folder / "1-1-x.bulk.corrupt").symlink_to(tmp_path / "mine")

    assert _open(folder).find((), 10_000) == []
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_pipe_in_the_folder_holds_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1-1-x.bulk.spool")
    assert _open(tmp_path).find((), 10_000) == []
    assert survey(tmp_path / "1-1-x.bulk.spool") is None


@pytest.mark.parametrize(
    ("owner", "of_folder", "ours", "trusted"),
    [
        (7, 7, 7, True),
        (0, 7, 7, True),
        (7, 0, 7, True),
        (99, 99, 7, True),  # where every file is somebody else's
        (8, 7, 7, False),
        (8, 0, 0, False),
    ],
)
def test_only_files_of_whom_we_trust_are_sent(owner: int, of_folder: int, ours: int, trusted: bool) -> None:
    assert is_trusted(owner, of_folder, ours) is trusted
