"""Faults of the operating system for one process, by a small library in C that is preloaded into it."""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
import time
from enum import IntEnum
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")
_PAGE = 512
_HEAD = struct.Struct("=8iq")
_FILES = _HEAD.size


class Operation(IntEnum):
    """What can be made to fail."""

    WRITE = 1
    SYNC = 2
    SEND = 3
    THREAD = 4


class Action(IntEnum):
    """What happens then.

    SIGKILL before or after it; an error; half of a write and SIGKILL; or, for a sync, an error and the loss
    of what was written since the one before, as on a disk that drops the pages that it could not write.
    """

    KILL_BEFORE = 1
    KILL_AFTER = 2
    FAIL = 3
    TEAR = 4
    LOSE = 5


def compiler() -> str | None:
    """A C compiler, where there is one."""
    return shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")


def build(folder: Path) -> Path:
    """Compile the library into `folder`."""
    library = folder / "shim.so"
    found = compiler()
    assert found is not None
    command = [found, "-O1", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return library


class Faults:
    """Switches faults on and off in a process that was started with `environment`.

    Args:
        library: What `build` made.
        folder: Where the page goes that both processes map.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        page = folder / "faults.page"
        page.write_bytes(bytes(_PAGE))
        self.environment = {"LD_PRELOAD": str(library), "FAULTS_CONTROL": str(page)}
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _PAGE)

    def arm(
        self,
        operation: Operation,
        action: Action,
        files: str = "*",
        *,
        after: int = 0,
        error: int = 0,
        times: int = -1,
    ) -> None:
        """Let `action` happen at `operation`.

        Args:
            operation: At what.
            action: What happens.
            files: On which files: a pattern of what the system calls the open file; sockets are ``socket:*``.
            after: How many pass before.
            error: The number of the error, for `Action.FAIL` and `Action.LOSE`.
            times: How often it fails; -1 is until `disarm`.
        """
        self.disarm()
        self._page[_FILES : _FILES + 256] = files.encode().ljust(256, b"\0")
        struct.pack_into("=5i", self._page, 4, action, error, after, times, 0)
        struct.pack_into("=i", self._page, 0, operation)

    def disarm(self) -> None:
        """Let everything work again."""
        struct.pack_into("=i", self._page, 0, 0)

    @property
    def happened(self) -> int:
        """How often it happened since `arm`."""
        return int(struct.unpack_from("=i", self._page, 20)[0])

    @property
    def loaded(self) -> bool:
        """Whether the library is in the process at all: a static interpreter ignores it."""
        return bool(struct.unpack_from("=i", self._page, 24)[0])

    def jump(self, seconds: int) -> None:
        """Set the process's wall clock to so many seconds from the true time."""
        struct.pack_into("=q", self._page, 32, seconds)

    def wait(self, times: int = 1, seconds: float = 30) -> None:
        """Wait until it happened so often.

        Raises:
            AssertionError: It did not, in that time.
        """
        deadline = time.monotonic() + seconds
        while self.happened < times:
            assert time.monotonic() < deadline, f"the fault happened {self.happened} times, not {times}"
            time.sleep(0.005)
