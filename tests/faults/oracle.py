"""What must hold after every fault: nothing acknowledged is lost, nothing is there twice, all is told.

    client = Client(folder, "http", receiver)
    ...                                 # whatever goes wrong
    client.drain()
    proven = verify(receiver.db, client)

`verify` compares the ledgers of the clients, which were synced before each step, with the database.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.faults.items import stored
from tests.support.receiver import RunningReceiver

_ROOT = Path(__file__).parents[2]

#: How the names of a database's files end.
_DATABASE = frozenset({".db", ".db-wal", ".db-shm"})

#: Whether something holds, from a ledger of before and one of now.
Condition = Callable[["Ledger", "Ledger"], bool]


@dataclass(frozen=True)
class Ledger:
    """What a client knows: ids by what became of them, and what it heard other than success."""

    emitted: frozenset[str]
    acknowledged: frozenset[str]
    parked: frozenset[str]
    dropped: frozenset[str]
    answers: Counter[str]

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Read a ledger; a last line without an end was being written, and counts as not written."""
        words: dict[str, list[str]] = {mark: [] for mark in "EAPDS"}
        for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
            if line.endswith("\n"):
                words[line[0]] += line[2:].split()
        emitted, acknowledged, parked, dropped = (frozenset(words[mark]) for mark in "EAPD")
        return cls(emitted, acknowledged, parked, dropped, Counter(words["S"]))


