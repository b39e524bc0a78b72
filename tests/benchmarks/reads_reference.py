"""The overview's questions in plain SQL on the rows, as one would write them without rollups."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.reads_seed import Seed

_CALL: Final = (
    "s.operation IN ('chat','text_completion','generate_content','embeddings','execute_tool') "
    "AND s.name <> 'promethios.decide'"
)
_SPANS: Final = f"""
SELECT s.agent_id,
       sum(CASE WHEN {_CALL} THEN s.input_tokens END),
       sum(CASE WHEN {_CALL} THEN s.output_tokens END),
       sum({_CALL}),
       sum({_CALL} AND (s.decision_id IS NOT NULL OR EXISTS (SELECT 1 FROM decisions d
         WHERE d.tenant_id = 1 AND d.trace_id = s.trace_id AND d.span_id = s.span_id))),
       count(DISTINCT r.instance_id)
FROM spans s JOIN resources r ON r.id = s.resource_id
WHERE s.tenant_id = 1 AND s.start_unix_nano BETWEEN :start AND :end AND {{agent}} GROUP BY 1"""
_DECISIONS: Final = """
SELECT agent_id, count(*), sum(enforced = 'block'), max(time_unix_nano), bundle_version FROM decisions s
WHERE tenant_id = 1 AND time_unix_nano BETWEEN :start AND :end AND {agent} GROUP BY 1"""
_VIOLATIONS: Final = """
SELECT agent_id, count(*), sum(severity = 'critical') FROM violations s
WHERE tenant_id = 1 AND time_unix_nano BETWEEN :start AND :end AND {agent} GROUP BY 1"""
_DURATIONS: Final = """
SELECT key, max(duration_us) FILTER (WHERE rank = (number * 95 + 99) / 100) FROM (
  SELECT time_unix_nano / :step AS key, duration_us,
         row_number() OVER (PARTITION BY time_unix_nano / :step ORDER BY duration_us) AS rank,
         count(*) OVER (PARTITION BY time_unix_nano / :step) AS number
  FROM decisions s WHERE tenant_id = 1 AND time_unix_nano BETWEEN :start AND :end AND {agent}) GROUP BY key"""


def _series(table: str, time_column: str, what: str) -> str:
    return (
        f"SELECT {time_column} / :step, {what} FROM {table} s "
        f"WHERE tenant_id = 1 AND {time_column} BETWEEN :start AND :end AND {{agent}} GROUP BY 1"
    )


_POLICIES: Final = """
SELECT policy_id, severity, count(*), sum(enforced = 'block'), count(DISTINCT agent_id), max(time_unix_nano)
FROM violations s WHERE tenant_id = 1 AND time_unix_nano BETWEEN :start AND :end AND {agent} GROUP BY 1, 2"""
_SEEN: Final = """
SELECT agent_id, end_unix_nano / :step, max(end_unix_nano) FROM spans s
WHERE tenant_id = 1 AND start_unix_nano BETWEEN :start AND :end AND {agent} GROUP BY 1, 2"""

#: By path: the statements that together answer it.
REFERENCES: Final[dict[str, tuple[str, ...]]] = {
    "stats": (_SPANS, _DECISIONS, _VIOLATIONS, _DURATIONS.replace(":step", "1000000000000000000")),
    "agents": (_SPANS, _DECISIONS, _VIOLATIONS),
    "violations/by_policy": (_POLICIES,),
    "series/decisions": (_series("decisions", "time_unix_nano", "verdict, count(*)") + ", verdict",),
    "series/violations": (_series("violations", "time_unix_nano", "severity, count(*)") + ", severity",),
    "series/latency": (_DURATIONS,),
    "series/tokens": (_series("spans", "start_unix_nano", f"sum(CASE WHEN {_CALL} THEN input_tokens END)"),),
    "series/ingest": (
        _series("spans", "start_unix_nano", "count(*)"),
        _series("logs", "time_unix_nano", "count(*)"),
        _series("metric_points", "time_unix_nano", "count(*)").replace("{agent}", "1"),
    ),
    "series/liveness": (_SEEN,),
}


def reference(path: Path, seed: Seed, asked: str, agent: str, step_ms: int) -> float:
    """Milliseconds that the statements of a path take, the better of two runs."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    values = {"start": seed.start, "end": time.time_ns(), "step": step_ms * 1_000_000}
    best = float("inf")
    for _ in range(2):
        started = time.perf_counter()
        for statement in REFERENCES[asked]:
            narrowed = "s.agent_id = 'agent-007'" if agent == "one" else "1"
            connection.execute(statement.replace("{agent}", narrowed), values).fetchall()
        best = min(best, (time.perf_counter() - started) * 1000)
    connection.close()
    return round(best, 1)
