"""Agents to break, and what must hold afterwards: the oracle of the exporter's side.

    agent = Agent(folder, endpoint, key, spool_dir=spool)
    agent.emit(20)
    ...                                 # whatever goes wrong
    agent.end()
    proven = prove(receiver.db, spool, agent)

`prove` compares the ledgers of the agents with the database: what a caller was told about a decision that was
durable is there, once, with the same id and verdict; nothing is there that no agent made; and of an agent
that ended by itself, everything is stored, or waits, or is a counted drop.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tests.faults.nursery import Forked, fork

_ROOT = Path(__file__).parents[2]
KINDS: Final = ("decisions", "spans", "logs")
_STORED: Final = {
    "decisions": "SELECT conversation_id FROM decisions ORDER BY id",
    "spans": "SELECT conversation_id FROM spans WHERE name LIKE 'execute_tool %' ORDER BY id",
    "logs": "SELECT body FROM logs ORDER BY id",
}


@dataclass(frozen=True)
class Told:
    """What an agent's ledger says, in order: tokens that it made, and what callers were told of each."""

    emitted: tuple[str, ...]
    acknowledged: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, path: Path) -> Told:
        """Read a ledger; a last line without an end was being written, and counts as not written."""
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        words = [line.split() for line in lines if line.endswith("\n")]
        acknowledged = {line[1]: (line[2], line[3]) for line in words if line[0] == "A"}
        return cls(tuple(line[1] for line in words if line[0] == "E"), acknowledged)

    def durable(self, which: str = "enforced") -> dict[str, tuple[str, str]]:
        """What callers were told and may rely on."""
        return {
            token: told for token, told in self.acknowledged.items() if which == "all" or told[1] != "allow"
        }


class Agent:
    """An agent in a process of its own (tests/faults/agent.py).

    Args:
        folder: Where its ledger and its log are.
        endpoint: Where it sends to.
        key: Its key.
        environment: Further variables of the process, which is started afresh then, not forked.
        before: Called in the process before it runs anything; that is started afresh, too.
        options: ``pace``, ``going``, ``verdicts``, ``quiet`` of the agent; all others are settings.
    """

    def __init__(
        self,
        folder: Path,
        endpoint: str,
        key: str,
        *,
        environment: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **options: Any,
    ) -> None:
        self.path = folder / f"agent-{time.monotonic_ns()}.ledger"
        self.log = self.path.with_suffix(".log")
        self._key = key
        self.durable = options.get("durable_decisions", "enforced")
        own = {name: options.pop(name) for name in ("pace", "going", "verdicts", "quiet") if name in options}
        settings = {"endpoint": endpoint, "api_key": key, "service_name": self.path.stem, **options}
        arguments = {"ledger": str(self.path), "settings": settings, **own}
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("PROMETHIOS_", "OTEL_"))
        }
        self.process: Forked | subprocess.Popen[str]
        with self.log.open("wb") as log:
            if environment is None and before is None:
                self.process = fork(arguments, clean, log.fileno())
            else:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "tests.faults.agent", json.dumps(arguments, default=str)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=_ROOT,
                    env={**clean, **(environment or {})},
                    text=True,
                    preexec_fn=before,
                )
        self.final: dict[str, Any] | None = None
        self._ready = False

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.kill()

    @property
    def told(self) -> Told:
        """What it has written down so far."""
        return Told.read(self.path)

    @property
    def said(self) -> str:
        """What it has logged so far."""
        return self.log.read_text()

    def ready(self) -> Agent:
        """Wait until it is set up."""
        if not self._ready:
            assert self._answer() == "ready"
            self._ready = True
        return self

    def order(self, *words: object) -> None:
        """Give an order that may be its last."""
        self.ready()
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def ask(self, *order: object) -> Any:
        """Give an order, and wait for its answer."""
        self.order(*order)
        return self._answer()

    def emit(self, number: int) -> None:
        """Have it guard so many operations, and wait until it has."""
        assert self.ask("emit", number) == number

    def flush(self, seconds: float = 30) -> dict[str, int]:
        """What `Promethios.flush` told it."""
        flushed: dict[str, int] = self.ask("flush", seconds)
        return flushed

    def drain(self, seconds: float = 60) -> None:
        """Have it try at once, whatever pause it is in, and wait until nothing waits any more."""
        self.ask("again", self._key)
        self.wait_for_totals(seconds, queued=0, spooled=0)

    def totals(self) -> dict[str, Any]:
        """What `Promethios.totals` told it."""
        totals: dict[str, Any] = self.ask("totals")
        return totals

    def wait_for_more(self, decisions: int = 1, seconds: float = 60) -> None:
        """Wait until callers were told of so many more decisions."""
        at_least, deadline = len(self.told.acknowledged) + decisions, time.monotonic() + seconds
        while len(self.told.acknowledged) < at_least:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"{len(self.told.acknowledged)} decisions, {self.said}"
            time.sleep(0.005)

    def wait_for_totals(self, seconds: float = 60, **wanted: int) -> None:
        """Wait until its totals say so, such as ``queued=0, spooled=0``."""
        deadline = time.monotonic() + seconds
        while not wanted.items() <= (totals := self.totals()).items():
            assert time.monotonic() < deadline, (totals, self.said)
            time.sleep(0.02)

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self._reap()

    def ended(self) -> int:
        """Wait until it ends by itself, or by what was prepared for it; its exit status."""
        return self._reap()

    def end(self) -> dict[str, Any]:
        """End it as any program ends, and give its last totals, with what is ``parked`` in the spool."""
        self.ready()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.final = self._answer()
        assert self._reap() == 0, self.said
        assert self.final is not None
        return self.final

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the agent ended: {self.said}"
        return json.loads(line)

    def _reap(self) -> int:
        status = self.process.wait(60)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                # What nobody reads any more is not written either.
                with suppress(BrokenPipeError):
                    stream.close()
        return status


