"""The lock of a database: a look at it hinders nobody, and an unclean end is not forgotten unchecked."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from promethios.receiver.store.lock import DatabaseInUse, DatabaseLock, LockState, lock_path, lock_state


def test_d01_a_start_waits_for_who_only_looks(tmp_path: Path) -> None:
    """The doctor asks for the lock for as long as it takes to ask: a receiver that starts then must start."""
    database = tmp_path / "promethios.db"
    looking = os.open(lock_path(database), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(looking, fcntl.LOCK_SH)
    with ThreadPoolExecutor() as pool:
        starting = pool.submit(DatabaseLock, database)
        # Long enough to be refused, if it is.
        wait([starting], timeout=0.2)
        os.close(looking)
        starting.result(10).release()


def test_d01_who_looks_for_ever_is_not_waited_for(tmp_path: Path) -> None:
    database = tmp_path / "promethios.db"
    looking = os.open(lock_path(database), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(looking, fcntl.LOCK_SH)
    with pytest.raises(DatabaseInUse, match=r"another receiver holds it \(process unknown\)"):
        DatabaseLock(database)
    os.close(looking)


@pytest.mark.parametrize("said", ["4711\n", "123456789\n"])
def test_d06_an_unclean_end_is_known_still_when_the_lock_cannot_be_written(tmp_path: Path, said: str) -> None:
    """A file that may not grow stands for a disk that is full."""
    database = tmp_path / "promethios.db"
    lock_path(database).write_text(said)
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from promethios.receiver.store.lock import DatabaseLock\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        f"DatabaseLock(Path({str(database)!r}))\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "File too large" in ended.stderr
    assert lock_state(database) == LockState("", True)


def test_d06_a_lock_that_cannot_be_written_is_let_go(tmp_path: Path) -> None:
    database = tmp_path / "promethios.db"
    code = (
        "import resource\n"
        "from pathlib import Path\n"
        "from promethios.receiver.store.lock import DatabaseLock\n"
        "limit = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))\n"
        "try:\n"
        f"    DatabaseLock(Path({str(database)!r}))\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, limit)\n"
        f"lock = DatabaseLock(Path({str(database)!r}))\n"
        "print(lock.unclean)\n"
        "lock.release()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "File too large\nFalse\n"
    assert list(tmp_path.iterdir()) == []
