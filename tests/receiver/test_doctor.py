"""The doctor: each finding with its advice, one status for all of them, and nothing that it changes."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.damage import damage
from tests.support.receiver import RunningReceiver

from promethios.receiver.cli.doctor import doctor
from promethios.receiver.store.sqlite import SQLiteStore, head

DAY = 86_400 * 10**9


def run(*arguments: object, environment: dict[str, str] | None = None) -> Result:
    return CliRunner(env=environment).invoke(doctor, [str(each) for each in arguments])


def findings(path: Path, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the findings by what was looked at."""
    done = run(path, "--json", *arguments)
    document = json.loads(done.output)
    assert document["database"] == str(path)
    return done.exit_code, {each["check"]: each for each in document["findings"]}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database that no receiver holds."""
    path = tmp_path / "promethios.db"
    tmp_path.chmod(0o700)
    SQLiteStore(path).close()
    return path


@contextmanager
def changed(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def test_a_database_in_order_is_well(database: Path) -> None:
    status, found = findings(database)
    assert status == 0
    assert list(found) == [
        "sqlite",
        "file",
        "permissions",
        "lock",
        "wal",
        "space",
        "schema",
        "size",
        "data",
        "retention",
        "clock",
        "integrity",
    ]
    assert {each["level"] for each in found.values()} <= {"ok", "note"}
    assert found["lock"]["message"] == "no receiver has it; the last one ended in order"
    assert found["schema"]["message"] == f"schema {head()}"
    assert found["integrity"]["message"] == "whole"
    assert found["data"]["message"] == "nothing was stored yet"
    assert sqlite3.sqlite_version in found["sqlite"]["message"]
    assert findings(database, "--full")[1]["integrity"]["message"] == "whole, indexes too"


def test_it_changes_nothing(database: Path) -> None:
    before = database.read_bytes()
    assert run(database, "--full").exit_code == 0
    assert database.read_bytes() == before


def test_a_database_that_a_receiver_has_is_looked_at_too(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:
        status, found = findings(receiver.db)
        assert status == 0
        assert found["lock"]["message"] == f"a receiver has it (process {receiver.process.pid})"
        receiver.kill()
    status, found = findings(receiver.db)
    assert status == 3
    assert found["lock"] == {
        "check": "lock",
        "level": "warning",
        "message": "no receiver has it, and the last one was killed or lost its power",
        "advice": "start it: what was acknowledged is there, and the database is checked first",
    }


def test_it_names_who_reads_the_database(database: Path) -> None:
    """This very process is not named; another one is."""
    parent, child = os.pipe()
    process = os.fork()
    if process == 0:
        descriptor = os.open(database, os.O_RDONLY)
        os.write(child, b"x")
        time.sleep(60)
        os.close(descriptor)
        os._exit(0)
    try:
        os.read(parent, 1)
        _, found = findings(database)
        assert f"(process {process})" in found["wal"]["message"]
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(parent)
        os.close(child)


def test_files_that_others_may_read_are_named(database: Path) -> None:
    database.chmod(0o644)
    database.parent.chmod(0o777)
    try:
        done = run(database, "--json")
    finally:
        database.parent.chmod(0o700)
    found = [each for each in json.loads(done.output)["findings"] if each["check"] == "permissions"]
    assert done.exit_code == 3
    assert [(each["message"], each["advice"]) for each in found] == [
        (
            "others on this machine may use promethios.db, with what agents say",
            f"chmod 600 {database}",
        ),
        (
            f"others may rename or replace files in {database.parent} (mode 777)",
            f"chmod go-w {database.parent}",
        ),
    ]


def test_damage_is_an_error_with_what_to_do(database: Path) -> None:
    damage(database)
    status, found = findings(database)
    assert status == 4
    assert found["integrity"]["level"] == "error"
    assert found["integrity"]["message"].startswith("it is damaged: ")
    assert found["integrity"]["advice"] == (
        "keep the file, and bring back a backup: promethios restore BACKUP DB"
    )


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    letter = tmp_path / "letter"
    letter.write_text("dear doctor " * 100)
    status, found = findings(letter)
    assert (status, found["file"]["message"]) == (4, "it is not a SQLite database")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE mine (id)")
    status, found = findings(tmp_path / "other.db")
    assert (status, found["schema"]["message"]) == (4, "it is not a database of Promethios")


@pytest.mark.parametrize(
    ("revision", "status", "message"),
    [
        ("0002", 0, f"schema 0002, of an earlier version; this one has {head()}"),
        ("9999", 4, f"schema 9999, of a later version; this one knows {head()} at most"),
    ],
)
def test_a_schema_of_another_version_is_told(
    database: Path, revision: str, status: int, message: str
) -> None:
    with changed(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    ended, found = findings(database)
    assert (ended, found["schema"]["message"]) == (status, message)


def test_a_database_that_cannot_give_space_back_hears_how(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    status, found = findings(database)
    assert (status, found["size"]["level"]) == (0, "note")
    assert found["size"]["advice"] == (
        "stop the receiver, then: promethios backup --compact DB COPY; promethios restore COPY DB"
    )


def test_times_from_the_future_are_told(database: Path) -> None:
    with changed(database) as connection:
        connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
        connection.execute(
            "INSERT INTO logs (tenant_id, record_hash, ordinal, resource_id, scope_id, time_unix_nano, "
            "observed_unix_nano, severity_number, severity_text, agent_id, event_name, flags, attributes) "
            "VALUES (1, x'00', 0, 1, 1, ?, 0, 9, 'INFO', 'clerk', '', 0, '{}')",
            (time.time_ns() + 400 * DAY,),
        )
    status, found = findings(database)
    assert status == 3
    assert found["data"]["message"].endswith(": some of logs are from the future")


def test_f19_a_jump_of_the_clock_is_told_for_a_week(database: Path) -> None:
    now = time.time_ns()
    for ago, level in ((1, "warning"), (8, "ok")):
        with changed(database) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO steady_clock VALUES (1, 'boot', 1, ?, ?, ?, ?)",
                (now, now, -2 * DAY, now - ago * DAY),
            )
        _, found = findings(database)
        assert found["clock"]["level"] == level
        if level == "warning":
            assert found["clock"]["message"] == (
                "the clock of this machine went 48.0 h back: it was set, or the machine was off"
            )


def test_a_disk_that_is_nearly_full_is_an_error(database: Path) -> None:
    status, found = findings(database, "--min-free-bytes", str(10**18))
    assert (status, found["space"]["level"]) == (4, "error")
    assert found["space"]["advice"] == "free some space, or keep less: retention_days, max_db_bytes"


def test_a_person_reads_each_finding_and_what_to_do(database: Path) -> None:
    Path(f"{database}.lock").write_text("1\n")
    Path(f"{database}.lock").chmod(0o600)
    lines = run(database).output.splitlines()
    assert lines[0] == str(database)
    place = lines.index(
        "  warning lock        no receiver has it, and the last one was killed or lost its power"
    )
    assert lines[place + 1].strip().startswith("→ start it: ")


def test_what_cannot_be_looked_at_is_said(tmp_path: Path, database: Path) -> None:
    none = tmp_path / "none.db"
    for arguments, status, said in (
        ((none,), 1, f"Error: there is no database {none}"),
        (("postgresql://x/y",), 1, "Error: the database postgresql:// is not supported yet"),
        ((), 2, "Error: which database? Give DB, or set PROMETHIOS_DB"),
        ((database, "--db", database), 2, "Error: DB and --db name the same: give one of them"),
    ):
        done = run(*arguments)
        assert done.exit_code == status
        assert said in done.stderr
    assert not none.exists()
    assert run("--db", database).exit_code == 0
    assert run(environment={"PROMETHIOS_DB": str(database)}).exit_code == 0
