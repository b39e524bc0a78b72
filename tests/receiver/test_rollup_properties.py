"""Rollups and what is not in them yet answer what the rows answer, counted one by one in Python."""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from promethios.receiver.access.gate import Principal
from promethios.receiver.api.quantiles import durations
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import DECISIONS, LOGS, POINTS, SPANS, VIOLATIONS
from promethios.receiver.rollups.fill import fill, uncount
from promethios.receiver.rollups.latency import GROWTH
from promethios.receiver.store import schema
from promethios.receiver.store.sqlite import SQLiteStore

ROUNDS = 4 if os.environ.get("CI") else 2
SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
#: Around this moment everything happens, at an odd place of its hour.
NOW = 1_700_000_000 * SECOND + 123_456_789
AGENTS = ("clerk", "idler", "broker")
OPERATIONS = ("chat", "execute_tool", "invoke_agent", None)


@dataclass
class World:
    """Rows as they were stored, and the randomness that makes them."""

    chance: random.Random
    spans: list[dict[str, Any]] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    deleted: bool = False

    def when(self) -> int:
        """Mostly lately, sometimes long ago; often exactly at the edge of a bucket."""
        back = self.chance.choice([600, 3_600, 6 * 3_600, 40 * 3_600]) * SECOND
        moment = NOW - self.chance.randrange(back)
        edge = self.chance.choice([1, 1, 1, 60 * SECOND, HOUR])
        return moment // edge * edge + self.chance.choice([0, 0, -1, 1])

    def grow(self, connection: Connection, number: int) -> None:
        """Store some rows of every kind, in any order of their times."""
        for _ in range(number):
            self._span(connection)
            if self.chance.random() < 0.5:
                self._decision(connection)
            for table, kept in ((schema.logs, self.logs), (schema.metric_points, self.points)):
                if self.chance.random() < 0.4:
                    self._item(connection, table, kept)

    def _span(self, connection: Connection) -> None:
        start = self.when()
        row = {
            "trace_id": self.chance.randbytes(16),
            "span_id": self.chance.randbytes(8),
            "resource_id": self.chance.choice([1, 2, 3]),
            "name": self.chance.choice(["step", "step", "promethios.decide"]),
            "start_unix_nano": start,
            "end_unix_nano": start + 1,
            "agent_id": self.chance.choice(AGENTS),
            "operation": self.chance.choice(OPERATIONS),
            "input_tokens": self.chance.choice([None, 7, 2**62]),
            "output_tokens": self.chance.choice([None, 3]),
            "decision_id": self.chance.choice([None, None, None, "stamped"]),
        }
        self._insert(connection, schema.spans, row, self.spans)

    def _decision(self, connection: Connection) -> None:
        """About a span of before, of later, or of none; sometimes the second one about the same."""
        of = self.chance.choice(self.spans) if self.spans and self.chance.random() < 0.8 else None
        row = {
            "decision_id": self.chance.randbytes(8).hex(),
            "time_unix_nano": self.when(),
            "agent_id": self.chance.choice(AGENTS),
            "verdict": self.chance.choice(["allow", "block"]),
            "enforced": self.chance.choice(["allow", "block"]),
            "duration_us": self.chance.choice([0.0, 0.5, 80.5, self.chance.lognormvariate(4, 1)]),
            "trace_id": of["trace_id"] if of else self.chance.randbytes(16),
            "span_id": of["span_id"] if of else self.chance.randbytes(8),
        }
        self._insert(connection, schema.decisions, row, self.decisions)
        if row["verdict"] == "block":
            match = {
                **{name: row[name] for name in ("decision_id", "time_unix_nano", "agent_id", "enforced")},
                "policy_id": self.chance.choice(["p1", "p2"]),
                "severity": self.chance.choice(["low", "critical"]),
            }
            self._insert(connection, schema.violations, match, self.violations)
        if self.chance.random() < 0.3:
            # What comes before its span.
            ahead = {**row, "decision_id": self.chance.randbytes(8).hex()}
            ahead |= {"trace_id": self.chance.randbytes(16), "span_id": self.chance.randbytes(8)}
            self._insert(connection, schema.decisions, ahead, self.decisions)
            self._span(connection)
            late = self.spans[-1]
            connection.execute(
                schema.spans.update()
                .where(schema.spans.c.id == late["id"])
                .values(trace_id=ahead["trace_id"], span_id=ahead["span_id"])
            )
            late |= {"trace_id": ahead["trace_id"], "span_id": ahead["span_id"]}

    def _item(self, connection: Connection, table: Any, kept: list[dict[str, Any]]) -> None:
        row = {"time_unix_nano": self.when(), "agent_id": self.chance.choice(AGENTS)}
        if table is schema.metric_points:
            row["series_id"] = AGENTS.index(row["agent_id"]) + 1
        self._insert(connection, table, row, kept)

    def _insert(
        self, connection: Connection, table: Any, row: dict[str, Any], kept: list[dict[str, Any]]
    ) -> None:
        """Store a row, with something in every column that needs it; a second time it must not count."""
        values = {
            column.name: row.get(column.name, _something(column, self.chance))
            for column in table.columns
            if column.name != "id" and (column.name in row or not column.nullable)
        }
        # Another tenant's rows are about the same spans, and count for nobody here.
        values["tenant_id"] = self.chance.choice([1, 1, 1, 1, 2])
        statement = table.insert().prefix_with("OR IGNORE").values(values)
        first = connection.execute(statement)
        if first.rowcount and values["tenant_id"] == 1:
            kept.append({**row, "id": first.lastrowid})
        if self.chance.random() < 0.3:
            assert connection.execute(statement).rowcount == 0


