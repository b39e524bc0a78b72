"""F05: the write-ahead log is damaged. What was torn is cut off; nothing acknowledged goes without a word.

SQLite reads a log up to the first wrong checksum and drops the rest. That is right for what a crash has torn,
and wrong for a bit that flipped further up: all commits behind it would be gone.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.faults.conftest import rounds
from tests.faults.oracle import Client
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.store.checking import check
from promethios.receiver.store.connections import connect, writer_engine
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.frames import find_break
from promethios.receiver.store.lock import lock_path
from promethios.receiver.store.sqlite import SQLiteStore

COMMITS = 6
_HEAD, _FRAME, _PAGE = 32, 24, 8192


def _log(db: Path) -> Path:
    return Path(f"{db}-wal")


def _flip(file: Path, place: int, bit: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        (byte,) = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << bit]))


def _at(frame: int) -> int:
    """Where a frame begins, the first being 0."""
    return _HEAD + frame * (_FRAME + _PAGE)


def _frames(db: Path) -> int:
    return (_log(db).stat().st_size - _HEAD) // (_FRAME + _PAGE)


def _tenants(db: Path) -> set[str]:
    with closing(connect(db, "mode=ro")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM tenants")}


def _as_left_by_a_kill(db: Path, folder: Path) -> Path:
    """A copy of a database, its log, and the lock of who had it: what is there when all ends at once."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "killed.db"
    for end in ("", "-wal"):
        shutil.copy(f"{db}{end}", f"{copy}{end}")
    Path(f"{copy}-shm").unlink(missing_ok=True)
    lock_path(copy).write_text("1\n")
    return copy


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A database whose log has some commits, and how many frames the log had after each."""
    folder = tmp_path_factory.mktemp("logged")
    db, ends = folder / "promethios.db", []
    SQLiteStore(db).close()
    engine = writer_engine(db)
    with engine.connect() as connection:
        for number in range(COMMITS):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            names = [(f"{number}-{each}", 1) for each in range(300)]
            connection.exec_driver_sql("INSERT INTO tenants (name, created_unix_nano) VALUES (?, ?)", names)
            connection.exec_driver_sql("COMMIT")
            ends.append(_frames(db))
        left = _as_left_by_a_kill(db, folder / "left")
    engine.dispose()
    return left, ends


def _names(*commits: int) -> set[str]:
    return {f"{number}-{each}" for number in commits for each in range(300)}


def _copy(logged: tuple[Path, list[int]], folder: Path) -> tuple[Path, list[int]]:
    return _as_left_by_a_kill(logged[0], folder), logged[1]


def test_f05_a_bit_flipped_in_the_log_is_named_or_costs_no_more_than_the_end(
    logged: tuple[Path, list[int]], tmp_path: Path
) -> None:
    """Every frame; in its head, and in its page. Named wherever two commits follow that are whole."""
    chance = random.Random(5)
    frames = logged[1][-1]
    for frame in range(frames):
        for place in (chance.randrange(_FRAME), _FRAME + chance.randrange(_PAGE)):
            db, ends = _copy(logged, tmp_path)
            _flip(_log(db), _at(frame) + place, chance.randrange(8))
            before = db.read_bytes(), _log(db).read_bytes()
            problems = check(db).problems
            assert (db.read_bytes(), _log(db).read_bytes()) == before
            if frame < ends[-3]:
                assert any("the write-ahead log breaks off at frame" in each for each in problems), frame
            if not problems:
                assert _tenants(db) >= _names(*range(COMMITS - 2)), frame


def test_f05_a_log_that_was_torn_in_its_last_commit_is_cut_and_the_rest_is_there(
    logged: tuple[Path, list[int]], tmp_path: Path
) -> None:
    """Cut anywhere, or with any page of it not on the disk, as after a loss of power."""
    ends = logged[1]
    chance = random.Random(6)
    for frame in range(ends[-2], ends[-1]):
        for cut in (True, False):
            db, _ = _copy(logged, tmp_path)
            if cut:
                with _log(db).open("r+b") as log:
                    log.truncate(_at(frame) + chance.randrange(_FRAME + _PAGE))
            else:
                with _log(db).open("r+b") as log:
                    log.seek(_at(frame))
                    log.write(bytes(_FRAME + _PAGE))
            store = SQLiteStore(db)
            assert store.unclean
            store.close()
            assert _tenants(db) & _names(*range(COMMITS)) == _names(*range(COMMITS - 1))


def _log_after_a_commit(db: Path, folder: Path, rows: int) -> bytes:
    """The log of a copy of a database, after one more commit."""
    copy = _as_left_by_a_kill(db, folder / f"{rows}")
    engine = writer_engine(copy)
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        names = [(f"{rows}-{each}", 1) for each in range(rows)]
        connection.exec_driver_sql("INSERT INTO tenants (name, created_unix_nano) VALUES (?, ?)", names)
        connection.exec_driver_sql("COMMIT")
        content = _log(copy).read_bytes()
    engine.dispose()
    return content


def test_f05_what_failed_commits_leave_in_the_log_is_no_damage(
    logged: tuple[Path, list[int]], tmp_path: Path
) -> None:
    """A commit whose sync fails is written over by the next: the log ends in several that lead nowhere."""
    db, _ = _copy(logged, tmp_path)
    longest, middle, shortest = (_log_after_a_commit(db, tmp_path, rows) for rows in (3_000, 1_000, 10))
    assert len(shortest) < len(middle) < len(longest)
    _log(db).write_bytes(shortest + middle[len(shortest) :] + longest[len(middle) :])
    assert find_break(db) is None
    SQLiteStore(db).close()
    assert _tenants(db) >= _names(*range(COMMITS)) | {"10-0"}


@pytest.mark.parametrize("seed", range(rounds(6, 20)))
def test_f05_a_log_that_ends_is_no_log_that_breaks_off(tmp_path: Path, seed: int) -> None:
    """Commits, pages of what was rolled back, and logs that began anew: cut anywhere in the last commit."""
    chance = random.Random(seed)
    db = tmp_path / "promethios.db"
    db.touch()
    engine = writer_engine(db)
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB)")
        # Few pages in memory: a transaction is in the log before it ends.
        connection.exec_driver_sql("PRAGMA cache_size = 5")
        for _ in range(chance.randint(5, 25)):
            if chance.random() < 0.15:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            before = _frames(db)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for _ in range(chance.choice((1, 10, 60))):
                connection.exec_driver_sql("INSERT INTO rows (value) VALUES (randomblob(?))", (3_000,))
            connection.exec_driver_sql(chance.choice(("COMMIT", "COMMIT", "ROLLBACK")))
            killed = _as_left_by_a_kill(db, tmp_path / "killed")
            assert find_break(killed) is None
            if _frames(db) > before:
                with _log(killed).open("r+b") as log:
                    log.truncate(_at(before) + chance.randrange(_at(_frames(db)) - _at(before)))
                Path(f"{killed}-shm").unlink(missing_ok=True)
                assert find_break(killed) is None
    engine.dispose()


@pytest.mark.parametrize(
    "head", [b"", bytes(32), b"\x37\x7f\x06\x82" + bytes(28)], ids=["empty", "zeros", "new"]
)
def test_f05_a_log_without_a_whole_head_was_just_begun(tmp_path: Path, head: bytes) -> None:
    db = tmp_path / "promethios.db"
    SQLiteStore(db).close()
    _log(db).write_bytes(head)
    assert find_break(db) is None


@contextmanager
def _reading(db: Path) -> Iterator[None]:
    """Somebody outside reads, so the log goes on and does not begin anew."""
    with closing(sqlite3.connect(db, isolation_level=None)) as outside:
        outside.execute("BEGIN")
        outside.execute("SELECT count(*) FROM spans").fetchone()
        yield


def _post(receiver: RunningReceiver, spans: int) -> int:
    many = (span(attributes={"filling": "x" * 900}) for _ in range(spans))
    return receiver.post("/v1/traces", trace_request(*many).SerializeToString()).status


def test_f05_a_damaged_log_is_named_and_left_as_it_is_by_every_command(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver, _reading(receiver.db):
        assert [_post(receiver, 20) for _ in range(4)] == [200] * 4
        receiver.kill()
        db = _as_left_by_a_kill(receiver.db, tmp_path / "left")
    _flip(_log(db), _at(3) + 1_000, 0)
    left = db.read_bytes(), _log(db).read_bytes()
    said = "the write-ahead log breaks off at frame"
    served = run_promethios("serve", "--db", str(db), "--http", "127.0.0.1:0", "--grpc", "off")
    assert served.returncode == 1
    assert f"cannot open {db}: it is damaged ({said} " in served.stderr
    assert "it is left as it is" in served.stderr
    doctor = run_promethios("doctor", str(db))
    assert doctor.returncode == 4
    assert f"it is damaged: {said} " in doctor.stdout
    backup = run_promethios("backup", str(db), str(tmp_path / "backup.db"))
    assert backup.returncode != 0
    assert f"{db} is damaged ({said} " in backup.stderr
    assert not (tmp_path / "backup.db").exists()
    assert (db.read_bytes(), _log(db).read_bytes()) == left


def test_f05_the_log_of_a_receiver_at_work_does_not_break_off(tmp_path: Path) -> None:
    with (
        RunningReceiver(tmp_path / "promethios.db") as receiver,
        Client(tmp_path, "http", receiver) as client,
    ):
        for _ in range(2):
            client.wait_for_more()
            looked = run_promethios("doctor", str(receiver.db))
            assert "breaks off" not in looked.stdout and "integrity" in looked.stdout
        client.drain()


def test_f05_who_checks_a_damaged_log_refuses_in_the_process_too(
    logged: tuple[Path, list[int]], tmp_path: Path
) -> None:
    db, _ = _copy(logged, tmp_path)
    _flip(_log(db), _at(0) + _FRAME, 7)
    with pytest.raises(StoreError) as caught:
        SQLiteStore(db)
    said = "the write-ahead log breaks off at frame 1, and commits are among the "
    assert str(caught.value).startswith(f"cannot open {db}: it is damaged ({said}")
    assert lock_path(db).exists(), "the next start checks it again"
