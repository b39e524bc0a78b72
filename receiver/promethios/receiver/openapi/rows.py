"""What a row of each route's answer holds: the names of its columns, and what differs from `COLUMNS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.receiver.openapi import alerting
from promethios.receiver.openapi.columns import COLUMNS, Schema, moment, or_null, real, row, text, whole
from promethios.receiver.openapi.lists import LISTED
from promethios.receiver.problems import PROBLEMS


def _counts(about: str, *names: str) -> dict[str, Schema]:
    return {name: whole(about) for name in names}


_MICROSECONDS: Final = or_null(real("Duration of a decision, microseconds; null without decisions"))
_TRUST: Final = (
    "agent_id score tier bound evidence alarmed method updated decisions good bad change"  # how it stands
)

_AGENT: Final = (
    "agent_id service_name status state trust tier first_seen last_seen decisions blocked redacted flagged "
    "violations input_tokens output_tokens calls governed cost_usd p95_us owner last_bundle_version "
    "instances heartbeat uptime clock_offset adapters last_error queued spooled sent dropped own_governed "
    "own_ungoverned processes"
)
#: What an agent says of itself; null where it sends no heartbeats, or leaves it out of them.
_TOLD: Final[Mapping[str, Schema]] = {
    "mode": or_null(text("enforce; shadow where every policy is; none without policies")),
    "bundle_name": or_null(text("The policies that are in force")),
    "bundle_version": or_null(text("Their version")),
    "bundle_hash": or_null(text("The SHA-256 of their text, hexadecimal")),
}

#: By the path under ``/api/v1/``.
ROWS: Final[Mapping[str, dict[str, Any]]] = {
    "status": row(
        "version schema store started spans metric_points logs decisions violations agents last_ingest"
    ),
    "agents": row(_AGENT, **_TOLD),
    "agents/<path:agent_id>": row(_AGENT, **_TOLD),
    "violations/by_policy": row("policy_id severity violations blocked agents last_seen"),
    "violations/by_agent": row(
        "agent_id trust violations critical high medium low blocked",
        last_seen=or_null(moment("When its last violation was; null without")),
    ),
    "policies": row(
        "policy_id severity action mode controls violations blocked redacted flagged approved shadow failed "
        "agents first_seen last_seen",
        version=text("The version of the policies that it is of"),
        first_seen=moment("When it matched first in the range"),
        last_seen=moment("When it matched last"),
    ),
    "coverage": row("agent_id calls governed ungoverned share last_ungoverned"),
    "models": row(
        "provider calls input_tokens output_tokens cost_usd p95_ms last_seen agents",
        model=text("The model that was asked for; empty where spans do not tell"),
        errors=whole("Calls that failed"),
    ),
    "stats": row(
        "agents decisions blocked redacted flagged violations critical errors shadow calls ungoverned "
        "coverage input_tokens output_tokens cost_usd lowest_trust",
        **_counts("Agents in this state", "agents_live", "agents_stale", "agents_down", "agents_stopped"),
        p50_us=_MICROSECONDS,
        p95_us=_MICROSECONDS,
        p99_us=_MICROSECONDS,
    ),
    "series/decisions": row("time verdict value"),
    "series/violations": row("time severity value"),
    "series/latency": row("time quantile", value=_MICROSECONDS),
    "series/tokens": row("time direction value"),
    "series/ingest": row("time signal value"),
    "series/liveness": row(
        "time agent_id",
        value={"enum": [0, 1, 2, 3], "description": "3 is stopped, 2 live, 1 stale, 0 down"},
    ),
    "series/violations_by_policy": row(
        "time value", policy_id=text("The policy, of the ten that matched most; `other` for the rest")
    ),
    "series/shadow": row(
        "time value", mode=text("Whether the policy is enforced", enum=["enforced", "shadow"])
    ),
    "series/errors": row(
        "time value",
        kind=text(
            "What failed: evaluating a policy, a call of a model, or one of a tool",
            enum=["policy", "model", "tool"],
        ),
    ),
    "series/latency_buckets": row(
        "time value",
        le=text("How long these decisions took at most, microseconds; and longer than the bound below"),
    ),
    "series/coverage": row(
        "time value",
        kind=text("Whether a decision was made for the calls", enum=["governed", "ungoverned"]),
    ),
    "series/cost": row(
        "time",
        agent_id=text("The agent, of the ten that spent most; `other` for the rest"),
        value=COLUMNS["cost_usd"],
    ),
    "series/trust": row("time agent_id", value=or_null(COLUMNS["score"])),
    "trust": row(_TRUST),
    "trust/<path:agent_id>": row(_TRUST),
    "traces/<trace_id>": row(
        "agent_id",
        traceID=text("The trace, 32 hexadecimal digits"),
        spanID=text("The span, 16 hexadecimal digits"),
        parentSpanID=text("The span's parent; empty for a root"),
        operationName=text("The span's name"),
        serviceName=text("The service's name; empty where it is not known"),
        startTime=real("When it began, Unix milliseconds"),
        duration=real("How long it took, milliseconds"),
        statusCode={"enum": [0, 1, 2], "description": "0 unset, 1 ok, 2 error"},
        statusMessage=text("What the error was"),
        kind=whole("OTLP's kind of span"),
        scope=text("What instrumented it"),
        decision_id=or_null(COLUMNS["decision_id"]),
        verdict=or_null(text("What was decided")),
        attributes={"type": "object", "description": "The span's attributes"},
        events={"type": "array", "items": {"type": "object"}, "description": "The span's events"},
    ),
    "keys": row("key_id tenant environment scopes agent created expires revoked last_used replaces"),
    **LISTED,
    **alerting.rows(),
    "tenants": row("tenant created last_ingest quota_bytes_per_minute quota_items_per_minute"),
}

#: What one agent has beside its row.
DETAILED: Final[Mapping[str, Any]] = {
    "processes": {
        "type": "array",
        "description": "Its processes that were heard of in the range, the last heard first",
        "items": row(
            "heartbeat uptime clock_offset adapters last_error queued spooled sent dropped own_governed "
            "own_ungoverned",
            instance_id=text("The process"),
            state=text("What became of it", enum=["alive", "stopped", "missing", "dead"]),
            **_TOLD,
        ),
    },
    "dropped": {
        "type": "array",
        "description": "What its delivery lost, the most first",
        "items": row("", reason=text("Why"), items=whole("How many spans, points and records")),
    },
}

#: What the explanation of a score has beside its row.
EXPLAINED: Final[Mapping[str, Any]] = {
    "decisions": {
        "type": "array",
        "description": "The decisions that weigh most, the heaviest first",
        "items": row(
            "time decision_id verdict enforced policies reason point model tool trace_id",
            points=whole("How many points the score would be higher without it"),
            weight=real("What it weighed"),
            left=real("What has not faded of it"),
        ),
    },
    "advice": {
        "type": "array",
        "description": "What would raise the score",
        "items": row("", text=text("A sentence")),
    },
}

#: What an accepted request of plain JSON is told.
ACCEPTED: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "accepted": whole("How many objects were taken"),
        "message": text("What should be known about them"),
    },
    "required": ["accepted"],
    "additionalProperties": False,
}

#: What an agent that sends plain JSON is told about its key.
HEALTH: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "status": text("The receiver can store what this key sends", enum=["ok"]),
        "agent_id": or_null(text("The agent that the key speaks for; null for any")),
    },
    "required": ["status", "agent_id"],
    "additionalProperties": False,
}

#: RFC 9457.
PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "type": text("What kind it is, steady for programs", enum=[each.type for each in PROBLEMS.values()]),
        "title": text("The kind in words"),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": text("What was wrong, and what to do"),
    },
    "required": ["type", "title", "status", "detail"],
}

#: The answer to who makes a key.
CREATED_KEY: Final[Mapping[str, Any]] = row("key_id", key=text("The key itself: it is shown this once"))

#: The answer to who rotates one.
ROTATED_KEY: Final[Mapping[str, Any]] = row(
    "key_id replaces", key=text("The new key itself: it is shown this once")
)

__all__ = [
    "ACCEPTED",
    "CREATED_KEY",
    "DETAILED",
    "EXPLAINED",
    "HEALTH",
    "PROBLEM",
    "ROTATED_KEY",
    "ROWS",
    "moment",
    "row",
]
