"""A real Collector in a process of its own, with the examples' configuration."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.support.collector.build import collector

_READY = "Everything is ready"
_TAKEN = "address already in use"
_SECONDS = 60.0
#: Below what systems give to outgoing connections, so that a port stays free while its server starts anew.
_PORTS = range(20_000, 30_000)


def fixed_port() -> int:
    """A port of the loopback interface that is free, and that nobody is given by chance."""
    for port in random.sample(_PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port was found")


class RunningCollector:
    """The Collector, on ports of the loopback interface.

    Args:
        config: Its configuration, which reads ``COLLECTOR_GRPC`` and ``COLLECTOR_HTTP``.
        environment: Further variables for the configuration.

    Attributes:
        grpc, http: Where it takes OTLP: a target, and a base address.

    Raises:
        NotBuilt: There is no Go to build it with.
    """

    def __init__(self, config: Path, environment: Mapping[str, str]) -> None:
        self._program = collector()
        self._config = config
        self._environment = environment
        self._lines: list[str] = []
        self._said = threading.Condition()
        while not self._start():
            pass

    def __enter__(self) -> RunningCollector:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return "".join(self._lines)

    def wait_for(self, words: str) -> None:
        """Wait until its log has these words, or it ends."""
        with self._said:
            found = self._said.wait_for(lambda: words in self.log or self._ended, _SECONDS)
        assert found, f"nothing about {words!r} in: {self.log}"

    def stop(self) -> None:
        """End it; what it has taken it tries to deliver."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)
        self._reader.join()

    def _start(self) -> bool:
        """Start it; False where somebody took a port meanwhile."""
        self.grpc, self.http = f"127.0.0.1:{fixed_port()}", f"http://127.0.0.1:{fixed_port()}"
        self._lines, self._ended = [], False
        self._process = subprocess.Popen(
            [self._program, "--config", self._config],
            env={
                **os.environ,
                "COLLECTOR_GRPC": self.grpc,
                "COLLECTOR_HTTP": self.http.removeprefix("http://"),
                **self._environment,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.wait_for(_READY)
        if _READY in self.log:
            return True
        self.stop()
        if _TAKEN in self.log:
            return False
        raise RuntimeError(f"the Collector did not start: {self.log}")

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                with self._said:
                    self._lines.append(line)
                    self._said.notify_all()
        with self._said:
            self._ended = True
            self._said.notify_all()
