"""The demonstration's processes: each is started apart, and none is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, Any, Final, NoReturn

#: Seconds after which a process that should have finished is ended.
PATIENCE: Final = 60.0
_GRACE: Final = 5.0
_FOREIGN: Final = ("PROMETHIOS_", "OTEL_", "OPENAI_")


class ProcessError(RuntimeError):
    """A process ended as it should not have; the message has what it said last."""


class Process:
    """A Python process whose standard output is read line by line, as JSON.

    It has a session of its own: Ctrl-C reaches the demonstration alone, which then ends what it started.

    Args:
        name: What it is, for messages.
        arguments: The interpreter's arguments.
        environment: Variables in addition to the inherited ones. Those of OpenTelemetry, OpenAI and
            Promethios are not inherited, so that the demonstration is the same everywhere.
    """

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        self.name = name
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `stop`
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it tells, until it ends.

        Raises:
            ProcessError: It failed, or it took longer than `PATIENCE`.
        """
        assert self._process.stdout
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            for line in self._process.stdout:
                yield json.loads(line)
            status = self._process.wait()
        finally:
            watch.cancel()
        if status:
            raise ProcessError(f"{self.name} ended with status {status}: {self._last_words()}")

    def first_line(self) -> dict[str, Any]:
        """The one line by which it says that it is ready.

        Raises:
            ProcessError: It ended without.
        """
        for line in self.lines():
            return line
        raise ProcessError(f"{self.name} ended before it was ready: {self._last_words()}")

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._errors.close()

    def wait(self) -> NoReturn:
        """Wait for it to end, which it should not.

        Raises:
            ProcessError: It has.
        """
        status = self._process.wait()
        raise ProcessError(f"{self.name} ended with status {status}: {self._last_words()}")

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _last_words(self) -> str:
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        return "\n".join(text.splitlines()[-5:]) or "it said nothing"


def serve(database: str, address: str) -> Process:
    """Start ``promethios serve``, the real one."""
    command = "from promethios.governance.cli import main; main(prog_name='promethios')"
    options = ["serve", "--db", database, "--http", address, "--grpc", "off", "--json"]
    return Process("the receiver", ["-c", command, *options], {})


def play(name: str, environment: Mapping[str, str]) -> Process:
    """Start one of the agents."""
    return Process(name, ["-m", "promethios.receiver.demo.agent", name], environment)


def free_address(preferred: int = 4318) -> str:
    """An address on the loopback interface: OTLP's usual port where it is free, else any."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", preferred))
        return f"127.0.0.1:{preferred}"
    return "127.0.0.1:0"
