"""Agents that start at once: forked from a process that has imported what they need, and set nothing up.

Python's start and the imports take the better part of a second of CPU, and agents are killed here by the
dozen. What is forked is what a fresh process would be: no thread, file or provider is there to inherit.

    test ── descriptors, arguments ──▶ nursery ── fork ──▶ warden ── fork ──▶ agent
      ◀───────────────── process id, exit status ───────────┘
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

_ROOT = Path(__file__).parents[2]
_LONGEST: Final = 1 << 16
#: Standard input, output and errors of the agent, and where its warden reports.
_DESCRIPTORS: Final = 4
#: What a warden reports: a process id, then a status.
_NUMBER: Final = struct.Struct("<i")


class Forked:
    """A forked agent, with what is asked of a `subprocess.Popen`.

    Args:
        nursery: The nursery's socket.
        arguments: As on the agent's command line.
        log: A descriptor for its errors.
    """

    def __init__(self, nursery: socket.socket, arguments: str, log: int) -> None:
        read, orders = os.pipe()
        answers, write = os.pipe()
        self._report, report = os.pipe()
        socket.send_fds(nursery, [arguments.encode()], [read, write, log, report])
        for theirs in (read, write, report):
            os.close(theirs)
        self.stdin = os.fdopen(orders, "w")
        self.stdout = os.fdopen(answers)
        self.pid = _heard(self._report)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.returncode if self.returncode is not None else self._look(0)

    def wait(self, timeout: float) -> int:
        """Wait for its end."""
        status = self.poll()
        if status is None and (status := self._look(timeout)) is None:
            raise subprocess.TimeoutExpired("an agent", timeout)
        return status

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _look(self, timeout: float) -> int | None:
        if select.select([self._report], [], [], timeout)[0]:
            self.returncode = os.waitstatus_to_exitcode(_heard(self._report))
            os.close(self._report)
        return self.returncode


def _heard(report: int) -> int:
    number: int = _NUMBER.unpack(os.read(report, _NUMBER.size))[0]
    return number


class _Nursery:
    """The process that agents are forked from. It ends with the one that started it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
                env=environment,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._close)

    def _close(self) -> None:
        self.socket.close()
        self._process.wait()


_started: list[_Nursery] = []


def fork(arguments: dict[str, Any], environment: dict[str, str], log: int) -> Forked:
    """Start an agent.

    Args:
        arguments: As on its command line.
        environment: Of the first agent, and so of all.
        log: A descriptor for its errors.
    """
    if not _started:
        _started.append(_Nursery(environment))
    return Forked(_started[0].socket, json.dumps(arguments, default=str), log)


def _serve(channel: socket.socket) -> str | None:
    """Fork until nobody asks any more; returns in agents, with their arguments, and at the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for wardens
    while True:
        arguments, descriptors, _, _ = socket.recv_fds(channel, _LONGEST, _DESCRIPTORS)
        if not arguments:
            return None
        if os.fork() == 0:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _guard(descriptors)
            return arguments.decode()
        for each in descriptors:
            os.close(each)


def _guard(descriptors: list[int]) -> None:
    """Fork the agent, in which this returns; stay beside it, and report its end."""
    *standard, report = descriptors
    if pid := os.fork():
        for each in standard:
            os.close(each)
        os.write(report, _NUMBER.pack(pid))
        _, status = os.waitpid(pid, 0)
        os.write(report, _NUMBER.pack(status))
        os._exit(0)
    for number, each in enumerate(standard):
        os.dup2(each, number)
        os.close(each)
    os.close(report)


def main() -> None:
    """Be the nursery, or an agent that it has forked."""
    from tests.faults import agent

    with socket.socket(fileno=int(sys.argv[1])) as channel:
        arguments = _serve(channel)
    if arguments is not None:
        agent.main(arguments)


if __name__ == "__main__":
    main()
