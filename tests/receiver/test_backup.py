"""Backup and restore: equal in every row, of one moment, never over what is there nor of what is damaged."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.damage import damage
from tests.support.otlp import decision_span, span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.cli.backup import backup, restore
from promethios.receiver.store.sqlite import SQLiteStore


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def content(path: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"
        ).fetchall()
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with something in it, that no receiver holds."""
    path = tmp_path / "promethios.db"
    store = SQLiteStore(path)
    with store.writer.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)"
        )
        for number in range(50):
            connection.exec_driver_sql(
                "INSERT INTO heartbeats (tenant_id, agent_id, instance_id, time_unix_nano, value) "
                "VALUES (1, 'clerk', 'i', ?, 1)",
                (number,),
            )
    store.close()
    return path


def test_d09_a_restored_backup_is_equal_in_every_row(tmp_path: Path, database: Path) -> None:
    copy, before = tmp_path / "copy.db", content(database)
    done = run(backup, database, copy)
    assert done.exit_code == 0, done.output
    assert content(copy) == before
    restored = tmp_path / "new" / "restored.db"
    done = run(restore, copy, restored)
    assert done.exit_code == 0, done.output
    assert content(restored) == before
    SQLiteStore(restored).close()


def test_d09_a_backup_beside_a_running_receiver_is_of_one_moment(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:
        stop = threading.Event()

        def send() -> None:
            while not stop.is_set():
                body = trace_request(*(decision_span() for _ in range(20))).SerializeToString()
                assert receiver.post("/v1/traces", body).status == 200

        sender = threading.Thread(target=send)
        sender.start()
        try:
            for number in range(3):
                done = run(backup, receiver.db, tmp_path / f"{number}.db", "--json")
                assert done.exit_code == 0, done.output
                rows = json.loads(done.output)["rows"]
                # A request is in it whole or not at all.
                assert rows["spans"] == rows["decisions"]
                assert rows["spans"] % 20 == 0
                counted = {name: len(each) for name, each in content(tmp_path / f"{number}.db").items()}
                assert counted == rows
        finally:
            stop.set()
            sender.join()
        refused = run(restore, tmp_path / "0.db", receiver.db)
        assert refused.exit_code == 1
        assert f"another receiver holds it (process {receiver.process.pid})" in refused.stderr
    done = run(restore, tmp_path / "0.db", receiver.db)
    assert done.exit_code == 0, done.output
    with RunningReceiver(receiver.db, grpc="off") as again:
        answer = again.get("/api/v1/status", receiver.admin).json()["data"][0]
        assert answer["spans"] == len(content(tmp_path / "0.db")["spans"])
        assert again.post(
            "/v1/traces", trace_request(span()).SerializeToString(), receiver.ingest | _PROTOBUF
        )


_PROTOBUF = {"Content-Type": "application/x-protobuf"}


def test_d09_a_backup_of_a_database_whose_receiver_was_killed_has_its_log_too(tmp_path: Path) -> None:
    receiver = RunningReceiver(tmp_path / "promethios.db", grpc="off")
    assert receiver.post("/v1/traces", trace_request(span()).SerializeToString()).status == 200
    receiver.kill()
    done = run(backup, receiver.db, tmp_path / "copy.db")
    assert done.exit_code == 0, done.output
    assert len(content(tmp_path / "copy.db")["spans"]) == 1
    done = run(restore, tmp_path / "copy.db", receiver.db)
    (kept,) = tmp_path.glob("promethios.db.before-restore-*Z")
    assert done.output.endswith(f"What was there before is {kept}\n")
    assert len(content(kept)["spans"]) == 1
    assert len(content(receiver.db)["spans"]) == 1


def test_d09_a_backup_is_private_and_one_file(tmp_path: Path, database: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    before = os.umask(0)
    try:
        assert run(backup, database, folder / "copy.db").exit_code == 0
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("copy.db", 0o600)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_file_that_is_there_is_replaced_only_by_force(tmp_path: Path, database: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    done = run(backup, database, copy)
    assert (done.exit_code, done.stderr) == (
        1,
        f"Error: {copy} is there already: choose another name, or --force to replace it\n",
    )
    assert copy.read_text() == "precious"
    assert run(backup, database, copy, "--force").exit_code == 0
    assert content(copy) == content(database)


def test_a_compact_backup_is_small_and_gives_space_back(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
        connection.execute("UPDATE tenants SET name = hex(zeroblob(1000000))")
        connection.execute("UPDATE tenants SET name = 'default'")
        connection.commit()
    before = content(database)
    for name, options in (("plain.db", ()), ("compact.db", ("--compact",))):
        assert run(backup, database, tmp_path / name, *options).exit_code == 0
        assert content(tmp_path / name) == before
    assert (tmp_path / "compact.db").stat().st_size < (tmp_path / "plain.db").stat().st_size / 2
    with closing(sqlite3.connect(tmp_path / "compact.db")) as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_what_is_damaged_is_neither_backed_up_nor_restored(tmp_path: Path, database: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run(backup, database, copy).exit_code == 0
    damage(copy)
    before = content(database)
    done = run(restore, copy, database)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {copy} is damaged (")
    assert done.stderr.endswith("): nothing was restored\n")
    assert content(database) == before
    again = tmp_path / "again.db"
    done = run(backup, copy, again)
    assert done.exit_code == 1
    assert not again.exists()
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"promethios.db", "copy.db"}


def test_what_cannot_be_done_is_said(tmp_path: Path, database: Path) -> None:
    none, other, newer = tmp_path / "none.db", tmp_path / "other.db", tmp_path / "newer.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (id)")
    assert run(backup, database, newer).exit_code == 0
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    letter = tmp_path / "letter"
    letter.write_text("no database at all " * 100)
    for command, arguments, said in (
        (backup, (none, tmp_path / "x.db"), f"there is no database {none}"),
        (backup, (database, tmp_path), f"{tmp_path} is a folder: name the file to write"),
        (backup, (database, database), f"{database} is the database itself"),
        (backup, (database, none / "x.db"), f"cannot write {none / 'x.db'}: No such file or directory"),
        (backup, (other, tmp_path / "x.db"), f"{other} is not a database of Promethios (no such table: "),
        (backup, (letter, tmp_path / "x.db"), f"cannot copy {letter}: file is not a database"),
        (backup, ("postgresql://x/y", tmp_path / "x.db"), "the database postgresql:// is not supported yet"),
        (restore, (none, database), f"there is no database {none}"),
        (restore, (database, database), f"{database} is the database itself"),
        (restore, (database, tmp_path), f"{tmp_path} is a folder: name the file to restore to"),
        (restore, (other, database), f"{other} is not a database of Promethios (no such table: "),
        (restore, (letter, database), f"cannot read {letter}: file is not a database"),
        (restore, (newer, database), f"{newer} has schema 9999, this version knows "),
        (
            restore,
            (database, letter / "x" / "a.db"),
            f"cannot make the folder of {letter / 'x' / 'a.db'}: Not a",
        ),
    ):
        done = run(command, *arguments)
        assert done.exit_code == 1, done.output
        assert done.stderr.startswith(f"Error: {said}"), done.stderr
    assert not (tmp_path / "x.db").exists()
    # A reader of a database with a log leaves an empty one; nothing else is left.
    left = {file.name for file in tmp_path.iterdir() if not file.name.endswith(("-wal", "-shm"))}
    assert left == {"promethios.db", "other.db", "newer.db", "letter"}


def test_a_restore_of_a_database_that_was_killed_ends_its_unclean_end(tmp_path: Path, database: Path) -> None:
    copy = tmp_path / "copy.db"
    assert run(backup, database, copy).exit_code == 0
    Path(f"{database}.lock").write_text("1\n")
    assert run(restore, copy, database).exit_code == 0
    store = SQLiteStore(database)
    assert not store.unclean
    store.close()
