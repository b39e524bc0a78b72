"""A database with many rows, made fast and the same every time but for the moment at which it ends."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table

from promethios.receiver.store import schema
from promethios.receiver.store.sqlite import SQLiteStore

SECOND: Final = 1_000_000_000
#: In a trace: an agent's run, and in it calls of a model and of tools; one of ten spans tells a decision.
_SPANS_IN_TRACE: Final = 10
_LOGS: Final = 0.3
_POINTS: Final = 0.3
_CHUNK: Final = 20_000
_POLICIES: Final = [
    (
        f"policy-{number}",
        ("low", "medium", "high", "critical")[number % 4],
        "shadow" if number % 5 == 4 else "enforce",
        json.dumps([f"EU-AI-Act/Art.{9 + number % 7}", f"ISO-42001/A.{number % 9}"]),
    )
    for number in range(20)
]
_TOOLS: Final = ("search", "read_customer", "refund", "send_email")
#: Provider, model, and what answered: the last one is in no table of prices.
_MODELS: Final = (
    ("openai", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    ("openai", "gpt-4o", "gpt-4o-2024-08-06"),
    ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
    ("home", "own-7b", "own-7b"),
)
#: A bundle is in force for a quarter of the range.
_BUNDLES: Final = 4
#: Of so many agents one said goodbye before the end; each beats every half minute, for the last hour.
_STOPPED: Final = 10
_BEATS: Final = 120
_FILLER: Final = {f"app.attribute.{number}": "x" * 24 for number in range(8)}


@dataclass(frozen=True, slots=True)
class Seed:
    """What a database holds.

    Args:
        spans: How many spans; a tenth of them are decisions, and there are 0.3 logs and metric points each.
        agents: How many agents they belong to.
        hours: The range they are spread over.
        end: When it ends, Unix nanoseconds.
    """

    spans: int
    agents: int
    hours: int
    end: int

    @property
    def start(self) -> int:
        """When it begins, Unix nanoseconds."""
        return self.end - self.hours * 3_600 * SECOND


def seeded(folder: Path, spans: int, agents: int, hours: int) -> tuple[Path, Seed]:
    """A database of this size in `folder`: the one that is there, if it ended lately enough, or a new one.

    Its newest row may be a twentieth of the range old; a question's range begins that much earlier.
    """
    path = folder / f"reads-{spans}-{agents}-{hours}h.db"
    noted = path.with_suffix(".json")
    if path.exists() and noted.exists():
        seed = Seed(**json.loads(noted.read_text()))
        if time.time_ns() - seed.end < hours * 3_600 * SECOND // 20:
            return path, seed
    for old in folder.glob(f"{path.stem}*"):
        old.unlink()
    seed = Seed(spans, agents, hours, time.time_ns())
    _make(path, seed)
    noted.write_text(json.dumps({name: getattr(seed, name) for name in ("spans", "agents", "hours", "end")}))
    return path, seed


def _make(path: Path, seed: Seed) -> None:
    SQLiteStore(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    connection.execute("INSERT INTO tenants (id, name, created_unix_nano) VALUES (1, 'default', 1)")
    statements = {table.name: _insert(table) for table in _FILLED}
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in statements}
    connection.execute("BEGIN")
    for name, row in _rows(seed):
        rows[name].append(row)
        if len(rows[name]) == _CHUNK:
            connection.executemany(statements[name], rows[name])
            rows[name] = []
    for name, left in rows.items():
        connection.executemany(statements[name], left)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


_FILLED: Final = (
    schema.agents,
    schema.resources,
    schema.scopes,
    schema.metric_series,
    schema.spans,
    schema.decisions,
    schema.violations,
    schema.logs,
    schema.metric_points,
    schema.trust_standings,
    schema.heartbeats,
)
_HASHED: Final = (schema.resources, schema.scopes, schema.metric_series)


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name != "id" or table in _HASHED]


def _insert(table: Table) -> str:
    names = _columns(table)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _row(table: Table, **values: Any) -> tuple[str, tuple[Any, ...]]:
    """A row of a table; what is not given and needed is empty."""
    return table.name, tuple(
        values.get(column.name, None if column.nullable else _EMPTY[column.type.python_type])
        for column in table.columns
        if column.name != "id" or table in _HASHED
    )


_EMPTY: Final[dict[type, Any]] = {int: 0, float: 0.0, str: "", bytes: b""}


def _rows(seed: Seed) -> Iterator[tuple[str, tuple[Any, ...]]]:
    chance = random.Random(1)
    names = [f"agent-{number:03}" for number in range(seed.agents)]
    yield _row(schema.scopes, id=1, tenant_id=1, name="bench", attributes="{}")
    for number, name in enumerate(names, start=1):
        known = {"tenant_id": 1, "agent_id": name, "service_name": name}
        yield _row(schema.agents, **known, first_seen_unix_nano=seed.start, last_seen_unix_nano=seed.end)
        told = json.dumps({"service.name": name, "service.owner": f"team-{number % 7}"})
        yield _row(schema.resources, id=number, **known, instance_id=f"i{number}", attributes=told)
        yield from _beats(seed, number, known)
        yield _row(schema.metric_series, id=number, **known, resource_id=number, scope_id=1, attributes="{}")
        yield _row(schema.trust_standings, **known, r=100.0, last_unix_nano=seed.end, decisions=500)
    traces = seed.spans // _SPANS_IN_TRACE
    for trace in range(traces):
        begin = seed.start + (seed.end - seed.start) * trace // traces
        bundle = f"2026.11.{trace * _BUNDLES // traces}"
        yield from _trace(chance, trace, begin, chance.randrange(seed.agents), names, bundle)


def _beats(seed: Seed, number: int, known: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """An agent's heartbeats of the last hour, or until its goodbye half an hour ago."""
    stops = not number % _STOPPED
    last = seed.end - 1_800 * SECOND if stops else seed.end
    for beat in range(_BEATS):
        at = last - (_BEATS - 1 - beat) * 30 * SECOND
        yield _row(
            schema.heartbeats,
            **known,
            instance_id=f"i{number}",
            time_unix_nano=at,
            received_unix_nano=at + SECOND // 100,
            clock_offset_nano=0,
            sequence_num=beat,
            interval_seconds=30.0,
            stopped=int(stops and beat == _BEATS - 1),
            healthy=1,
            mode="enforce",
            bundle_version="2026.11.2",
            sent=beat * 100,
        )


