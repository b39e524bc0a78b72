"""How the process that is run says whether it is governed: one line, through a named pipe.

A pipe with a name reaches the process through wrappers that close what they inherited. It is gone when the
first process has spoken: those that it starts find nobody, and speak on standard error.
"""

from __future__ import annotations

import json
import os
import select
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path


def tell(name: str, problems: Sequence[str]) -> bool:
    """Say what is missing; nothing if all is in force.

    Args:
        name: Where the pipe is.
        problems: One for each thing that is missing.

    Returns:
        Whether somebody listens.
    """
    try:
        pipe = os.open(name, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            return False
        # No longer than what a pipe takes as a whole, beside others that write.
        os.write(pipe, json.dumps(list(problems))[: select.PIPE_BUF - 1].encode() + b"\n")
    except OSError:
        return False  # it listened a moment ago
    finally:
        os.close(pipe)
    return True


class Channel:
    """The listening end. Use it as a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="promethios-run-"))
        self.name = str(self._folder / "channel")
        os.mkfifo(self.name, 0o600)
        self._reading = os.open(self.name, os.O_RDONLY | os.O_NONBLOCK)
        self._writing = os.open(self.name, os.O_WRONLY)  # so that it is never at its end
        self._text = b""

    def listen(self, seconds: float) -> list[str] | None:
        """What the process says is missing; None where it says nothing for so long."""
        if select.select([self._reading], [], [], seconds)[0]:
            self._text += os.read(self._reading, select.PIPE_BUF)
        line, end, _ = self._text.partition(b"\n")
        return _problems(line.decode(errors="replace")) if end else None

    def close(self) -> None:
        """Listen no more; again does nothing."""
        if self._folder.exists():
            os.close(self._reading)
            os.close(self._writing)
            Path(self.name).unlink(missing_ok=True)
            self._folder.rmdir()

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _problems(line: str) -> list[str]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    # What is none of our lists was cut to what a pipe takes, or is of somebody else.
    return [str(problem) for problem in said] if isinstance(said, list) else [line]
