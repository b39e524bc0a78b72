"""The doctor, and the check at a start, on files that are no healthy database: empty, odd, locked, shut."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.rights import run_without_rights

from promethios.receiver.cli.doctor import doctor
from promethios.receiver.store.checking import check
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.sqlite import SQLiteStore


def findings(path: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit status, and the findings by what was looked at."""
    done = CliRunner().invoke(doctor, [str(path), "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, {each["check"]: each for each in json.loads(done.output)["findings"]}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database that no receiver holds."""
    path = tmp_path / "promethios.db"
    tmp_path.chmod(0o700)
    SQLiteStore(path).close()
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_an_empty_file_is_told_to_be_empty_and_nothing_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    empty = tmp_path / "promethios.db"
    empty.touch(0o600)
    status, found = findings(empty)
    assert status == 3
    assert [each for each in found.values() if each["level"] in ("warning", "error")] == [
        {
            "check": "file",
            "level": "warning",
            "message": "it is empty",
            "advice": "start a receiver on it, or restore a backup",
        }
    ]
    assert "schema" not in found


def test_an_empty_file_beside_a_log_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    empty = tmp_path / "promethios.db"
    empty.touch(0o600)
    Path(f"{empty}-wal").write_bytes(b"what was stored last")
    Path(f"{empty}-wal").chmod(0o600)
    status, found = findings(empty)
    assert status == 4
    assert (found["file"]["message"], found["file"]["advice"]) == (
        "it is empty, but its log is not",
        "bring the database back under this name, or restore a backup; SQLite would remove the log",
    )


def test_a_schema_without_a_revision_is_an_error(database: Path) -> None:
    change(database, "DELETE FROM alembic_version")
    status, found = findings(database)
    assert (status, found["schema"]["message"]) == (4, "the schema has no revision")
    assert found["schema"]["advice"] == "keep the file, and bring back a backup: promethios restore BACKUP DB"


def test_times_that_are_no_numbers_are_an_error(database: Path) -> None:
    change(
        database,
        "INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)",
        "INSERT INTO heartbeats (tenant_id, agent_id, instance_id, time_unix_nano, value) "
        "VALUES (1, 'clerk', 'i', 1, 1)",
        "INSERT INTO logs (tenant_id, record_hash, ordinal, resource_id, scope_id, time_unix_nano, "
        "observed_unix_nano, severity_number, severity_text, agent_id, event_name, flags, attributes) "
        "VALUES (1, x'00', 0, 1, 1, 'noon', 0, 9, 'INFO', 'clerk', '', 0, '{}')",
    )
    status, found = findings(database)
    assert (status, found["data"]["level"]) == (4, "error")
    assert (
        found["data"]["message"]
        == "times of logs are no numbers: it is damaged, or another program wrote to it"
    )


def test_tables_that_lack_what_ours_have_are_an_error(database: Path) -> None:
    change(database, "DROP TABLE violations")
    status, found = findings(database)
    assert (status, found["data"]["message"]) == (4, "it cannot be read: no such table: violations")
    assert found["integrity"]["message"] == "whole"


@pytest.fixture
def locked(database: Path) -> Iterator[Path]:
    """A database that another program has for itself."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("INSERT INTO tenants (name, created_unix_nano) VALUES ('default', 1)")
        connection.execute("COMMIT")
        yield database


def test_a_database_that_another_program_has_is_locked_and_not_damaged(locked: Path) -> None:
    status, found = findings(locked)
    assert status == 4
    assert (found["schema"]["message"], found["schema"]["advice"]) == (
        "it cannot be read: another program has locked it",
        "end who has it open: `wal` above names them, as far as one may see",
    )
    assert "integrity" not in found


def test_d06_a_locked_database_is_not_called_damaged_at_a_start(locked: Path) -> None:
    with pytest.raises(StoreError) as caught:
        check(locked)
    assert str(caught.value) == (
        f"cannot check {locked}: database is locked; `promethios doctor {locked}` says more"
    )


def test_a_folder_that_may_not_be_written_is_said_to_be_the_reason(database: Path) -> None:
    change(database, "INSERT INTO tenants (name, created_unix_nano) VALUES ('default', 1)")
    Path(f"{database}-wal").write_bytes(bytes(32))
    Path(f"{database}-wal").chmod(0o600)
    database.parent.chmod(0o500)
    try:
        code = (
            "from click.testing import CliRunner\n"
            "from promethios.receiver.cli.doctor import doctor\n"
            f"print(CliRunner().invoke(doctor, [{str(database)!r}, '--json']).output)\n"
        )
        document = json.loads(run_without_rights(code).stdout)
    finally:
        database.parent.chmod(0o700)
    found = {each["check"]: each for each in document["findings"]}
    assert found["schema"]["advice"] == "look at it as the user who runs the receiver"
    assert "integrity" not in found