@dataclass(frozen=True)
class Proven:
    """The numbers of a proof."""

    emitted: int
    acknowledged: int
    durable: int
    stored: Mapping[str, int]
    dropped: int


def prove(db: Path, spool: Path | None, *agents: Agent, lasting: bool = True) -> Proven:
    """Compare what agents know with what a database has; all of them must have ended.

    Args:
        db: The database.
        spool: The folder that they shared, in which nothing may wait any more.
        agents: Whose ledgers to read.
        lasting: Whether decisions had a spool that took them; without one there is no promise.

    Raises:
        AssertionError: A durable decision that was acknowledged is lost, something is stored twice or was
            never made, or an agent that ended by itself has lost what it did not count.
    """
    told = [agent.told for agent in agents]
    emitted = [token for each in told for token in each.emitted]
    acknowledged = {token: said for each in told for token, said in each.acknowledged.items()}
    durable = {
        token: said
        for agent, each in zip(agents, told, strict=True)
        for token, said in each.durable(agent.durable).items()
    }
    tables, decided = stored(db), _decided(db)
    for kind, table in tables.items():
        twice = [token for token, times in Counter(table).items() if times > 1]
        assert not twice, f"{len(twice)} {kind} are stored twice"
        assert set(table) <= set(emitted), f"{kind} are stored that no agent made"
    if lasting:
        lost = durable.keys() - set(tables["decisions"])
        assert not lost, f"{len(lost)} of {len(durable)} durable decisions are lost"
    assert all(said == decided[token] for token, said in acknowledged.items() if token in decided)
    for agent in agents:
        _account(agent, tables)
    if spool is not None:
        waiting = {path.name: path.stat().st_size for path in spool.glob("*.spool")}
        assert not waiting, f"{waiting} still wait"
    numbers = {kind: len(table) for kind, table in tables.items()}
    dropped = sum(sum(agent.final["dropped"].values()) for agent in agents if agent.final)
    return Proven(len(emitted), len(acknowledged), len(durable), numbers, dropped)


def _account(agent: Agent, tables: Mapping[str, list[str]]) -> None:
    """Of an agent that ended by itself nothing is missing but what it counted."""
    if agent.final is None:
        return
    emitted = set(agent.told.emitted)
    missing = {kind: len(emitted - set(table)) for kind, table in tables.items()}
    counted = sum(agent.final["dropped"].values()) + agent.final["parked"]
    assert sum(missing.values()) <= counted, f"{missing} are missing, {agent.final} is what was counted"


def stored(db: Path) -> dict[str, list[str]]:
    """The tokens of each kind that a database has, in the order of their coming."""
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {kind: [row[0] for row in connection.execute(sql)] for kind, sql in _STORED.items()}


def _decided(db: Path) -> dict[str, tuple[str, str]]:
    """The id and the verdict that is stored of each decision."""
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT conversation_id, decision_id, enforced FROM decisions")
        return {token: (decision, enforced) for token, decision, enforced in rows}


def in_order(db: Path, agent: Agent) -> bool:
    """Whether each kind of an agent's items was stored in the order in which they were made."""
    place = {token: number for number, token in enumerate(agent.told.emitted)}
    tables = stored(db)
    ours = [[place[token] for token in table if token in place] for table in tables.values()]
    return all(places == sorted(places) for places in ours)
