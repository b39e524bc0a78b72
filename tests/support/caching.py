"""What is costly to get or to build, kept outside the repository: made once, also by parallel workers.

Uses the standard library only: `.ci/run` calls it before anything is installed.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = Path.home() / ".cache" / "promethios-tests"


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """A folder of that name, made by `make` where it is not there.

    It appears whole or not at all: `make` fills another one, which is then renamed. Whoever comes meanwhile
    waits, and one who is killed leaves nothing that looks made.

    Args:
        name: Holds a hash of everything that the content depends on.
        make: Fills the empty folder that it is given.
    """
    folder = FOLDER / name
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            scratch = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=FOLDER))
            try:
                make(scratch)
                scratch.rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return folder
