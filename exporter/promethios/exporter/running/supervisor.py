"""Starts the command, waits for its word, passes signals on, and ends as it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Final

from promethios.exporter.running import CHANNEL
from promethios.exporter.running.channel import Channel
from promethios.exporter.running.strays import Strays, descendants

#: What is passed on. A terminal sends the last two to every process in front of it by itself.
_PASSED_ON: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINALS: Final = (signal.SIGINT, signal.SIGQUIT)

_NO_WORD: Final = (
    "no Python in it said that it is governed: it is no Python, or one that does not read PYTHONPATH or"
    " import `site`"
)

#: Seconds between two looks at whether the command has ended without a word.
_LOOK: Final = 0.1
#: Seconds that a Python below the command may go on while it cannot hear of us.
_PATIENCE: Final = 2.0
#: Seconds that a command has to end when it is asked to.
_GRACE: Final = 5.0


class NotGovernedError(Exception):
    """The command was ended, or never ran, because it was not governed. The message says why."""


def supervise(command: Sequence[str], program: str, environ: Mapping[str, str], start: float) -> int:
    """Run a command that is governed before its first line.

    Args:
        command: With its arguments.
        program: The file to execute.
        environ: The command's environment, without the channel.
        start: Seconds that it may take until it is governed.

    Returns:
        Its exit status; 128 and the signal's number where a signal ended it.

    Raises:
        NotGovernedError: It said what is missing, or nothing at all; it has ended.
        OSError: It cannot be executed.
    """
    with _Relay() as relay, Channel() as channel:
        given = {**environ, CHANNEL: channel.name}
        process = subprocess.Popen(command, executable=program, env=given)
        relay.connect(process)
        try:
            _await_word(process, channel, Strays(process.pid, given, _PATIENCE), start)
        except BaseException:
            _end(process)
            raise
        channel.close()
        status = process.wait()
    return 128 - status if status < 0 else status


def _await_word(process: subprocess.Popen[bytes], channel: Channel, strays: Strays, start: float) -> None:
    deadline = time.monotonic() + start
    while True:
        status = process.poll()
        problems = channel.listen(_LOOK if status is None else 0)
        if problems:
            raise NotGovernedError("; ".join(problems))
        if problems is not None or (status is not None and status < 0):
            return  # governed; or a signal ended it, which says itself that it did not run
        if status is not None:
            raise NotGovernedError(f"it ended with status {status}, and {_NO_WORD}")
        if reason := strays.find():
            raise NotGovernedError(reason)
        if time.monotonic() >= deadline:
            raise NotGovernedError(f"after {start:g} seconds {_NO_WORD}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command, and what it has started: a shell's children would go on without it, ungoverned."""
    started = list(descendants(process.pid))
    process.terminate()
    _signal(started, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    process.kill()
    _signal(started, signal.SIGKILL)
    process.wait()


def _signal(pids: Sequence[int], number: int) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, number)


class _Relay:
    """Takes this process' signals, and passes them on to the command. Use it as a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def connect(self, process: subprocess.Popen[bytes]) -> None:
        """Pass signals on to `process`, those that came before it first."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def __enter__(self) -> _Relay:
        for number in (*_PASSED_ON, *_FROM_TERMINALS):
            if signal.getsignal(number) is not signal.SIG_IGN:  # which the command inherits
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _: FrameType | None) -> None:
        if number in _FROM_TERMINALS and _is_in_front():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


def _is_in_front() -> bool:
    """Whether a terminal sends its signals to this process, and so to the command."""
    for descriptor in range(3):
        with suppress(OSError):
            return os.tcgetpgrp(descriptor) == os.getpgrp()
    return False
