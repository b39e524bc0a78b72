"""What a restore, and a backup that replaces, find in their way: logs, links, receivers, half a restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.rights import run_without_rights

from promethios.receiver.cli.backup import backup, restore
from promethios.receiver.store.errors import StoreError
from promethios.receiver.store.sqlite import SQLiteStore


def run(command: Any, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def make(path: Path, tenants: int) -> Path:
    """A database with so many tenants."""
    store = SQLiteStore(path)
    insert(store, tenants)
    store.close()
    return path


def insert(store: SQLiteStore, tenants: int, called: str = "tenant") -> None:
    with store.writer.connect() as connection:
        for number in range(tenants):
            connection.exec_driver_sql(
                "INSERT INTO tenants (name, created_unix_nano) VALUES (?, 1)", (f"{called} {number}",)
            )


def tenants(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(connection.execute("SELECT count(*) FROM tenants").fetchone()[0])


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A database of a receiver that was killed: some of its rows are in its log only."""
    path = tmp_path / "promethios.db"
    store = SQLiteStore(path)
    with store.writer.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    insert(store, 300, "killed " + "x" * 500)
    files = {end: Path(f"{path}{end}") for end in ("", "-wal", "-shm", ".lock")}
    copies = {file: file.read_bytes() for file in files.values()}
    store.close()
    for file, content in copies.items():
        file.write_bytes(content)
    assert files["-wal"].stat().st_size > 0
    return path


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A backup with five tenants."""
    original = make(tmp_path / "original.db", 5)
    assert run(backup, original, tmp_path / "copy.db").exit_code == 0
    original.unlink()
    return tmp_path / "copy.db"


def beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()}


def test_d09_a_log_whose_database_is_gone_is_not_taken_for_the_restored_ones(
    killed: Path, copy: Path
) -> None:
    """Who removes a database before restoring it seldom thinks of its log, which SQLite would replay."""
    killed.unlink()
    done = run(restore, copy, killed)
    assert done.exit_code == 0, done.output
    assert tenants(killed) == 5
    (kept,) = killed.parent.glob("promethios.db.before-restore-*Z-wal")
    assert kept.stat().st_size > 0
    assert f"What was there before is {kept}" in done.output


def test_d09_a_journal_that_is_left_is_not_played_back_into_what_is_restored(
    tmp_path: Path, copy: Path
) -> None:
    there = make(tmp_path / "promethios.db", 1)
    journal = Path(f"{there}-journal")
    journal.write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" + bytes(504))
    assert run(restore, copy, there).exit_code == 0
    assert not journal.exists()
    assert tenants(there) == 5
    (kept,) = tmp_path.glob("promethios.db.before-restore-*Z-journal")
    assert kept.stat().st_size == 512


def test_d09_a_restore_over_a_link_replaces_what_it_points_to(tmp_path: Path, copy: Path) -> None:
    there = make(tmp_path / "data" / "real.db", 1)
    link = tmp_path / "promethios.db"
    link.symlink_to(there)
    assert run(restore, copy, link).exit_code == 0
    assert link.is_symlink()
    assert (tenants(there), tenants(link)) == (5, 5)
    (kept,) = there.parent.glob("real.db.before-restore-*Z")
    assert tenants(kept) == 1


def test_d09_a_restore_that_ends_half_way_is_no_database_without_its_log(killed: Path) -> None:
    """The old database is away, the new one not there yet: a receiver must not begin with nothing."""
    away = killed.with_name("away.db")
    killed.rename(away)
    with pytest.raises(StoreError) as caught:
        SQLiteStore(killed)
    assert str(caught.value) == (
        f"cannot open {killed}: it is not there, but its log is ({killed}-wal), with what was stored last; "
        "bring the database back under this name, or restore a backup with `promethios restore`; to begin "
        "anew, move the log away"
    )
    assert not killed.exists()
    away.rename(killed)
    store = SQLiteStore(killed)
    store.close()
    assert tenants(killed) == 300


def test_d09_an_empty_file_beside_a_log_is_no_database_either(killed: Path) -> None:
    """SQLite would remove the log of an empty database."""
    log = Path(f"{killed}-wal").read_bytes()
    killed.write_bytes(b"")
    with pytest.raises(StoreError, match="it is empty, but its log is not"):
        SQLiteStore(killed)
    assert Path(f"{killed}-wal").read_bytes() == log


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A database that a receiver has."""
    store = SQLiteStore(tmp_path / "held.db")
    insert(store, 3)
    yield store.path
    store.close()


