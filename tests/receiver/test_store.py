"""The store: schema and migrations agree, one writes and the others read, what is not ours is left alone."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, UniqueConstraint
from sqlalchemy.exc import OperationalError
from tests.support.damage import damage
from tests.support.rights import run_without_rights

from promethios.receiver.services import Services
from promethios.receiver.store.checking import check
from promethios.receiver.store.connections import Snapshots
from promethios.receiver.store.lock import DatabaseInUse, DatabaseLock, LockState, lock_state
from promethios.receiver.store.schema import metadata
from promethios.receiver.store.sqlite import SQLiteStore, StoreError, read_only
from promethios.receiver.store.versions import has_wal_reset_bug


def kill(store: SQLiteStore) -> None:
    """Leave a database as a receiver does that is killed: the log is there, and its lock's file."""
    copies = {file: file.read_bytes() for file in store.path.parent.iterdir() if store.path.name in file.name}
    store.close()
    for file, content in copies.items():
        file.write_bytes(content)


def pragmas(connection: Connection) -> list[Any]:
    names = ("journal_mode", "synchronous", "foreign_keys", "mmap_size", "busy_timeout", "query_only")
    return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]


def test_the_migrations_make_the_schema(services: Services) -> None:
    with services.readers.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_d01_a_second_one_on_the_same_database_refuses_and_names_the_first(tmp_path: Path) -> None:
    path, link = tmp_path / "promethios.db", tmp_path / "link.db"
    first = SQLiteStore(path)
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(DatabaseInUse) as caught:
            SQLiteStore(name)
        assert str(caught.value) == (
            f"cannot open {name}: another receiver holds it (process {os.getpid()}); stop that one first, "
            "or choose another database"
        )
    first.close()
    SQLiteStore(path).close()


def test_d01_a_lock_that_was_removed_meanwhile_is_no_lock(tmp_path: Path) -> None:
    """Whoever opened the file before it was removed must not hold a lock that nobody else can see."""
    path = tmp_path / "promethios.db"
    first = DatabaseLock(path)
    first.path.unlink()
    second = DatabaseLock(path)
    with pytest.raises(DatabaseInUse):
        DatabaseLock(path)
    second.release()
    os.close(first._descriptor)


def test_d02_only_the_writer_can_write(services: Services) -> None:
    """Everybody else may neither write nor checkpoint, nor map the file into memory."""
    assert services.writer.do(pragmas)[3] == 0
    with services.readers.connect() as connection:
        assert pragmas(connection)[3:] == [0, 5_000, 1]
        connection.exec_driver_sql("PRAGMA query_only = 0")
        for statement in ("DELETE FROM spans", "CREATE TABLE mine (id)"):
            with pytest.raises(OperationalError, match="readonly database"):
                connection.exec_driver_sql(statement)
        with pytest.raises(OperationalError):
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.parametrize(
    ("version", "bug"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((4, 0, 0), False),
    ],
)
def test_d02_the_versions_with_the_bug_are_known(version: tuple[int, int, int], bug: bool) -> None:
    assert has_wal_reset_bug(version) is bug


def test_d03_the_writer_is_durable(services: Services) -> None:
    assert services.writer.do(pragmas) == ["wal", 2, 1, 0, 5_000, 0]
    limit = "PRAGMA journal_size_limit"
    assert services.writer.do(lambda connection: connection.exec_driver_sql(limit).scalar()) == 64 * 1024**2