def _something(column: Any, chance: random.Random) -> Any:
    kind = column.type.python_type
    return chance.randbytes(8) if kind is bytes else kind(0) if kind is not str else ""


def _setup(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'a', 0), (2, 'b', 0)"
    )
    for number, instance in enumerate(("i1", "i2", "i2"), start=1):
        connection.exec_driver_sql("INSERT INTO resources VALUES (?, 1, 'shop', ?, '{}')", (number, instance))
    for number, agent in enumerate(AGENTS, start=1):
        connection.exec_driver_sql(
            "INSERT INTO metric_series VALUES (?, 1, 1, 1, ?, 'n', '', '', 'gauge', 0, 0, '{}')",
            (number, agent),
        )


def _question(chance: random.Random) -> Question:
    end = NOW // 1_000_000 + chance.choice([0, 0, 5_000, -4_000_000, chance.randrange(10**8) - 10**8])
    length = chance.choice([0, 30_000, 90_000, 3_600_000, 6 * 3_600_000, 50 * 3_600_000])
    start = end - length
    if chance.random() < 0.3:
        start, end = start // 3_600_000 * 3_600_000, end // 60_000 * 60_000 - 1
    start = min(start, end)
    step = chance.choice([1_000, 20_000, 60_000, 300_000, 3_600_000, 7_200_000, 5_040_000])
    agents = chance.choice([(), (), ("clerk",), ("clerk", "broker"), ("nobody",)])
    return Question(start, end, step, 100, None, {"agent": agents})


def _within(question: Question, agent: str | None, rows: list[dict[str, Any]], time: str) -> Any:
    for row in rows:
        if question.start <= row[time] // 1_000_000 <= question.end:
            asked = question.filters["agent"]
            if (not asked or row["agent_id"] in asked) and agent in (None, row["agent_id"]):
                yield row


def _spans(world: World, question: Question, agent: str | None) -> dict[Any, Counter[str]]:
    decided = {(row["trace_id"], row["span_id"]) for row in world.decisions}
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in _within(question, agent, world.spans, "start_unix_nano"):
        counts = found[row["agent_id"], row["resource_id"]]
        counts["spans"] += 1
        own = row["name"] != "promethios.decide"
        if row["operation"] in ("chat", "execute_tool") and own:
            counts["calls"] += 1
            counts["governed"] += bool(row["decision_id"] or (row["trace_id"], row["span_id"]) in decided)
        if row["operation"] != "invoke_agent" and own:
            counts["input_tokens"] += min(row["input_tokens"] or 0, 10**9)
            counts["output_tokens"] += row["output_tokens"] or 0
    return found


