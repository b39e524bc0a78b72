"""A client in a process of its own: sends, retries for ever, and keeps a synced ledger of what it knows.

    python -m tests.faults.sender '{"address": "...", "ledger": "...", "key": "...", "transport": "http"}'

Each line of the ledger is synced before the program goes on: ``E`` ids before they are sent for the
first time, ``A`` ids after they were acknowledged, ``D`` ids that a final refusal made it drop, ``P``
ids that it still had at the end, ``S`` what the receiver answered other than plain success. It reads
where the receiver is from the file ``address`` whenever it must connect. What it sends again goes in
other batches than before, as any client may do.
"drain" on standard input: emit nothing new, end when all is acknowledged. The end of standard input: end now.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import random
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.faults.items import KINDS, REQUESTS, new_ids

_FINAL = {400, 401, 403, 404, 405, 413, 415, 500}
_PAUSE = 0.05
_RETRYABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


class Ledger:
    """Lines that are on the disk when `write` returns."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, mark: str, words: list[str]) -> None:
        os.write(self._file, f"{mark} {' '.join(words)}\n".encode())
        os.fdatasync(self._file)


class Http:
    """Sends over HTTP, every other request packed; gives the status, or 0 where nothing was answered."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._connection: http.client.HTTPConnection | None = None
        self._packed = False

    def send(self, kind: str, body: bytes) -> str:
        headers = {"Content-Type": "application/x-protobuf", "x-api-key": self._settings["key"]}
        self._packed = not self._packed
        if self._packed:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        try:
            connection = self._connection or self._connect()
            connection.request("POST", REQUESTS[kind][1], body, headers)
            with connection.getresponse() as answer:
                content = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection = None
            return "0"
        return _success(content) if answer.status == 200 else str(answer.status)

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(_address(self._settings, "http"))
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=self._settings["timeout"]
        )
        return self._connection

    def final(self, outcome: str) -> bool:
        """Whether the data must not be sent again."""
        return outcome.isdigit() and int(outcome) in _FINAL


class Grpc:
    """Sends over gRPC."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._target, self._channel = "", None

    def send(self, kind: str, body: bytes) -> str:
        method = f"/opentelemetry.proto.collector.{REQUESTS[kind][2]}/Export"
        try:
            call = self._open().unary_unary(method)
            answer = call(
                body, metadata=[("x-api-key", self._settings["key"])], timeout=self._settings["timeout"]
            )
        except grpc.RpcError as error:
            return str(error.code().name)
        return _success(answer)

    def _open(self) -> Any:
        if (target := _address(self._settings, "grpc")) != self._target:
            if self._channel is not None:
                self._channel.close()
            options = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200))
            self._target, self._channel = target, grpc.insecure_channel(target, options)
        return self._channel

    def final(self, outcome: str) -> bool:
        """Whether the data must not be sent again."""
        return outcome in grpc.StatusCode.__members__ and grpc.StatusCode[outcome] not in _RETRYABLE


def _success(content: bytes) -> str:
    """What kind of success it was. The responses of the three signals have the same fields."""
    partial = ExportTraceServiceResponse.FromString(content).partial_success
    if partial.rejected_spans:
        return "partial"
    if "other content" in partial.error_message:
        return "conflict"
    return "warned" if partial.error_message else "ok"


def _address(settings: dict[str, Any], transport: str) -> str:
    return str(json.loads(Path(settings["address"]).read_text())[transport])


class Sender:
    """One thread's worth of sending: every kind in turn."""

    def __init__(self, settings: dict[str, Any], ledger: Ledger) -> None:
        self._settings = settings
        self._ledger = ledger
        self._transport = (Http if settings["transport"] == "http" else Grpc)(settings)
        self._pending: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.draining = self.stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def working(self) -> bool:
        """Whether it still sends."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Write down what is left; it must have ended."""
        self._thread.join()
        for waiting in self._pending.values():
            if waiting:
                self._ledger.write("P", waiting)

    def _run(self) -> None:
        while not self.stopping:
            kinds = [kind for kind in KINDS if self._pending[kind]] if self.draining else list(KINDS)
            if not kinds:
                return
            for kind in kinds:
                self._turn(kind)

    def _turn(self, kind: str) -> None:
        waiting = self._pending[kind]
        if not self.draining and len(waiting) < self._settings["batch"]:
            fresh = new_ids(kind, self._settings["batch"])
            self._ledger.write("E", fresh)
            waiting += fresh
        if not waiting:
            return
        random.shuffle(waiting)
        batch = waiting[: random.randint(1, len(waiting))]
        outcome = self._transport.send(kind, REQUESTS[kind][0](batch).SerializeToString())
        if outcome in ("ok", "warned"):
            self._ledger.write("A", batch)
            del waiting[: len(batch)]
        if outcome == "ok":
            return
        self._ledger.write("S", [outcome])
        if outcome == "warned":
            return
        if self._transport.final(outcome):
            self._ledger.write("D", batch)
            del waiting[: len(batch)]
        time.sleep(_PAUSE)


def main() -> None:
    """Send until told to end."""
    threading.excepthook = lambda failed: (sys.__excepthook__(*failed[:3]), os._exit(1))  # type: ignore[misc]
    settings = {"batch": 20, "threads": 2, "timeout": 45, **json.loads(sys.argv[1])}
    ledger = Ledger(settings["ledger"])
    senders = [Sender(settings, ledger) for _ in range(settings["threads"])]
    while any(sender.working for sender in senders):
        if select.select([sys.stdin], [], [], 0.02)[0]:
            draining = os.read(0, 100) == b"drain\n"
            for sender in senders:
                sender.draining, sender.stopping = draining, not draining
    for sender in senders:
        sender.join()


if __name__ == "__main__":
    main()
