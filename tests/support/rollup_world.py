"""Rows of every kind, stored in any order and about any time, and what was stored as Python knows it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from promethios.receiver.store import schema

SECOND: Final = 1_000_000_000
HOUR: Final = 3_600 * SECOND
#: Around this moment everything happens, at an odd place of its hour.
NOW: Final = 1_700_000_000 * SECOND + 123_456_789
AGENTS: Final = ("clerk", "idler", "broker")
OPERATIONS: Final = ("chat", "execute_tool", "invoke_agent", None)
#: What spans tell of cached tokens, whether it can be believed or not.
CACHED: Final = (
    *("{}", "", '{"gen_ai.usage.cache_read.input_tokens":5}'),
    '{"gen_ai.usage.cache_read.input_tokens":"x","gen_ai.usage.cache_creation.input_tokens":2}',
    '{"gen_ai.usage.cache_read.input_tokens":-3,"gen_ai.usage.cache_creation.input_tokens":2.5}',
    '{"note":"gen_ai.usage.cache_read.input_tokens"}',
)


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
            "provider": self.chance.choice([None, "openai"]),
            "model": self.chance.choice([None, "gpt-4o", "own"]),
            "response_model": self.chance.choice([None, "gpt-4o-2024-08-06"]),
            "tool": self.chance.choice([None, "refund"]),
            "status_code": self.chance.choice([0, 1, 2]),
            "attributes": self.chance.choice(CACHED),
        }
        row["end_unix_nano"] += self.chance.choice([-7, 0, int(self.chance.lognormvariate(18, 2))])
        self._insert(connection, schema.spans, row, self.spans)

    def _decision(self, connection: Connection) -> None:
        """About a span of before, of later, or of none; sometimes the second one about the same."""
        of = self.chance.choice(self._subjects()) if self.spans and self.chance.random() < 0.8 else None
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
                "policy_version": self.chance.choice(["1", "2"]),
                "action": self.chance.choice(["flag", "block"]),
                "mode": self.chance.choice(["enforce", "shadow"]),
                "failed": self.chance.choice([0, 1]),
                "controls": self.chance.choice(["[]", '["A/1"]']),
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

    def _subjects(self) -> list[dict[str, Any]]:
        """Often calls that nobody decided about yet: what a decision changes, counted already or not."""
        decided = {row["trace_id"] for row in self.decisions}
        calls = [row for row in self.spans if _waits(row) and row["trace_id"] not in decided]
        return calls if calls and self.chance.random() < 0.5 else self.spans

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


def _waits(span: dict[str, Any]) -> bool:
    call = span["operation"] in ("chat", "execute_tool") and span["name"] == "step"
    return call and span["decision_id"] is None


def _something(column: Any, chance: random.Random) -> Any:
    kind = column.type.python_type
    return chance.randbytes(8) if kind is bytes else kind(0) if kind is not str else ""


def set_up(connection: Connection) -> None:
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