class Client:
    """A sender in a process of its own (tests/faults/sender.py).

    Args:
        folder: Where its ledger and the receiver's address are.
        transport: ``http`` or ``grpc``.
        receiver: Where it sends to at first; its ingest key is the client's unless `key` is given.
        key: The key.
        at: Where it sends to, where that is not the receiver itself.
        options: ``batch``, ``threads``, ``timeout`` of the sender.
    """

    def __init__(
        self,
        folder: Path,
        transport: str,
        receiver: RunningReceiver,
        key: str | None = None,
        at: str | None = None,
        **options: float,
    ) -> None:
        self.path = folder / f"{transport}-{time.monotonic_ns()}.ledger"
        self._address = self.path.with_suffix(".address")
        there = {"http": receiver.http, "grpc": receiver.grpc}
        self.point_at(**(there if at is None else {**there, transport: at}))
        settings = {
            "address": str(self._address),
            "ledger": str(self.path),
            "key": receiver.ingest_key if key is None else key,
            "transport": transport,
            **options,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.sender", json.dumps(settings)],
            stdin=subprocess.PIPE,
            cwd=_ROOT,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self._process.kill()
            self._process.communicate()

    @contextmanager
    def held(self) -> Iterator[None]:
        """It does nothing meanwhile."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def point_at(self, http: str | None, grpc: str | None) -> None:
        """Say where the receiver is now; the sender reads it when it must connect anew."""
        new = self._address.with_suffix(".new")
        new.write_text(json.dumps({"http": http, "grpc": grpc}))
        new.replace(self._address)

    @property
    def ledger(self) -> Ledger:
        """What it has written down so far."""
        return Ledger.read(self.path)

    def wait_for_more(self, items: int = 100, seconds: float = 60) -> None:
        """Wait until so many more items were acknowledged."""
        self.wait_until(lambda first, now: len(now.acknowledged) >= len(first.acknowledged) + items, seconds)

    def wait_for_answer(self, answer: str, seconds: float = 60) -> None:
        """Wait until it heard `answer` once more."""
        self.wait_until(lambda first, now: now.answers[answer] > first.answers[answer], seconds)

    def wait_until(self, holds: Condition, seconds: float = 60) -> None:
        """Wait until `holds(ledger then, ledger now)`."""
        first, deadline = self.ledger, time.monotonic() + seconds
        while not holds(first, now := self.ledger):
            assert self._process.poll() is None, "the sender ended"
            assert time.monotonic() < deadline, f"{len(now.acknowledged)} acknowledged, {now.answers}"
            time.sleep(0.02)

    def drain(self, seconds: float = 60) -> None:
        """Emit nothing new, and wait until everything is acknowledged or dropped."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"drain\n")
        self._process.stdin.flush()
        assert self._process.wait(seconds) == 0
        self._process.stdin.close()

    def stop(self, seconds: float = 60) -> None:
        """End it; what it still had is parked."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        assert self._process.wait(seconds) == 0


@dataclass(frozen=True)
class Proven:
    """The numbers of a proof, for the table in the README."""

    emitted: int
    acknowledged: int
    stored: int
    parked: int
    dropped: int
    answers: Counter[str]


def verify(db: Path, *clients: Client, only: frozenset[str] | None = None) -> Proven:
    """Compare what clients know with what a database has; all of them must have ended.

    Args:
        db: The database.
        clients: Whose ledgers to read.
        only: Where others have sent too: the items to look at.

    Raises:
        AssertionError: An acknowledged item is lost, an item is stored twice or was never sent, an emitted
            one is neither stored nor parked nor dropped, a client heard a 500, or the database is damaged.
    """
    ledgers = [client.ledger for client in clients]
    emitted, acknowledged, parked, dropped = (
        frozenset[str]().union(*(getattr(ledger, name) for ledger in ledgers))
        for name in ("emitted", "acknowledged", "parked", "dropped")
    )
    answers = sum((ledger.answers for ledger in ledgers), Counter[str]())
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        tables = stored(connection)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    if only is not None:
        tables = [[item for item in table if item in only] for table in tables]
    found = frozenset(item for table in tables for item in table)
    assert all(len(table) == len(set(table)) for table in tables), "something is stored twice"
    assert acknowledged <= found, f"{len(acknowledged - found)} acknowledged items are lost"
    spans_of_decisions, decisions = set(tables[1]), set(tables[2])
    assert spans_of_decisions == decisions, "a decision and its span were not stored together"
    assert found <= emitted, f"{len(found - emitted)} items are stored that nobody sent"
    assert emitted == (emitted & found) | parked | dropped, "items are unaccounted for"
    assert not answers.keys() & {"500", "INTERNAL", "UNKNOWN", "partial", "conflict"}, answers
    return Proven(len(emitted), len(acknowledged), len(found), len(parked), len(dropped), answers)


@dataclass(frozen=True)
class Footprint:
    """What a process holds of the machine: memory in bytes, threads, file descriptors.

    Those of a database are apart: a pool of connections fills when more questions come together.
    """

    memory: int
    threads: int
    descriptors: int
    database: int

    @classmethod
    def of(cls, pid: int) -> Footprint:
        """What process `pid` holds now."""
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        files = [_opened(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
        database = sum(Path(name).suffix in _DATABASE for name in files)
        return cls(
            pages * resource.getpagesize(),
            len(list(Path(f"/proc/{pid}/task").iterdir())),
            len(files) - database,
            database,
        )

    def wait_back(self, pid: int, *, memory: int = 64 << 20, seconds: float = 30) -> None:
        """Wait until process `pid` holds no more than this, give or take.

        Args:
            pid: The process.
            memory: How many bytes more are none: the allocator keeps some.
            seconds: How long it may take.

        Two threads and two descriptors more are none either: pools that had not been full; nor are eight
        connections to the database, of three descriptors each.
        """
        deadline = time.monotonic() + seconds
        while True:
            now = Footprint.of(pid)
            if (
                now.memory <= self.memory + memory
                and now.threads <= self.threads + 2
                and now.descriptors <= self.descriptors + 2
                and now.database <= self.database + 24
            ):
                return
            assert time.monotonic() < deadline, f"{now} after {self}"
            time.sleep(0.1)


def _opened(descriptor: Path) -> str:
    """What an entry of ``/proc/PID/fd`` stands for; nothing when it is closed already."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def peak_memory(pid: int) -> int:
    """The most memory that a process ever held, bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
