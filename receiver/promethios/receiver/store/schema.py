"""The tables as SQLAlchemy Core knows them, for reading and for writing rows.

The migrations in `migrations/versions` make them; a test compares the two. Every row carries its
``tenant_id``. Times are integers, Unix nanoseconds; trace and span ids are blobs (views show them in hex);
what is asked for often is a column, the rest is JSON text. Tables with wide rows are rowid tables with a
unique index: a ``WITHOUT ROWID`` table with a random key is three times slower to fill.

``resources.id``, ``scopes.id`` and ``metric_series.id`` are not counted up: they are the first 63 bits of a
hash over tenant and content, so that a row knows the id before it meets the database.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

#: A 64-bit integer; SQLite wants the plain word for a primary key that is the rowid.
Int64: Final = BigInteger().with_variant(Integer, "sqlite")

metadata: Final = MetaData()


def _id() -> Column[int]:
    return Column("id", Int64, primary_key=True)


def _tenant() -> Column[int]:
    return Column("tenant_id", Int64, ForeignKey("tenants.id"), nullable=False)


tenants: Final = Table(
    "tenants",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("created_unix_nano", Int64, nullable=False),
    Column("last_ingest_unix_nano", Int64),
    Column("quota_bytes_per_minute", Int64),
    Column("quota_items_per_minute", Int64),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    _id(),
    _tenant(),
    Column("key_id", Text, nullable=False, unique=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("environment", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("agent_id", Text),
    Column("created_unix_nano", Int64, nullable=False),
    Column("expires_unix_nano", Int64),
    Column("revoked_unix_nano", Int64),
    Column("last_used_unix_nano", Int64),
    Column("replaces", Text),
)

agents: Final = Table(
    "agents",
    metadata,
    _id(),
    _tenant(),
    Column("agent_id", Text, nullable=False),
    Column("service_name", Text, nullable=False),
    Column("first_seen_unix_nano", Int64, nullable=False),
    Column("last_seen_unix_nano", Int64, nullable=False),
    UniqueConstraint("tenant_id", "agent_id", name="uq_agents"),
)

heartbeats: Final = Table(
    "heartbeats",
    metadata,
    _id(),
    _tenant(),
    Column("agent_id", Text, nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("time_unix_nano", Int64, nullable=False),
    Column("value", Float),
    #: By the receiver's clock; what follows is null where a heartbeat does not say.
    Column("received_unix_nano", Int64),
    #: How far the agent's clock is ahead of the receiver's, less what the heartbeat was on its way.
    Column("clock_offset_nano", Int64),
    Column("sequence_num", Int64),
    Column("start_unix_nano", Int64),
    Column("uptime_seconds", Float),
    Column("interval_seconds", Float),
    Column("stopped", Integer),
    Column("healthy", Integer),
    Column("last_error", Text),
    Column("mode", Text),
    Column("bundle_name", Text),
    Column("bundle_version", Text),
    Column("bundle_hash", Text),
    Column("adapters", Text),
    Column("governed", Int64),
    Column("ungoverned", Int64),
    Column("queued", Int64),
    Column("spooled", Int64),
    Column("sent", Int64),
    Column("dropped", Int64),
    Column("dropped_by", Text),
    UniqueConstraint("tenant_id", "agent_id", "instance_id", "time_unix_nano", name="uq_heartbeats"),
    Index("ix_heartbeats_time", "tenant_id", "time_unix_nano"),
    Index(
        "ix_heartbeats_stopped",
        "tenant_id",
        "agent_id",
        "time_unix_nano",
        sqlite_where=text("stopped = 1"),
    ),
    Index(
        "ix_heartbeats_received",
        "tenant_id",
        "agent_id",
        "received_unix_nano",
        sqlite_where=text("received_unix_nano IS NOT NULL"),
    ),
)

resources: Final = Table(
    "resources",
    metadata,
    _id(),
    _tenant(),
    Column("service_name", Text, nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("attributes", Text, nullable=False),
)

scopes: Final = Table(
    "scopes",
    metadata,
    _id(),
    _tenant(),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("attributes", Text, nullable=False),
)

spans: Final = Table(
    "spans",
    metadata,
    _id(),
    _tenant(),
    Column("trace_id", LargeBinary, nullable=False),
    Column("span_id", LargeBinary, nullable=False),
    Column("parent_span_id", LargeBinary),
    Column("resource_id", Int64, nullable=False),
    Column("scope_id", Int64, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("start_unix_nano", Int64, nullable=False),
    Column("end_unix_nano", Int64, nullable=False),
    Column("status_code", Integer, nullable=False),
    Column("status_message", Text, nullable=False),
    Column("trace_state", Text, nullable=False),
    Column("flags", Int64, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("operation", Text),
    Column("provider", Text),
    Column("model", Text),
    Column("response_model", Text),
    Column("tool", Text),
    Column("conversation_id", Text),
    Column("input_tokens", Int64),
    Column("output_tokens", Int64),
    Column("decision_id", Text),
    Column("verdict", Text),
    Column("enforced", Text),
    Column("attributes", Text, nullable=False),
    Column("events", Text),
    Column("links", Text),
    Column("content_hash", LargeBinary, nullable=False),
    UniqueConstraint("tenant_id", "trace_id", "span_id", name="uq_spans"),
    Index("ix_spans_start", "tenant_id", "start_unix_nano"),
    Index("ix_spans_agent", "tenant_id", "agent_id", "start_unix_nano"),
    Index("ix_spans_tool", "tenant_id", "tool", "start_unix_nano", sqlite_where=text("tool IS NOT NULL")),
    Index("ix_spans_error", "tenant_id", "start_unix_nano", sqlite_where=text("status_code = 2")),
)

metric_series: Final = Table(
    "metric_series",
    metadata,
    _id(),
    _tenant(),
    Column("resource_id", Int64, nullable=False),
    Column("scope_id", Int64, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("temporality", Integer, nullable=False),
    Column("monotonic", Integer, nullable=False),
    Column("attributes", Text, nullable=False),
    Index("ix_metric_series_name", "tenant_id", "name"),
)

metric_points: Final = Table(
    "metric_points",
    metadata,
    _id(),
    _tenant(),
    Column("series_id", Int64, nullable=False),
    Column("time_unix_nano", Int64, nullable=False),
    Column("start_unix_nano", Int64, nullable=False),
    Column("value_int", Int64),
    Column("value_double", Float),
    Column("count", Int64),
    Column("sum", Float),
    Column("min", Float),
    Column("max", Float),
    Column("distribution", Text),
    Column("exemplars", Text),
    Column("flags", Int64, nullable=False),
    UniqueConstraint("tenant_id", "series_id", "time_unix_nano", name="uq_metric_points"),
    Index("ix_metric_points_time", "tenant_id", "time_unix_nano"),
)

logs: Final = Table(
    "logs",
    metadata,
    _id(),
    _tenant(),
    Column("record_hash", LargeBinary, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("resource_id", Int64, nullable=False),
    Column("scope_id", Int64, nullable=False),
    Column("time_unix_nano", Int64, nullable=False),
    Column("observed_unix_nano", Int64, nullable=False),
    Column("severity_number", Integer, nullable=False),
    Column("severity_text", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("body", Text),
    Column("event_name", Text, nullable=False),
    Column("trace_id", LargeBinary),
    Column("span_id", LargeBinary),
    Column("flags", Int64, nullable=False),
    Column("attributes", Text, nullable=False),
    UniqueConstraint("tenant_id", "record_hash", "ordinal", name="uq_logs"),
    Index("ix_logs_time", "tenant_id", "time_unix_nano"),
    Index("ix_logs_agent_time", "tenant_id", "agent_id", "time_unix_nano"),
)

decisions: Final = Table(
    "decisions",
    metadata,
    _id(),
    _tenant(),
    Column("decision_id", Text, nullable=False),
    Column("time_unix_nano", Int64, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("seq", Int64, nullable=False),
    Column("point", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("enforced", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("operation", Text),
    Column("provider", Text),
    Column("model", Text),
    Column("tool", Text),
    Column("conversation_id", Text),
    Column("duration_us", Float, nullable=False),
    Column("bundle_name", Text, nullable=False),
    Column("bundle_version", Text, nullable=False),
    Column("bundle_hash", Text, nullable=False),
    Column("policies", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("trace_id", LargeBinary, nullable=False),
    Column("span_id", LargeBinary, nullable=False),
    Column("weight", Float, nullable=False, server_default="0"),
    #: Empty for a decision of Promethios; else in whose words another system told it.
    Column("dialect", Text, nullable=False, server_default=""),
    UniqueConstraint("tenant_id", "decision_id", name="uq_decisions"),
    Index("ix_decisions_time", "tenant_id", "time_unix_nano"),
    Index("ix_decisions_agent", "tenant_id", "agent_id"),
    Index("ix_decisions_agent_time", "tenant_id", "agent_id", "time_unix_nano"),
    Index("ix_decisions_span", "tenant_id", "trace_id", "span_id"),
    Index(
        "ix_decisions_conversation",
        "tenant_id",
        "conversation_id",
        "time_unix_nano",
        sqlite_where=text("conversation_id IS NOT NULL"),
    ),
)

violations: Final = Table(
    "violations",
    metadata,
    _id(),
    _tenant(),
    Column("decision_id", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("time_unix_nano", Int64, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("policy_id", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("detector", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("enforced", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("controls", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("point", Text, nullable=False),
    Column("model", Text),
    Column("tool", Text),
    Column("trace_id", LargeBinary, nullable=False),
    Column("span_id", LargeBinary, nullable=False),
    Column("weight", Float, nullable=False, server_default="0"),
    UniqueConstraint("tenant_id", "decision_id", "ordinal", name="uq_violations"),
    Index("ix_violations_time", "tenant_id", "time_unix_nano"),
    Index("ix_violations_agent_time", "tenant_id", "agent_id", "time_unix_nano"),
)

#: How each agent stands: the state that its next decision goes on from.
trust_standings: Final = Table(
    "trust_standings",
    metadata,
    _id(),
    _tenant(),
    Column("agent_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("r", Float, nullable=False),
    Column("s", Float, nullable=False),
    Column("g", Float, nullable=False),
    Column("last_unix_nano", Int64, nullable=False),
    Column("alarmed", Integer, nullable=False),
    Column("decisions", Int64, nullable=False),
    Column("position", Int64, nullable=False),
    Column("told_score", Integer, nullable=False),
    Column("told_alarmed", Integer, nullable=False),
    UniqueConstraint("tenant_id", "agent_id", name="uq_trust_standings"),
)

#: How each agent stood: a row where the score has moved, or an alarm was raised, calmed or acknowledged.
trust_scores: Final = Table(
    "trust_scores",
    metadata,
    _id(),
    _tenant(),
    Column("agent_id", Text, nullable=False),
    Column("time_unix_nano", Int64, nullable=False),
    Column("score", Integer, nullable=False),
    Column("bound", Float, nullable=False),
    Column("evidence", Float, nullable=False),
    Column("method", Text, nullable=False),
    Column("r", Float, nullable=False),
    Column("s", Float, nullable=False),
    Column("g", Float, nullable=False),
    Column("last_unix_nano", Int64, nullable=False),
    Column("alarmed", Integer, nullable=False),
    Column("decisions", Int64, nullable=False),
    Column("position", Int64, nullable=False),
    Column("cause", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("weight", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_trust_scores_agent", "tenant_id", "agent_id", "time_unix_nano"),
    Index("ix_trust_scores_time", "tenant_id", "time_unix_nano"),
)

#: How each agent stood after the last of its decisions that retention has deleted: where trust is computed
#: from, when it is computed again.
trust_bases: Final = Table(
    "trust_bases",
    metadata,
    _id(),
    _tenant(),
    Column("agent_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("r", Float, nullable=False),
    Column("s", Float, nullable=False),
    Column("g", Float, nullable=False),
    Column("last_unix_nano", Int64, nullable=False),
    Column("alarmed", Integer, nullable=False),
    Column("decisions", Int64, nullable=False),
    Column("position", Int64, nullable=False),
    Column("told_score", Integer, nullable=False),
    Column("told_alarmed", Integer, nullable=False),
    UniqueConstraint("tenant_id", "agent_id", name="uq_trust_bases"),
)

#: How much time has passed, whatever clocks were set to: one row. See `maintenance/clock.py`.
steady_clock: Final = Table(
    "steady_clock",
    metadata,
    _id(),
    Column("boot", Text, nullable=False),
    Column("boot_nano", Int64, nullable=False),
    Column("wall_unix_nano", Int64, nullable=False),
    Column("steady_unix_nano", Int64, nullable=False),
    Column("jump_nano", Int64, nullable=False),
    Column("jumped_unix_nano", Int64, nullable=False),
)

#: Which rows had been received by when: ids up to these, by table. See `maintenance/marks.py`.
received_marks: Final = Table(
    "received_marks",
    metadata,
    _id(),
    Column("steady_unix_nano", Int64, nullable=False),
    Column("wall_unix_nano", Int64, nullable=False),
    Column("spans", Int64, nullable=False),
    Column("metric_points", Int64, nullable=False),
    Column("logs", Int64, nullable=False),
    Column("heartbeats", Int64, nullable=False),
    Column("decisions", Int64, nullable=False),
    Column("violations", Int64, nullable=False),
)


def _uses(name: str) -> Table:
    return Table(
        name,
        metadata,
        _id(),
        Column("spans", Int64, nullable=False),
        Column("logs", Int64, nullable=False),
    )


#: The latest span and log record that name each resource and each scope, by the id of these.
resource_uses: Final = _uses("resource_uses")
scope_uses: Final = _uses("scope_uses")


def _rollup(name: str, *columns: Column[Any], keys: tuple[str, ...] = ()) -> Table:
    """Counts of one kind: a row for each bucket of `width` seconds that begins at `bucket` (Unix seconds),
    for each agent, and once more for all of them together, with an empty `agent_id`."""
    return Table(
        name,
        metadata,
        Column("tenant_id", Int64, nullable=False),
        Column("width", Integer, nullable=False),
        Column("bucket", Int64, nullable=False),
        Column("agent_id", Text, nullable=False),
        *columns,
        PrimaryKeyConstraint("tenant_id", "width", "bucket", "agent_id", *keys),
        sqlite_with_rowid=False,
    )


def _needed(name: str, kind: Any = Int64) -> Column[Any]:
    return Column(name, kind, nullable=False)


#: Rollups, see `rollups/`: derived from the rows of other tables, so that a long range is answered from few.
span_counts: Final = _rollup(
    "span_counts",
    _needed("resource_id"),
    *map(_needed, ("spans", "calls", "governed", "input_tokens", "output_tokens")),
    keys=("resource_id",),
)
decision_counts: Final = _rollup(
    "decision_counts",
    _needed("verdict", Text),
    _needed("enforced", Text),
    _needed("decisions"),
    keys=("verdict", "enforced"),
)
decision_times: Final = _rollup(
    "decision_times",
    _needed("bin", Integer),
    _needed("decisions"),
    _needed("least", Float),
    _needed("most", Float),
    keys=("bin",),
)
violation_counts: Final = _rollup(
    "violation_counts",
    _needed("policy_id", Text),
    _needed("severity", Text),
    *map(_needed, ("violations", "blocked", "last")),
    keys=("policy_id", "severity"),
)
#: Matches of policies, with all that says which policy it was and what it asked for.
policy_counts: Final = _rollup(
    "policy_counts",
    *(_needed(name, Text) for name in ("policy_id", "policy_version", "severity", "action", "mode")),
    _needed("controls", Text),
    *map(_needed, ("violations", "blocked", "redacted", "flagged", "approved", "failed", "first", "last")),
    keys=("policy_id", "policy_version", "severity", "action", "mode", "controls"),
)
#: Calls of models and tools, and other spans that tell tokens.
operation_counts: Final = _rollup(
    "operation_counts",
    *(_needed(name, Text) for name in ("operation", "provider", "model", "response_model", "tool")),
    *map(_needed, ("spans", "errors", "input_tokens", "output_tokens")),
    *map(_needed, ("cache_read_tokens", "cache_write_tokens", "last")),
    keys=("operation", "provider", "model", "response_model", "tool"),
)
#: How long calls of models took, milliseconds.
model_times: Final = _rollup(
    "model_times",
    _needed("provider", Text),
    _needed("model", Text),
    _needed("bin", Integer),
    _needed("calls"),
    _needed("least", Float),
    _needed("most", Float),
    keys=("provider", "model", "bin"),
)
#: What was decided about calls of tools.
tool_counts: Final = _rollup(
    "tool_counts",
    *(_needed(name, Text) for name in ("tool", "enforced")),
    *map(_needed, ("decisions", "allowed", "last")),
    keys=("tool", "enforced"),
)
#: By which policies each process decided, and from which number to which.
process_counts: Final = _rollup(
    "process_counts",
    *(_needed(name, Text) for name in ("instance_id", "bundle_name", "bundle_version", "bundle_hash")),
    *map(_needed, ("decisions", "least", "most", "first", "last")),
    keys=("instance_id", "bundle_name", "bundle_version", "bundle_hash"),
)
log_counts: Final = _rollup("log_counts", _needed("items"))
metric_counts: Final = _rollup("metric_counts", _needed("items"))

#: In which minutes of an hour an agent was heard of: bit 0 is the first.
agent_minutes: Final = Table(
    "agent_minutes",
    metadata,
    _needed("tenant_id"),
    _needed("hour"),
    _needed("agent_id", Text),
    _needed("minutes"),
    PrimaryKeyConstraint("tenant_id", "hour", "agent_id"),
    sqlite_with_rowid=False,
)

#: In which hours of a day an agent was heard of: bit 0 is the first.
agent_hours: Final = Table(
    "agent_hours",
    metadata,
    _needed("tenant_id"),
    _needed("day"),
    _needed("agent_id", Text),
    _needed("hours"),
    PrimaryKeyConstraint("tenant_id", "day", "agent_id"),
    sqlite_with_rowid=False,
)

#: Up to which row, by its id, each table is in the rollups; one that came later has a mark of its own.
rollup_marks: Final = Table(
    "rollup_marks",
    metadata,
    Column("source", Text, primary_key=True),
    _needed("up_to"),
)
