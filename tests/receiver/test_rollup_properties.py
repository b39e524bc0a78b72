"""Rollups and what is not in them yet answer what the rows answer, counted one by one in Python."""

from __future__ import annotations

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.rollup_world import HOUR, NOW, World, set_up

from promethios.receiver.access.gate import Principal
from promethios.receiver.api.quantiles import durations, durations_by
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import (
    DECISIONS,
    LOGS,
    MODEL_TIMES,
    OPERATIONS,
    POINTS,
    POLICIES,
    SPANS,
    VIOLATIONS,
)
from promethios.receiver.rollups.fill import fill, uncount
from promethios.receiver.rollups.latency import GROWTH
from promethios.receiver.store import schema
from promethios.receiver.store.sqlite import SQLiteStore

ROUNDS = 4 if os.environ.get("CI") else 2


def _question(chance: random.Random) -> Question:
    end = NOW // 1_000_000 + chance.choice([0, 0, 5_000, -4_000_000, chance.randrange(10**8) - 10**8])
    length = chance.choice([0, 30_000, 90_000, 3_600_000, 6 * 3_600_000, 50 * 3_600_000, 90 * 3_600_000])
    start = end - length
    if chance.random() < 0.3:
        start, end = start // 3_600_000 * 3_600_000, end // 60_000 * 60_000 - 1
    start = min(start, end)
    step = chance.choice([1_000, 20_000, 60_000, 300_000, 3_600_000, 7_200_000, 5_040_000, 86_400_000])
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
    _check_operations(view, world, question)
    _check_policies(view, world, question)
    _check_model_times(view, world, question)
    _check_latest(view, world, question)
    _check_quantiles(view, world, question)


def _cached(row: dict[str, Any], name: str) -> int:
    told = json.loads(row["attributes"] or "{}").get(f"gen_ai.usage.{name}.input_tokens", 0)
    return max(0, told) if isinstance(told, int) else 0


def _check_operations(view: View, world: World, question: Question) -> None:
    """Calls of models and tools, and what else tells tokens, by all that is told of them."""
    keys = ("operation", "provider", "model", "response_model", "tool")
    measures = ("spans", "errors", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in _within(question, view.agent_id, world.spans, "start_unix_nano"):
        used = any(row[name] for name in ("input_tokens", "output_tokens"))
        if row["name"] != "step" or row["operation"] == "invoke_agent" or not (row["operation"] or used):
            continue
        counts = found[row["agent_id"], *(row[name] or "" for name in keys)]
        counts["spans"] += 1
        counts["errors"] += row["status_code"] == 2
        counts["input_tokens"] += min(row["input_tokens"] or 0, 10**9)
        counts["output_tokens"] += row["output_tokens"] or 0
        counts["cache_read_tokens"] += _cached(row, "cache_read")
        counts["cache_write_tokens"] += _cached(row, "cache_creation")
    rows = counted(view, question, OPERATIONS, "agent_id", *keys)
    assert {
        (row["agent_id"], *(row[name] for name in keys)): {name: row[name] for name in measures}
        for row in rows
    } == {key: {name: counts[name] for name in measures} for key, counts in found.items()}


def _check_policies(view: View, world: World, question: Question) -> None:
    keys = ("policy_id", "policy_version", "severity", "action", "mode", "controls")
    found: dict[Any, Counter[str]] = defaultdict(Counter)
    for row in _within(question, view.agent_id, world.violations, "time_unix_nano"):
        counts = found[tuple(row[name] for name in keys)]
        counts["violations"] += 1
        counts["blocked"] += row["enforced"] == "block"
        counts["failed"] += row["failed"]
    rows = counted(view, question, POLICIES, *keys)
    names = ("violations", "blocked", "failed")
    assert {tuple(row[name] for name in keys): {name: row[name] for name in names} for row in rows} == {
        key: {name: counts[name] for name in names} for key, counts in found.items()
    }


def _check_model_times(view: View, world: World, question: Question) -> None:
    values: dict[str, list[float]] = defaultdict(list)
    for row in _within(question, view.agent_id, world.spans, "start_unix_nano"):
        if row["operation"] == "chat" and row["name"] == "step":
            took = max(0, row["end_unix_nano"] - row["start_unix_nano"])
            values[row["model"] or ""].append(took / 1e6)
    found = durations_by(view, question, MODEL_TIMES, "model")
    assert found.keys() == {(model,) for model in values}
    for model, many in values.items():
        many.sort()
        exact = many[(len(many) * 95 + 99) // 100 - 1]
        assert exact / GROWTH**4 <= found[model,]["p95"] <= exact * GROWTH**4


def _check_latest(view: View, world: World, question: Question) -> None:
    rows = counted(view, question, VIOLATIONS, "policy_id")
    latest: dict[str, int] = {}
    for row in _within(question, view.agent_id, world.violations, "time_unix_nano"):
        latest[row["policy_id"]] = max(latest.get(row["policy_id"], 0), row["time_unix_nano"])
    found = {row["policy_id"]: row["last"] for row in rows}
    if not world.deleted:
        assert found == latest
    # Where rows were deleted a bucket goes on to say when its last one was: a day off at most.
    assert {name: found[name] - last for name, last in latest.items() if found[name] - last > 24 * HOUR} == {}


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


#: Each row counts in it, and all but its edges is in the rollups.
_EVERYTHING = Question(0, NOW // 1_000_000 + 10**8, 7_200_000, 100, None, {"agent": ()})


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
            _check(view, world, _EVERYTHING)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_rollups_and_rows_together_answer_what_the_rows_do(store: SQLiteStore, seed: int) -> None:
    world = World(random.Random(seed))
    with store.writer.connect() as connection:
        set_up(connection)
        for _ in range(3):
            world.grow(connection, 40)
            fill(connection, 0, world.chance.choice([1, 7, 30, 1_000, 1_000]))
            _ask_about(store, world, 4)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_is_deleted_is_taken_out(store: SQLiteStore, seed: int) -> None:
    world = World(random.Random(1_000 + seed))
    with store.writer.connect() as connection:
        set_up(connection)
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
