"""A real receiver in a process of its own, for every suite that needs one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

_KEY = re.compile(r"^\s*(admin|ingest)\s+(pmk_\S+)", re.MULTILINE)
_START_SECONDS = 30.0
_MAIN = "from promethios.governance.cli import main; main(prog_name='promethios')"


@dataclass(frozen=True)
class Answer:
    """What the receiver answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class RunningReceiver:
    """``promethios serve`` in a subprocess, on free ports of the loopback interface.

    Args:
        db: The database file.
        arguments: Further options of ``serve``.
        environment: Further variables of the process; no other ``PROMETHIOS_*`` reaches it.
        grpc: Where gRPC listens.

    Attributes:
        http: The address, such as ``http://127.0.0.1:40123``.
        grpc: The target of gRPC, such as ``127.0.0.1:40124``, or None.
        admin_key, ingest_key: The first keys; empty when the database had keys already.
    """

    def __init__(
        self,
        db: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        grpc: str = "127.0.0.1:0",
    ) -> None:
        self.db = db
        new = not db.exists()
        self.process = start_promethios(
            "serve", "--db", str(db), "--http", "127.0.0.1:0", "--grpc", grpc, "--json", *arguments,
            environment=environment,
        )  # fmt: skip
        self._stderr: list[str] = []
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read_stderr)
        self._reader.start()
        line = self._first_line()
        ready = json.loads(line)
        self.http: str = ready["http"]
        self.grpc: str | None = ready["grpc"]
        self.version: str = ready["version"]
        keys = self._first_keys() if new else {}
        self.admin_key = keys.get("admin", "")
        self.ingest_key = keys.get("ingest", "")

    def __enter__(self) -> RunningReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""
        return "".join(self._stderr)

    @property
    def admin(self) -> dict[str, str]:
        """Headers with the admin key, which may also read."""
        return {"Authorization": f"Bearer {self.admin_key}"}

    @property
    def ingest(self) -> dict[str, str]:
        """Headers with the ingest key."""
        return {"Authorization": f"Bearer {self.ingest_key}"}

    def get(self, path: str, headers: Mapping[str, str] | None = None, **query: object) -> Answer:
        """GET a path, with the admin key unless `headers` says otherwise; `from_` means ``from``."""
        parameters = urlencode({name.rstrip("_"): value for name, value in query.items()})
        address = f"{path}?{parameters}" if parameters else path
        return self.request("GET", address, headers=self.admin if headers is None else headers)

    def data(self, path: str, **query: object) -> list[dict[str, Any]]:
        """The rows of an answer of the API, such as ``data("decisions", limit=10)``."""
        answer = self.get(f"/api/v1/{path}", None, **query)
        assert answer.status == 200, answer.body
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """POST protobuf with the ingest key, unless `headers` says otherwise."""
        defaults = {"Content-Type": "application/x-protobuf", **self.ingest}
        return self.request("POST", path, body, defaults if headers is None else headers)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request; an error status is an answer like any other."""
        request = Request(self.http + path, body, dict(headers or {}), method=method)
        try:
            with urlopen(request, timeout=30) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def stop(self) -> int:
        """End it with SIGTERM and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._wait()

    def kill(self) -> None:
        """End it with SIGKILL: it cannot do anything about it."""
        self.process.kill()
        self._wait()

    def ended(self) -> int:
        """Wait until it ends by itself, or by what was prepared for it, and return its exit status."""
        return self._wait()

    def _wait(self) -> int:
        status = self.process.wait(timeout=30)
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return status

    def _first_line(self) -> str:
        """The line that says that it is ready, or what it said instead."""
        timer = threading.Timer(_START_SECONDS, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            self._wait()
            raise RuntimeError(f"the receiver did not start: {self.stderr}")
        return line

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._said:
                self._stderr.append(line)
                self._said.notify_all()

    def _first_keys(self) -> dict[str, str]:
        """The keys that it says on standard error, which may arrive after the line on standard output."""
        with self._said:
            self._said.wait_for(lambda: len(_KEY.findall(self.stderr)) == 2, _START_SECONDS)
        return dict(_KEY.findall(self.stderr))


def start_promethios(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the command ``promethios`` with no ``PROMETHIOS_*`` variable but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHIOS_")}
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN, *arguments],
        env={**clean, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_promethios(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command ``promethios`` to its end."""
    with start_promethios(*arguments, environment=environment) as process:
        stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def read_key(receiver: RunningReceiver) -> str:
    """Make a key of the scope `read` with the command, as people do."""
    made = run_promethios(
        *("keys", "create", "--url", receiver.http, "--scope", "read", "--json"),
        environment={"PROMETHIOS_ADMIN_KEY": receiver.admin_key},
    )
    assert made.returncode == 0, made.stderr
    key: str = json.loads(made.stdout)["key"]
    return key
