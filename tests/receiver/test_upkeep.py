"""The chores of the writer: a bounded write-ahead log, and an end to taking data before the disk is full."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from promethios.receiver.maintenance.holds import Holds
from promethios.receiver.maintenance.log import WriteAheadLog
from promethios.receiver.maintenance.space import SpaceGuard, free_bytes
from promethios.receiver.refusal import Refusal
from promethios.receiver.services import Services
from promethios.receiver.store.sqlite import SQLiteStore

MIB = 1024 * 1024


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Held:
    """What the writer was told to say; None when it takes work."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def __call__(self, reason: str | None) -> None:
        self.reason = reason


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    opened = SQLiteStore(tmp_path / "promethios.db")
    yield opened
    opened.close()


def fill(connection: Connection, rows: int, size: int = 1_000) -> None:
    """Store rows, one commit each hundred."""
    for first in range(0, rows, 100):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for number in range(first, min(rows, first + 100)):
            connection.exec_driver_sql(
                "INSERT INTO agents (tenant_id, agent_id, service_name, first_seen_unix_nano, "
                "last_seen_unix_nano) VALUES (1, hex(randomblob(16)), ?, 1, ?)",
                ("x" * size, number),
            )
        connection.exec_driver_sql("COMMIT")


@contextmanager
def writing(store: SQLiteStore) -> Iterator[Connection]:
    with store.writer.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)"
        )
        yield connection


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """A program outside the receiver that begins to read and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM agents").fetchone()
        yield


def test_d05_the_log_is_copied_into_the_database_between_commits(store: SQLiteStore) -> None:
    clock = Clock()
    with writing(store) as connection:
        log = WriteAheadLog(store.path, store.snapshots, Holds(Held()), clock=clock)
        for _ in range(20):
            fill(connection, 2_000)
            log.tend(connection)
        # Without a checkpoint it would have some 80 MiB.
        assert 0 < log.size < 20 * MIB
        assert store.path.stat().st_size > 40 * MIB


def test_d05_a_little_is_copied_after_some_seconds(store: SQLiteStore) -> None:
    clock = Clock()
    with writing(store) as connection:
        log = WriteAheadLog(store.path, store.snapshots, Holds(Held()), clock=clock)
        fill(connection, 100)
        before = store.path.stat().st_size
        log.tend(connection)
        assert store.path.stat().st_size == before
        clock.now += 6
        log.tend(connection)
        assert store.path.stat().st_size > before


def test_f08_a_log_that_a_reader_held_open_is_emptied_by_force_when_it_ends(store: SQLiteStore) -> None:
    clock, held = Clock(), Held()
    with writing(store) as connection:
        log = WriteAheadLog(store.path, store.snapshots, Holds(held), forced_bytes=MIB, clock=clock)
        fill(connection, 10)
        with reading(store.path):
            fill(connection, 2_000)
            log.tend(connection)
            assert log.size > MIB
            assert held.reason is None
        clock.now += 6
        log.tend(connection)
        assert log.size == 0
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5_000


def test_f08_a_log_that_a_program_outside_keeps_open_stops_what_makes_it_grow(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    clock, held = Clock(), Held()
    bounds = {"forced_bytes": MIB, "most_bytes": 2 * MIB}
    with writing(store) as connection:
        log = WriteAheadLog(store.path, store.snapshots, Holds(held), **bounds, clock=clock)
        fill(connection, 10)
        with reading(store.path):
            fill(connection, 2_500)
            log.tend(connection)
            assert held.reason is not None
            assert held.reason.startswith(
                "a program outside the receiver reads the database and keeps its log of"
            )
        clock.now += 6
        log.tend(connection)
        assert held.reason is None
        assert log.size == 0
    assert "a reader keeps it from being emptied" in caplog.text


def test_d05_the_logs_size_is_a_figure(services: Services) -> None:
    services.writer.do(lambda connection: connection.exec_driver_sql("DELETE FROM spans"))
    wal = Path(f"{services.store.path}-wal")
    assert services.upkeep.log.size == wal.stat().st_size > 0


class Disk:
    """A disk whose free space is what it is told to be."""

    def __init__(self, free: int) -> None:
        self.free = free

    def __call__(self, _: Path) -> int:
        return self.free


def guard_of(path: Path, disk: Disk, least: int = 64 * MIB) -> tuple[SpaceGuard, Held]:
    held = Held()
    return SpaceGuard(path, least, Holds(held), free=disk), held


def test_d07_what_is_left_of_the_disk_stops_data_and_more_lets_it_in_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk(65 * MIB)
    guard, held = guard_of(tmp_path / "promethios.db", disk)
    look: Callable[[], None] = lambda: guard.look(None)  # type: ignore[arg-type]  # noqa: E731
    look()
    assert held.reason is None
    disk.free = 63 * MIB
    look()
    look()
    assert held.reason == (
        "the disk has 63 MiB left, and the last 64 are kept for deleting; free some space, or keep less "
        "(retention_days, max_db_bytes)"
    )
    disk.free = 66 * MIB
    look()
    assert held.reason is not None, "a little more is not enough, or it would go on and off"
    disk.free = 80 * MIB
    look()
    assert held.reason is None
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "nothing is taken",
        "the disk",
    ]


def test_d07_room_is_kept_in_a_file_and_given_up_when_others_filled_the_disk(tmp_path: Path) -> None:
    disk = Disk(1_000 * MIB)
    guard, _ = guard_of(tmp_path / "promethios.db", disk)
    reserve = tmp_path / "promethios.db.reserve"
    for free, there in ((1_000, True), (60, True), (15, False), (100, False), (200, True)):
        disk.free = free * MIB
        guard.look(None)  # type: ignore[arg-type]
        assert reserve.exists() is there, free
    assert reserve.stat().st_blocks * 512 >= reserve.stat().st_size == 16 * MIB
    assert reserve.stat().st_mode & 0o777 == 0o600
    guard.close()
    assert not reserve.exists()


def test_d07_no_guard_is_no_guard(tmp_path: Path) -> None:
    guard, held = guard_of(tmp_path / "promethios.db", Disk(0), least=0)
    guard.look(None)  # type: ignore[arg-type]
    assert held.reason is None
    assert list(tmp_path.iterdir()) == []


def test_d07_free_space_is_what_the_system_says(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
    with pytest.raises(FileNotFoundError):
        free_bytes(tmp_path / "none")


def test_d07_a_held_receiver_is_degraded_takes_nothing_deletes_and_recovers(
    client: Any, services: Services
) -> None:
    holds = Holds(services.writer.hold)
    holds.set("the disk", "the disk is nearly full")
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/ready").get_json() == {"status": "degraded"}
    assert client.get("/health/live").status_code == 200
    with pytest.raises(Refusal, match="the disk is nearly full"):
        services.writer.do(lambda _: None)
    services.writer.do(lambda connection: connection.exec_driver_sql("DELETE FROM spans"), always=True)
    holds.set("the disk", None)
    assert client.get("/health/ready").get_json() == {"status": "ok"}


def test_one_reason_that_ends_does_not_end_another() -> None:
    held = Held()
    holds = Holds(held)
    holds.set("the disk", "full")
    holds.set("the write-ahead log", "long")
    holds.set("the disk", None)
    assert held.reason == "long"
    holds.set("the write-ahead log", None)
    assert held.reason is None