def _stepped(
    question: Question, agent: str | None, rows: list[dict[str, Any]], time: str, *labels: str
) -> dict[Any, int]:
    return Counter(
        (row[time] // 1_000_000 // question.step * question.step, *(row[label] for label in labels))
        for row in _within(question, agent, rows, time)
    )


def _check(view: View, world: World, question: Question) -> None:
    agent = view.agent_id
    rows = counted(view, question, SPANS, "agent_id", "resource_id")
    names = ("spans", "calls", "governed", "input_tokens", "output_tokens")
    assert {(row["agent_id"], row["resource_id"]): {name: row[name] for name in names} for row in rows} == {
        key: {name: counts[name] for name in names} for key, counts in _spans(world, question, agent).items()
    }
    for rollup, kept, time, labels, number in (
        (SPANS, world.spans, "start_unix_nano", (), "spans"),
        (DECISIONS, world.decisions, "time_unix_nano", ("verdict",), "decisions"),
        (VIOLATIONS, world.violations, "time_unix_nano", ("severity", "policy_id"), "violations"),
        (LOGS, world.logs, "time_unix_nano", (), "items"),
        (POINTS, world.points, "time_unix_nano", (), "items"),
    ):
        rows = counted(view, question, rollup, "at", *labels, step=question.step)
        got = {(row["at"], *(row[label] for label in labels)): row[number] for row in rows}
        assert got == _stepped(question, agent, kept, time, *labels)
    _check_latest(view, world, question)
    _check_quantiles(view, world, question)


def _check_latest(view: View, world: World, question: Question) -> None:
    rows = counted(view, question, VIOLATIONS, "policy_id")
    latest: dict[str, int] = {}
    for row in _within(question, view.agent_id, world.violations, "time_unix_nano"):
        latest[row["policy_id"]] = max(latest.get(row["policy_id"], 0), row["time_unix_nano"])
    found = {row["policy_id"]: row["last"] for row in rows}
    if not world.deleted:
        assert found == latest
    # Where rows were deleted a bucket goes on to say when its last one was: an hour off at most.
    assert {name: found[name] - last for name, last in latest.items() if found[name] - last > HOUR} == {}


def _check_quantiles(view: View, world: World, question: Question) -> None:
    values: dict[int, list[float]] = defaultdict(list)
    for row in _within(question, view.agent_id, world.decisions, "time_unix_nano"):
        values[row["time_unix_nano"] // 1_000_000 // question.step * question.step].append(row["duration_us"])
    found = durations(view, question, question.step)
    assert found.keys() == values.keys()
    for at, many in values.items():
        many.sort()
        for name, part in (("p50", 50), ("p95", 95), ("p99", 99)):
            exact = many[(len(many) * part + 99) // 100 - 1]
            assert exact / GROWTH <= found[at][name] <= exact * GROWTH


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """A database without the receiver's chores: a test fills the rollups as far as it wants."""
    opened = SQLiteStore(tmp_path / "rollups.db")
    yield opened
    opened.close()


def _ask_about(store: SQLiteStore, world: World, questions: int) -> None:
    for agent in (None, "clerk"):
        with store.readers.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            view = View(connection, Principal("k", 1, frozenset(), agent))
            for _ in range(questions):
                _check(view, world, _question(world.chance))


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_rollups_and_rows_together_answer_what_the_rows_do(store: SQLiteStore, seed: int) -> None:
    world = World(random.Random(seed))
    with store.writer.connect() as connection:
        _setup(connection)
        for _ in range(3):
            world.grow(connection, 40)
            fill(connection, 0, world.chance.choice([1, 7, 30, 1_000]))
            _ask_about(store, world, 4)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_is_deleted_is_taken_out(store: SQLiteStore, seed: int) -> None:
    world = World(random.Random(1_000 + seed))
    with store.writer.connect() as connection:
        _setup(connection)
        world.grow(connection, 120)
        fill(connection, 0, world.chance.choice([30, 80, 1_000]))
        for table, kept in (
            (schema.spans, world.spans),
            (schema.decisions, world.decisions),
            (schema.violations, world.violations),
            (schema.logs, world.logs),
        ):
            # The newest row stays: ids only grow.
            last = kept[world.chance.randrange(len(kept) - 1)]["id"]
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            uncount(connection, table, 0, last)
            connection.execute(table.delete().where(table.c.id <= last))
            connection.exec_driver_sql("COMMIT")
            world.deleted = True
            kept[:] = [row for row in kept if row["id"] > last]
            _ask_about(store, world, 2)
        world.grow(connection, 10)
        while not fill(connection):
            pass
        _ask_about(store, world, 4)