def test_d03_the_writer_has_the_lock_before_it_reads(services: Services) -> None:
    """A transaction that began deferred would fail at its first write, when somebody wrote since it read."""
    begun = []

    def work(connection: Connection) -> None:
        with closing(sqlite3.connect(services.store.path, timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="database is locked"):
                other.execute("BEGIN IMMEDIATE")
            begun.append(True)

    services.writer.do(work)
    assert begun == [True]


def test_d06_a_clean_end_leaves_nothing_but_the_database(tmp_path: Path) -> None:
    SQLiteStore(tmp_path / "promethios.db").close()
    assert [file.name for file in tmp_path.iterdir()] == ["promethios.db"]


def test_d06_an_unclean_end_is_noticed_and_the_database_checked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "promethios.db"
    store = SQLiteStore(path)
    assert not store.unclean
    kill(store)
    assert lock_state(path) == LockState("", True)
    again = SQLiteStore(path)
    assert again.unclean
    assert re.search(
        rf"{path} was not closed in order the last time; what was acknowledged is there\. "
        r"Checked all of it in \d+\.\d s: it is whole$",
        caplog.records[-1].getMessage(),
    )
    again.close()
    assert lock_state(path) == LockState("", False)


def test_d06_a_damaged_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "promethios.db"
    kill(SQLiteStore(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damage(path)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            SQLiteStore(path)
        assert str(caught.value).startswith(f"cannot open {path}: it is damaged (")
        assert str(caught.value).endswith(
            f"); it is left as it is: see `promethios doctor {path}`, or bring back a backup with "
            "`promethios restore`"
        )
    assert path.read_bytes() == before
    assert check(path).problems


def test_d06_a_damaged_database_keeps_its_log(tmp_path: Path) -> None:
    """Closing the last connection would copy the log into the database, and remove it."""
    path = tmp_path / "promethios.db"
    store = SQLiteStore(path)
    with store.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
        connection.exec_driver_sql("INSERT INTO tenants (name, created_unix_nano) VALUES ('a', 1)")
        connection.exec_driver_sql(
            "COMMIT"
        ) if connection.connection.driver_connection.in_transaction else None  # type: ignore[union-attr]
    kill(store)
    damage(path)
    files = {end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal")}
    assert len(files["-wal"]) > 0
    with pytest.raises(StoreError, match="it is damaged"):
        SQLiteStore(path)
    assert {end: Path(f"{path}{end}").read_bytes() for end in files} == files


def test_d06_a_check_ends_when_its_time_is_over(tmp_path: Path) -> None:
    path = tmp_path / "promethios.db"
    SQLiteStore(path).close()
    assert check(path, seconds=-1) == check(path, seconds=-1)
    assert not check(path, seconds=-1).complete
    assert check(path, seconds=60).complete


def test_d10_files_and_folders_that_are_made_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    store = SQLiteStore(folder / "promethios.db")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    store.close()
    assert modes.keys() == {f"promethios.db{end}" for end in ("", "-wal", "-shm", ".lock")}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_d12_tables_with_wide_rows_have_row_ids_and_a_unique_index(services: Services) -> None:
    keys = {
        "spans": ("tenant_id", "trace_id", "span_id"),
        "metric_points": ("tenant_id", "series_id", "time_unix_nano"),
        "logs": ("tenant_id", "record_hash", "ordinal"),
        "decisions": ("tenant_id", "decision_id"),
        "violations": ("tenant_id", "decision_id", "ordinal"),
    }
    for name, key in keys.items():
        unique = [each for each in metadata.tables[name].constraints if isinstance(each, UniqueConstraint)]
        assert [tuple(each.columns.keys()) for each in unique] == [key]
        with services.readers.connect() as connection:
            assert connection.exec_driver_sql(f"SELECT rowid FROM {name}").all() == []


def test_views_show_ids_in_hexadecimal(services: Services) -> None:
    with services.readers.connect() as connection:
        for view in ("spans_hex", "decisions_hex", "violations_hex"):
            columns = connection.exec_driver_sql(f"SELECT * FROM {view}").keys()
            assert {"trace_id", "span_id"} <= set(columns)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE tenants (id)")
    theirs.close()
    with pytest.raises(StoreError) as caught:
        SQLiteStore(path)
    assert str(caught.value) == f"cannot open {path}: table tenants already exists; it is left as it is"
    with closing(sqlite3.connect(path)) as left:
        assert left.execute("SELECT name FROM sqlite_master").fetchall() == [("tenants",)]
    assert [file.name for file in tmp_path.iterdir()] == ["theirs.db"]


@pytest.mark.parametrize("content", [b"a letter, no database" * 100, b"x"])
def test_a_file_that_is_no_database_gets_nothing_beside_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"letter\.txt: file is not a database; it is left as it is$"):
        SQLiteStore(path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]
    assert path.read_bytes() == content


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    SQLiteStore(path).close()
    newer = sqlite3.connect(path)
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    with pytest.raises(StoreError, match=r"newer\.db: another version wrote it \(.*9999.*\); it is left"):
        SQLiteStore(path)
    assert [file.name for file in tmp_path.iterdir()] == ["newer.db"]


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        SQLiteStore(tmp_path)
    assert str(caught.value) == f"cannot open {tmp_path}: Is a directory; choose another file with --db"


def test_a_new_database_can_give_space_back_and_an_old_small_one_learns_it(tmp_path: Path) -> None:
    path = tmp_path / "promethios.db"
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_a_database_in_a_folder_that_may_not_be_written_can_be_read(tmp_path: Path) -> None:
    """A reader of a database with a log makes files beside it; where there is no log it does without."""
    path = tmp_path / "archive" / "promethios.db"
    SQLiteStore(path).close()
    path.parent.chmod(0o500)
    try:
        code = (
            "from pathlib import Path\n"
            "from promethios.receiver.store.sqlite import read_only\n"
            f"with read_only(Path({str(path)!r})).connect() as connection:\n"
            "    print(connection.exec_driver_sql('SELECT count(*) FROM spans').scalar())\n"
        )
        assert run_without_rights(code).stdout == "0\n"
    finally:
        path.parent.chmod(0o700)


def test_d05_a_reader_that_keeps_its_view_for_too_long_loses_it(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    snapshots = services.store.snapshots
    with services.readers.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT count(*) FROM spans").scalar()
        assert snapshots.end_overdue() == 0
        driver: Any = connection.connection.driver_connection
        assert driver.in_transaction
        assert snapshots.end_overdue(float("inf")) == 1
        assert not driver.in_transaction
    assert "a reader kept its view of the database for 30 s: ended" in caplog.text


def test_d05_a_statement_ends_with_the_view_that_it_is_part_of() -> None:
    snapshots = Snapshots()
    with closing(sqlite3.connect(":memory:")) as connection:
        free = snapshots.deadline(connection)
        snapshots.taken(connection)
        assert snapshots.deadline(connection) >= free
        snapshots._ends[connection] = free - 15
        assert snapshots.deadline(connection) == free - 15
        snapshots.given_back(connection)
        assert snapshots.deadline(connection) >= free


def test_a_store_without_a_name_for_a_reader_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^there is no database .*none\.db$"):
        read_only(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