def _trace(
    chance: random.Random, trace: int, begin: int, agent: int, names: list[str], bundle: str
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    trace_id, name = chance.randbytes(16), names[agent]
    ids = [chance.randbytes(8) for _ in range(_SPANS_IN_TRACE)]
    common = {"tenant_id": 1, "trace_id": trace_id, "agent_id": name, "resource_id": agent + 1, "scope_id": 1}
    provider, model, answered = chance.choices(_MODELS, (6, 2, 2, 1))[0]
    for number, span_id in enumerate(ids):
        start = begin + number * 20_000_000
        operation = _OPERATIONS[number]
        decided = operation == "decide"
        attributes = {**_FILLER, "gen_ai.agent.name": name, "gen_ai.operation.name": operation}
        if operation == "chat" and number % 4 == 0:
            attributes["gen_ai.usage.cache_read.input_tokens"] = chance.randrange(500)
        yield _row(
            schema.spans,
            **common,
            span_id=span_id,
            parent_span_id=ids[number - 1] if number else None,
            name="promethios.decide" if decided else f"{operation} step",
            start_unix_nano=start,
            end_unix_nano=start + int(15_000_000 * chance.lognormvariate(0, 0.5)),
            operation="chat" if decided else operation,
            provider=None if operation == "execute_tool" else provider,
            model=None if operation == "execute_tool" else model,
            response_model=answered if operation == "chat" else None,
            status_code=2 if chance.random() < 0.01 else 0,
            tool=chance.choice(_TOOLS) if operation == "execute_tool" else None,
            conversation_id=f"{trace:032x}",
            input_tokens=chance.randrange(2_000) if operation == "chat" else None,
            output_tokens=chance.randrange(500) if operation == "chat" else None,
            attributes=json.dumps(attributes),
            content_hash=chance.randbytes(16),
        )
        if decided:
            yield from _decision(chance, common, ids[number - 1], trace, start, model, bundle)
        for table, share in ((schema.logs, _LOGS), (schema.metric_points, _POINTS)):
            if chance.random() < share:
                yield _item(chance, table, common, span_id, start)


_OPERATIONS: Final = (
    *("invoke_agent", "chat", "decide", "execute_tool", "chat"),
    *("execute_tool", "chat", "execute_tool", "chat", "chat"),
)


def _decision(
    chance: random.Random,
    common: dict[str, Any],
    span_id: bytes,
    trace: int,
    at: int,
    model: str,
    bundle: str,
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    matched = chance.choice(_POLICIES) if chance.random() < 0.15 else None
    verdict = ("flag", "redact", "block")[_POLICIES.index(matched) % 3] if matched else "allow"
    shadow = matched is not None and matched[2] == "shadow"
    told = {
        **common,
        "span_id": span_id,
        "decision_id": f"{trace:032x}",
        "time_unix_nano": at,
        "point": "model.before",
        "enforced": "allow" if shadow else verdict,
        "mode": "shadow" if shadow else "enforce",
        "model": model,
    }
    yield _row(
        schema.decisions,
        **told,
        verdict=verdict,
        seq=trace + 1,
        duration_us=chance.lognormvariate(4.4, 0.6),
        bundle_name="baseline",
        bundle_version=bundle,
        bundle_hash=bundle,
        policies=matched[0] if matched else "",
        reason="not on the list" if matched else "",
    )
    if matched:
        yield _row(
            schema.violations,
            **told,
            policy_id=matched[0],
            policy_version=bundle,
            severity=matched[1],
            action=verdict,
            failed=int(chance.random() < 0.02),
            reason="not on the list",
            controls=matched[3],
            evidence="[]",
        )


def _item(
    chance: random.Random, table: Table, common: dict[str, Any], span_id: bytes, at: int
) -> tuple[str, tuple[Any, ...]]:
    if table is schema.logs:
        return _row(
            table,
            **common,
            span_id=span_id,
            record_hash=chance.randbytes(16),
            time_unix_nano=at,
            severity_number=9,
            severity_text="INFO",
            body="order taken " + "y" * 60,
            attributes=json.dumps(_FILLER),
        )
    return _row(table, tenant_id=1, series_id=common["resource_id"], time_unix_nano=at, value_int=at % 1000)
