"""What others build on the writer: holding it, chores between commits, its figures, and a disk that fails."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from promethios.receiver.ingest.figures import COMMIT_BOUNDS
from promethios.receiver.ingest.writer import Writer
from promethios.receiver.refusal import Kind, Refusal
from promethios.receiver.services import Services


def insert(name: str) -> Any:
    def work(connection: Connection) -> str:
        connection.exec_driver_sql("INSERT INTO tenants (name, created_unix_nano) VALUES (?, 1)", (name,))
        return name

    return work


def names(services: Services) -> list[str]:
    with services.readers.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT name FROM tenants ORDER BY name")]


def eventually(said: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not said():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_held_writer_says_why_and_takes_work_again_when_let_go(services: Services) -> None:
    services.writer.hold("the disk is almost full")
    with pytest.raises(Refusal, match=r"^the disk is almost full$") as caught:
        services.writer.do(insert("a"))
    assert (caught.value.kind, caught.value.retry_after) == (Kind.UNAVAILABLE, 5)
    assert services.writer.figures().held == "the disk is almost full"
    services.writer.hold(None)
    assert services.writer.do(insert("b")) == "b"
    assert (names(services), services.writer.figures().held) == (["b"], None)


def test_what_makes_room_passes_while_the_writer_is_held(services: Services) -> None:
    services.writer.hold("the disk is almost full")
    assert services.writer.do(insert("a"), always=True) == "a"
    assert names(services) == ["a"]


def test_a_chore_runs_while_nobody_writes_and_outside_a_transaction(services: Services) -> None:
    inside: list[bool] = []

    def chore(connection: Connection) -> None:
        inside.append(connection.connection.driver_connection.in_transaction)  # type: ignore[union-attr]

    services.writer.every(0.01, chore, "look")
    eventually(lambda: len(inside) > 2)
    assert not any(inside)


def test_a_chore_runs_between_commits_while_work_never_ends(services: Services) -> None:
    ran, enough = threading.Event(), threading.Event()

    def keep_on(name: str) -> None:
        number = 0
        while not enough.is_set():
            services.writer.do(insert(f"{name}{number}"))
            number += 1

    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(keep_on, name) for name in "ab"]
        services.writer.every(0.01, lambda _: ran.set(), "look")
        assert ran.wait(20)
        enough.set()
        for each in busy:
            each.result()


def test_a_chore_that_fails_is_logged_undone_and_done_again(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    turns: list[int] = []

    def chore(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        insert(f"half {len(turns)}")(connection)
        turns.append(1)
        raise RuntimeError("no")

    services.writer.every(0.01, chore, "sweep")
    eventually(lambda: len(turns) > 1)
    assert services.writer.do(insert("a")) == "a"
    assert names(services) == ["a"]
    assert "the chore 'sweep' failed; it is tried again every 0.01 s: RuntimeError: no\n" in caplog.text


def test_a_chore_that_goes_on_failing_is_logged_once_and_told_when_it_is_done_again(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    failed = "the chore 'sweep' failed; it is tried again every 0.01 s"
    turns: list[int] = []

    def chore(connection: Connection) -> None:
        turns.append(1)
        if len(turns) < 4:
            connection.exec_driver_sql("INSERT INTO nowhere VALUES (1)")

    services.writer.every(0.01, chore, "sweep")
    eventually(lambda: len(turns) > 4)
    assert [(record.getMessage(), bool(record.exc_info)) for record in caplog.records] == [
        (f"{failed}: OperationalError: no such table: nowhere", False),
        ("the chore 'sweep' is done again", False),
    ]


def test_a_chore_may_write_in_a_transaction_of_its_own(services: Services) -> None:
    def chore(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("INSERT OR IGNORE INTO tenants (name, created_unix_nano) VALUES ('c', 1)")
        connection.exec_driver_sql("COMMIT")

    services.writer.every(0.01, chore, "write")
    eventually(lambda: names(services) == ["c"])


def test_a_writer_with_chores_ends_at_once(services: Services) -> None:
    services.writer.every(3600, lambda _: None, "rare")
    ended = threading.Thread(target=services.writer.stop)
    ended.start()
    ended.join(20)
    assert not ended.is_alive()


def test_figures_count_commits_rows_and_time(services: Services) -> None:
    before = services.writer.figures()
    services.writer.do(insert("a"))
    services.writer.do(lambda connection: [insert(name)(connection) for name in "bc"])
    after = services.writer.figures()
    assert (after.commits - before.commits, after.rows - before.rows) == (2, 3)
    assert sum(after.commit_buckets) == after.commits
    assert len(after.commit_buckets) == len(COMMIT_BOUNDS) + 1
    assert after.commit_seconds_sum > before.commit_seconds_sum
    assert (after.queued_bytes, after.queued_requests, after.oldest_seconds) == (0, 0, 0.0)


def test_figures_tell_what_waits_and_for_how_long(services: Services) -> None:
    entered, held = threading.Event(), threading.Event()

    def block(_: Connection) -> bool:
        entered.set()
        return held.wait(20)

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(services.writer.do, block)
        assert entered.wait(20)
        waiting = pool.submit(services.writer.do, insert("a"), 90)
        eventually(lambda: services.writer.figures().queued_requests == 1)
        figures = services.writer.figures()
        held.set()
        assert (running.result(), waiting.result()) == (True, "a")
    assert (figures.queued_bytes, figures.oldest_seconds > 0) == (90, True)


def test_a_commit_that_fails_is_counted_and_nobody_hears_stored(services: Services) -> None:
    before = services.writer.figures()

    def dangling(connection: Connection) -> None:
        # A foreign key that is checked at COMMIT only.
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = 1")
        connection.exec_driver_sql(
            "INSERT INTO resources (id, tenant_id, service_name, instance_id, attributes) "
            "VALUES (1, 99, '', '', '')"
        )

    with pytest.raises(Refusal, match="the database cannot store this now"):
        services.writer.do(dangling)
    after = services.writer.figures()
    assert (after.failed_commits - before.failed_commits, after.commits - before.commits) == (1, 0)
    assert services.writer.do(insert("a")) == "a"


class FailingConnection(sqlite3.Connection):
    """A connection whose next statements of one text fail as they do when the disk does."""

    fails: str = ""
    code: int = 0
    opened: int = 0

    def cursor(self, *_: Any) -> Any:
        return super().cursor(FailingCursor)


class FailingCursor(sqlite3.Cursor):
    def execute(self, sql: str, *parameters: Any) -> Any:
        if FailingConnection.fails and sql.startswith(FailingConnection.fails):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = FailingConnection.code
            raise error
        return super().execute(sql, *parameters)


@pytest.fixture
def failing(tmp_path: Path) -> Any:
    """A writer over a database of one table, whose connection can be told to fail."""
    FailingConnection.fails, FailingConnection.code, FailingConnection.opened = "", 0, 0

    def connect() -> sqlite3.Connection:
        FailingConnection.opened += 1
        connection = sqlite3.connect(
            tmp_path / "a.db", isolation_level=None, check_same_thread=False, factory=FailingConnection
        )
        connection.execute("CREATE TABLE IF NOT EXISTS t (a)")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    writer = Writer(engine, queue_bytes=1000, commit_seconds=0)
    yield writer
    writer.stop()
    engine.dispose()


def add_row(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO t VALUES (1)")


def count_rows(connection: Connection) -> Any:
    return connection.exec_driver_sql("SELECT count(*) FROM t").scalar()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CORRUPT])
def test_f04_after_a_failed_fsync_the_database_is_opened_anew_and_checked(failing: Writer, code: int) -> None:
    failing.do(add_row)
    opened = FailingConnection.opened
    FailingConnection.fails, FailingConnection.code = "COMMIT", code
    with pytest.raises(Refusal, match="the database cannot store this now"):
        failing.do(add_row)
    with pytest.raises(Refusal, match=r"^the database failed and is being checked$") as caught:
        while True:  # until the check is seen: COMMIT fails in it too
            failing.do(add_row)
    assert (caught.value.kind, caught.value.retry_after) == (Kind.UNAVAILABLE, 3)
    assert failing.figures().held == "the database failed and is being checked"
    FailingConnection.fails = ""
    eventually(lambda: failing.figures().held is None)
    assert FailingConnection.opened > opened
    assert failing.do(count_rows) == 1


def test_f04_a_disk_that_fails_in_one_request_fails_its_whole_commit(failing: Writer) -> None:
    FailingConnection.fails, FailingConnection.code = "INSERT", sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(Refusal, match="the database cannot store this now"):
        failing.do(add_row)
    FailingConnection.fails = ""
    eventually(lambda: failing.figures().held is None)
    assert (failing.do(count_rows), failing.figures().failed_commits) == (0, 1)


def test_a_database_that_stays_broken_does_not_keep_the_writer_from_ending(failing: Writer) -> None:
    FailingConnection.fails, FailingConnection.code = "COMMIT", sqlite3.SQLITE_IOERR_FSYNC
    with pytest.raises(Refusal):
        failing.do(add_row)
    failing.stop()
    with pytest.raises(Refusal, match="the receiver is shutting down"):
        failing.do(add_row)


def test_f04_a_chore_whose_disk_fails_has_the_database_checked_too(failing: Writer) -> None:
    FailingConnection.fails, FailingConnection.code = "PRAGMA wal", sqlite3.SQLITE_IOERR_FSYNC
    failing.every(0.01, lambda connection: connection.exec_driver_sql("PRAGMA wal_checkpoint") and None, "c")
    eventually(lambda: failing.figures().held == "the database failed and is being checked")
    FailingConnection.fails = ""
    eventually(lambda: failing.figures().held is None)


def test_d04_a_commit_waits_for_who_is_on_the_way_and_no_longer(services: Services) -> None:
    writer = Writer(services.store.writer, queue_bytes=1000, commit_seconds=20)
    try:
        with ThreadPoolExecutor(1) as pool:
            with writer.coming():
                first = pool.submit(writer.do, insert("a"))
                eventually(lambda: bool(writer.figures().queued_requests))
            assert (writer.do(insert("b")), first.result()) == ("b", "a")
        assert writer.figures().commits == 1
        assert writer.do(insert("c")) == "c"  # nobody comes: at once
    finally:
        writer.stop()
