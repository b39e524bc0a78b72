"""The store: the schema and its migrations agree, readers cannot write, other databases are left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from promethios.receiver.services import Services
from promethios.receiver.store.schema import metadata
from promethios.receiver.store.sqlite import SQLiteStore, StoreError


def test_the_migrations_make_the_schema(services: Services) -> None:
    with services.readers.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_writer_is_durable(services: Services) -> None:
    def pragmas(connection: object) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "mmap_size")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]  # type: ignore[attr-defined]

    assert services.writer.do(pragmas) == ["wal", 2, 1, 0]


def test_readers_cannot_write(services: Services) -> None:
    with services.readers.connect() as connection, pytest.raises(OperationalError, match="readonly database"):
        connection.exec_driver_sql("DELETE FROM spans")


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


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    SQLiteStore(path).close()
    newer = sqlite3.connect(path)
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    with pytest.raises(StoreError, match=r"newer\.db: another version wrote it \(.*9999.*\); it is left"):
        SQLiteStore(path)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        SQLiteStore(tmp_path)
    assert str(caught.value) == f"cannot open {tmp_path}: Is a directory; choose another file with --db"
