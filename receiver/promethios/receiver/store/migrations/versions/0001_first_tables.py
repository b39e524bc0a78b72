"""The first tables: what the slice from an agent's decision to a page needs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", Int64, primary_key=True)


def _tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", Int64, sa.ForeignKey("tenants.id"), nullable=False)


def _create_access_tables() -> None:
    op.create_table(
        "tenants",
        _id(),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_unix_nano", Int64, nullable=False),
        sa.Column("last_ingest_unix_nano", Int64),
    )
    op.create_table(
        "api_keys",
        _id(),
        _tenant(),
        sa.Column("key_id", sa.Text, nullable=False, unique=True),
        sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text),
        sa.Column("created_unix_nano", Int64, nullable=False),
        sa.Column("expires_unix_nano", Int64),
        sa.Column("revoked_unix_nano", Int64),
        sa.Column("last_used_unix_nano", Int64),
    )


def _create_agent_tables() -> None:
    op.create_table(
        "agents",
        _id(),
        _tenant(),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("service_name", sa.Text, nullable=False),
        sa.Column("first_seen_unix_nano", Int64, nullable=False),
        sa.Column("last_seen_unix_nano", Int64, nullable=False),
        sa.UniqueConstraint("tenant_id", "agent_id", name="uq_agents"),
    )
    op.create_table(
        "heartbeats",
        _id(),
        _tenant(),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("value", sa.Float),
        sa.UniqueConstraint("tenant_id", "agent_id", "instance_id", "time_unix_nano", name="uq_heartbeats"),
    )
    op.create_index("ix_heartbeats_time", "heartbeats", ["tenant_id", "time_unix_nano"])
    op.create_table(
        "resources",
        _id(),
        _tenant(),
        sa.Column("service_name", sa.Text, nullable=False),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
    )
    op.create_table(
        "scopes",
        _id(),
        _tenant(),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
    )


def _create_span_table() -> None:
    op.create_table(
        "spans",
        _id(),
        _tenant(),
        sa.Column("trace_id", sa.LargeBinary, nullable=False),
        sa.Column("span_id", sa.LargeBinary, nullable=False),
        sa.Column("parent_span_id", sa.LargeBinary),
        sa.Column("resource_id", Int64, nullable=False),
        sa.Column("scope_id", Int64, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("start_unix_nano", Int64, nullable=False),
        sa.Column("end_unix_nano", Int64, nullable=False),
        sa.Column("status_code", sa.Integer, nullable=False),
        sa.Column("status_message", sa.Text, nullable=False),
        sa.Column("trace_state", sa.Text, nullable=False),
        sa.Column("flags", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("operation", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("response_model", sa.Text),
        sa.Column("tool", sa.Text),
        sa.Column("conversation_id", sa.Text),
        sa.Column("input_tokens", Int64),
        sa.Column("output_tokens", Int64),
        sa.Column("decision_id", sa.Text),
        sa.Column("verdict", sa.Text),
        sa.Column("enforced", sa.Text),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("events", sa.Text),
        sa.Column("links", sa.Text),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant_id", "trace_id", "span_id", name="uq_spans"),
    )
    op.create_index("ix_spans_start", "spans", ["tenant_id", "start_unix_nano"])


def _create_metric_tables() -> None:
    op.create_table(
        "metric_series",
        _id(),
        _tenant(),
        sa.Column("resource_id", Int64, nullable=False),
        sa.Column("scope_id", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("temporality", sa.Integer, nullable=False),
        sa.Column("monotonic", sa.Integer, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
    )
    op.create_index("ix_metric_series_name", "metric_series", ["tenant_id", "name"])
    op.create_table(
        "metric_points",
        _id(),
        _tenant(),
        sa.Column("series_id", Int64, nullable=False),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("start_unix_nano", Int64, nullable=False),
        sa.Column("value_int", Int64),
        sa.Column("value_double", sa.Float),
        sa.Column("count", Int64),
        sa.Column("sum", sa.Float),
        sa.Column("min", sa.Float),
        sa.Column("max", sa.Float),
        sa.Column("distribution", sa.Text),
        sa.Column("exemplars", sa.Text),
        sa.Column("flags", Int64, nullable=False),
        sa.UniqueConstraint("tenant_id", "series_id", "time_unix_nano", name="uq_metric_points"),
    )
    op.create_index("ix_metric_points_time", "metric_points", ["tenant_id", "time_unix_nano"])


def _create_log_table() -> None:
    op.create_table(
        "logs",
        _id(),
        _tenant(),
        sa.Column("record_hash", sa.LargeBinary, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("resource_id", Int64, nullable=False),
        sa.Column("scope_id", Int64, nullable=False),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("observed_unix_nano", Int64, nullable=False),
        sa.Column("severity_number", sa.Integer, nullable=False),
        sa.Column("severity_text", sa.Text, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("event_name", sa.Text, nullable=False),
        sa.Column("trace_id", sa.LargeBinary),
        sa.Column("span_id", sa.LargeBinary),
        sa.Column("flags", Int64, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant_id", "record_hash", "ordinal", name="uq_logs"),
    )
    op.create_index("ix_logs_time", "logs", ["tenant_id", "time_unix_nano"])


def _create_decision_table() -> None:
    op.create_table(
        "decisions",
        _id(),
        _tenant(),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("instance_id", sa.Text, nullable=False),
        sa.Column("seq", Int64, nullable=False),
        sa.Column("point", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("enforced", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("operation", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("tool", sa.Text),
        sa.Column("conversation_id", sa.Text),
        sa.Column("duration_us", sa.Float, nullable=False),
        sa.Column("bundle_name", sa.Text, nullable=False),
        sa.Column("bundle_version", sa.Text, nullable=False),
        sa.Column("bundle_hash", sa.Text, nullable=False),
        sa.Column("policies", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("trace_id", sa.LargeBinary, nullable=False),
        sa.Column("span_id", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant_id", "decision_id", name="uq_decisions"),
    )
    op.create_index("ix_decisions_time", "decisions", ["tenant_id", "time_unix_nano"])
    op.create_index("ix_decisions_span", "decisions", ["tenant_id", "trace_id", "span_id"])


def _create_violation_table() -> None:
    op.create_table(
        "violations",
        _id(),
        _tenant(),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("policy_id", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("detector", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("enforced", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("controls", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("point", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("tool", sa.Text),
        sa.Column("trace_id", sa.LargeBinary, nullable=False),
        sa.Column("span_id", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("tenant_id", "decision_id", "ordinal", name="uq_violations"),
    )
    op.create_index("ix_violations_time", "violations", ["tenant_id", "time_unix_nano"])


def _create_hex_view(table: str) -> None:
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    ids = ("trace_id", "span_id", "parent_span_id")
    shown = [f"lower(hex({name})) AS {name}" if name in ids else name for name in columns]
    shown = [part for part in shown if part != "content_hash"]
    op.execute(f"CREATE VIEW {table}_hex AS SELECT {', '.join(shown)} FROM {table}")


def upgrade() -> None:
    _create_access_tables()
    _create_agent_tables()
    _create_span_table()
    _create_metric_tables()
    _create_log_table()
    _create_decision_table()
    _create_violation_table()
    for table in ("spans", "decisions", "violations"):
        _create_hex_view(table)
