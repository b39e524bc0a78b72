"""Pythons that a command has started and that cannot hear of us: they were told so, or lost our variables.

Only Linux tells it. Elsewhere they are noticed when they end, or when the time to start is over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from promethios.exporter.running import CHANNEL
from promethios.exporter.running.interpreter import deafness, is_python

_PATH: Final = "PYTHONPATH"
_PROCESSES: Final = Path("/proc")


class Strays:
    """Looks at a command's process, and at those below it.

    Args:
        pid: The command's process.
        environ: What it was given.
        patience: Seconds that a Python below it may go on: tools such as ``uv`` ask interpreters in isolation
            what they are, before they start the one that matters.
    """

    def __init__(self, pid: int, environ: Mapping[str, str], patience: float) -> None:
        self._pid = pid
        self._environ = environ
        self._patience = patience
        self._seen: dict[int, float] = {}

    def find(self) -> str | None:
        """Why one of them will not be governed; None while none is known to be."""
        now, seen = time.monotonic(), {}
        for pid in (self._pid, *descendants(self._pid)):
            if reason := self._reason(pid):
                seen[pid] = self._seen.get(pid, now)
                if pid == self._pid or now - seen[pid] >= self._patience:
                    return reason
        self._seen = seen
        return None

    def _reason(self, pid: int) -> str | None:
        process = _PROCESSES / str(pid)
        try:
            program = str((process / "exe").readlink())
            if not is_python(program):
                return None
            command, environ = _texts(process / "cmdline"), _texts(process / "environ")
        except OSError:
            return None  # it has ended, or is another user's
        if reason := deafness(command or [program], program):
            return reason
        return self._missing(program, dict(text.partition("=")[::2] for text in environ))

    def _missing(self, program: str, theirs: Mapping[str, str]) -> str | None:
        """What it has not got of what the command was given."""
        ours = self._environ[_PATH].partition(os.pathsep)[0]
        if ours not in theirs.get(_PATH, "").split(os.pathsep):
            return f"{program} was started with another {_PATH}: keep ours in front"
        if not theirs.get(CHANNEL):
            return f"{program} was started without {CHANNEL}: hand our variables on"
        return None


def descendants(pid: int) -> Iterator[int]:
    """What a process has started, and so on; nothing where the system does not tell."""
    try:
        children = (_PROCESSES / f"{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from descendants(child)


def _texts(path: Path) -> list[str]:
    return path.read_bytes().decode(errors="surrogateescape").split("\0")[:-1]