def test_d09_a_backup_does_not_replace_a_database_that_a_receiver_has(held: Path, copy: Path) -> None:
    done = run(backup, copy, held, "--force")
    assert (done.exit_code, done.stderr) == (
        1,
        f"Error: cannot replace {held}: a receiver has it (process {os.getpid()}); name another file\n",
    )
    assert tenants(held) == 3


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_d09_a_backup_does_not_get_the_log_of_another_database(
    tmp_path: Path, killed: Path, copy: Path, force: tuple[str, ...]
) -> None:
    place = tmp_path / "latest.db"
    shutil.copyfile(f"{killed}-wal", f"{place}-wal")
    if force:
        shutil.copyfile(killed, place)
    done = run(backup, copy, place, *force)
    assert done.exit_code == 1
    assert done.stderr == (
        f"Error: cannot write {place}: {place}-wal, the log of another database, is beside it and would be "
        "taken for its own; move it away, or name another file\n"
    )


def test_d09_what_was_put_aside_comes_back_when_the_rest_cannot_be(killed: Path, copy: Path) -> None:
    """The name under which the database is kept is as long as can be, and the one of its log too long."""
    long = killed.with_name("x" * (255 - len(".before-restore-20260101T000000.000000Z")))
    for end in ("", "-wal"):
        Path(f"{killed}{end}").rename(f"{long}{end}")
    done = run(restore, copy, long)
    assert (done.exit_code, done.stderr) == (1, f"Error: cannot restore to {long}: File name too long\n")
    assert not list(killed.parent.glob("*before-restore*"))
    assert tenants(long) == 300


def test_d09_a_disk_without_room_for_a_copy_is_named(copy: Path) -> None:
    """A file that may not grow stands for a disk that is full."""
    folder = copy.parent / "copies"
    folder.mkdir()
    code = (
        "import resource\n"
        "from click.testing import CliRunner\n"
        "from promethios.receiver.cli.backup import backup\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"done = CliRunner().invoke(backup, [{str(copy)!r}, {str(folder / 'copy.db')!r}])\n"
        "print(done.exit_code, done.stderr, end='')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == (
        f"1 Error: cannot copy {copy}: no copy can be written to {folder} (disk I/O error): is there room?\n"
    )
    assert list(folder.iterdir()) == []


def test_d09_what_the_system_refuses_is_said_and_no_traceback(tmp_path: Path, copy: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    there = make(shut / "promethios.db", 1)
    shut.chmod(0)
    try:
        code = (
            "from click.testing import CliRunner\n"
            "from promethios.receiver.cli.backup import backup, restore\n"
            f"for command, first, last in ((backup, {str(copy)!r}, {str(there)!r}), "
            f"(restore, {str(copy)!r}, {str(there)!r}), (backup, {str(there)!r}, 'x.db')):\n"
            "    done = CliRunner().invoke(command, [first, last])\n"
            "    print(done.exit_code, done.stderr, end='')\n"
        )
        said = run_without_rights(code).stdout
    finally:
        shut.chmod(0o700)
    assert said == (
        f"1 Error: cannot copy {copy} to {there}: Permission denied: {there}\n"
        f"1 Error: cannot restore {copy} to {there}: Permission denied: {there}\n"
        f"1 Error: cannot copy {there} to x.db: Permission denied: {there}\n"
    )
