"""Agents in every kind of process (tests/faults/kinds), and what must hold for what they told.

station = Station(receiver, tmp_path, "forks")
station.run("-m", "tests.faults.kinds.forks")
proven = station.verify()
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.receiver import RunningReceiver

ROOT: Final = Path(__file__).parents[2]
_POLICIES: Final = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: kinds, version: "1"}
spec:
  policies:
    - {id: no-deletions, severity: high, on: [tool.before], match: {tool: ["delete_*"]}, action: block,
       onError: block, message: "an agent deletes nothing"}
"""
_DUPLICATES: Final = re.compile(r"^promethios_receiver_items_duplicate_total\{.*\} (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """One decision, as the process that asked for it wrote it down."""

    pid: str
    decision: str
    seq: int
    verdict: str
    mark: str


class Station:
    """Where agents of one name run: their environment, their ledger, and the receiver that they tell.

    Args:
        receiver: The receiver.
        folder: For the ledger, the policies and the spool.
        name: The agents' `service.name`, which nobody else has.
        spool: Whether they have a spool.
    """

    def __init__(self, receiver: RunningReceiver, folder: Path, name: str, *, spool: bool = True) -> None:
        self.receiver, self.name = receiver, name
        self.path, self.spool = folder / "ledger", folder / "spool"
        policies = folder / "policies.yaml"
        policies.write_text(_POLICIES, encoding="utf-8")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PROMETHIOS_", "OTEL_"))}
        self.environment: dict[str, str] = {
            **clean,
            "LEDGER": str(self.path),
            "OTEL_SERVICE_NAME": name,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PROMETHIOS_API_KEY": receiver.ingest_key,
            "PROMETHIOS_ENDPOINT": receiver.http,
            "PROMETHIOS_POLICIES": str(policies),
            **({"PROMETHIOS_SPOOL_DIR": str(self.spool)} if spool else {}),
        }
        self._duplicates = self._count_duplicates()

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start Python with a command, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**self.environment, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, status: int = 0, seconds: float = 60, **environment: str) -> str:
        """Run Python with a command to its end, and give what it printed; nothing may hang or complain."""
        with self.start(*command, **environment) as process:
            try:
                stdout, stderr = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                raise AssertionError(f"it hangs: {process.communicate()}") from None
        assert process.returncode == status, stdout + stderr
        return stdout

    @property
    def ledger(self) -> list[Line]:
        """What the processes wrote down so far."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        lines = (line.split() for line in text.splitlines())
        return [Line(pid, decision, int(seq), verdict, mark) for pid, decision, seq, verdict, mark in lines]

    def verify(
        self, *, signals: bool = True, marked: bool = True, guarded: bool = False
    ) -> Mapping[str, str]:
        """Hold the ledger against the database, and give each process' instance id.

        Args:
            signals: Whether every piece of work also told spans, logs and counts.
            marked: Whether every decision was made in a conversation and a span of its task.
            guarded: Whether guards made decisions of their own, which are not in the ledger.

        Raises:
            AssertionError: A decision is lost, of another process or another piece of work; numbers have a
                gap; two processes share an id; something was sent twice.
        """
        ledger = self.ledger
        mine = " AND d.tool = 'look_up'" if guarded else ""
        decisions = self._wait(len(ledger), f"{_DECISIONS} WHERE d.agent_id = ?{mine}")
        assert sorted(row[0] for row in decisions) == sorted(line.decision for line in ledger)
        if marked:
            _attribute(ledger, decisions)
        instances = _instances(ledger, self.rows(f"{_DECISIONS} WHERE d.agent_id = ?"))
        if signals:
            self._verify_signals(ledger, instances)
        assert self.sent_twice == 0, "something was sent twice"
        return instances

    @property
    def sent_twice(self) -> int:
        """How many items reached the receiver that it had already."""
        return self._count_duplicates() - self._duplicates

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of the database for this name, which the query takes as its parameter."""
        with closing(sqlite3.connect(f"file:{self.receiver.db}?mode=ro", uri=True)) as connection:
            return connection.execute(query, (self.name,)).fetchall()

    def _verify_signals(self, ledger: Sequence[Line], instances: Mapping[str, str]) -> None:
        works = sorted((f"work {line.mark}", instances[line.pid]) for line in ledger)
        spans = self._wait(len(works), f"{_SPANS} AND s.name LIKE 'work %'")
        assert sorted(spans) == works
        logs = self._wait(len(works), _LOGS)
        assert sorted(logs) == works
        points = self._wait(len(instances), _POINTS)
        counted = {(f'{{"pid":{pid}}}', instance) for pid, instance in instances.items()}
        assert {(attributes.replace(" ", ""), instance) for attributes, instance, _ in points} == counted
        assert sum(value for *_, value in points) == len(works)

    def _wait(self, number: int, query: str, seconds: float = 20) -> list[tuple[Any, ...]]:
        """The rows of a query, as soon as there are so many."""
        until = time.monotonic() + seconds
        while len(rows := self.rows(query)) < number and time.monotonic() < until:
            threading.Event().wait(0.05)
        assert len(rows) >= number, f"{len(rows)} of {number} arrived"
        return rows

    def _count_duplicates(self) -> int:
        text = self.receiver.get("/metrics").body.decode()
        return sum(int(value) for value in _DUPLICATES.findall(text))


#: A decision, and the span that it is about.
_DECISIONS: Final = (
    "SELECT d.decision_id, d.instance_id, d.seq, d.conversation_id, r.instance_id, s.name FROM decisions d"
    " LEFT JOIN spans s ON s.span_id = d.span_id AND s.trace_id = d.trace_id"
    " LEFT JOIN resources r ON r.id = s.resource_id"
)
_SPANS: Final = (
    "SELECT s.name, r.instance_id FROM spans s JOIN resources r ON r.id = s.resource_id"
    " WHERE r.service_name = ?"
)
_LOGS: Final = (
    "SELECT l.body, r.instance_id FROM logs l JOIN resources r ON r.id = l.resource_id"
    " WHERE r.service_name = ? AND l.body LIKE 'work %'"
)
_POINTS: Final = (
    "SELECT m.attributes, r.instance_id, max(p.value_int) FROM metric_points p"
    " JOIN metric_series m ON m.id = p.series_id JOIN resources r ON r.id = m.resource_id"
    " WHERE r.service_name = ? AND m.name = 'kinds.work' GROUP BY m.id"
)


def _attribute(ledger: Sequence[Line], decisions: Sequence[tuple[Any, ...]]) -> None:
    """Every decision belongs to the conversation and the span of whoever asked for it."""
    asked = {line.decision: line for line in ledger}
    for decision, _, seq, conversation, _, about in decisions:
        line = asked[decision]
        assert (seq, conversation, about) == (line.seq, line.mark, f"work {line.mark}"), line


def _instances(ledger: Sequence[Line], decisions: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    """The instance of each process: its own, everywhere, with numbers that have no gap."""
    asked = {line.decision: line.pid for line in ledger}
    instances: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, list[int]] = defaultdict(list)
    for decision, instance, seq, _, resource, _ in decisions:
        if decision in asked:
            instances[asked[decision]] |= {instance, resource or instance}
        numbers[instance].append(seq)
    assert all(len(ids) == 1 for ids in instances.values()), instances
    assert len(numbers) == len(instances), "two processes share an instance id"
    for found in numbers.values():
        assert sorted(found) == list(range(1, len(found) + 1)), found
    return {pid: next(iter(ids)) for pid, ids in instances.items()}
