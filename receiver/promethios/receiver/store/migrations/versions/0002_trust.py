"""Trust: what matches and decisions weigh, how agents stand and stood, computed from what is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from promethios.governance.trust import METHOD, weight_of
from promethios.receiver.trust.account import Decided
from promethios.receiver.trust.replay import replay

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Int64 = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _state_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("r", sa.Float, nullable=False),
        sa.Column("s", sa.Float, nullable=False),
        sa.Column("g", sa.Float, nullable=False),
        sa.Column("last_unix_nano", Int64, nullable=False),
        sa.Column("alarmed", sa.Integer, nullable=False),
        sa.Column("decisions", Int64, nullable=False),
        sa.Column("position", Int64, nullable=False),
    ]


def _identity_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", Int64, primary_key=True),
        sa.Column("tenant_id", Int64, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("agent_id", sa.Text, nullable=False),
    ]


def _create_tables() -> None:
    op.create_table(
        "trust_standings",
        *_identity_columns(),
        sa.Column("method", sa.Text, nullable=False),
        *_state_columns(),
        sa.Column("told_score", sa.Integer, nullable=False),
        sa.Column("told_alarmed", sa.Integer, nullable=False),
        sa.UniqueConstraint("tenant_id", "agent_id", name="uq_trust_standings"),
    )
    op.create_table(
        "trust_scores",
        *_identity_columns(),
        sa.Column("time_unix_nano", Int64, nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("bound", sa.Float, nullable=False),
        sa.Column("evidence", sa.Float, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        *_state_columns(),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("decision_id", sa.Text, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("ix_trust_scores_agent", "trust_scores", ["tenant_id", "agent_id", "time_unix_nano"])


def _add_columns() -> None:
    for table in ("decisions", "violations"):
        op.add_column(table, sa.Column("weight", sa.Float, nullable=False, server_default="0"))
        op.execute(f"DROP VIEW {table}_hex")
        _create_hex_view(table)
    op.create_index("ix_decisions_agent", "decisions", ["tenant_id", "agent_id"])


def _create_hex_view(table: str) -> None:
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
    shown = [f"lower(hex({name})) AS {name}" if name in ("trace_id", "span_id") else name for name in columns]
    op.execute(f"CREATE VIEW {table}_hex AS SELECT {', '.join(shown)} FROM {table}")


def _weigh(connection: sa.Connection) -> None:
    """Give violations the weight of their severity, where they count, and decisions their heaviest one's."""
    violations = connection.exec_driver_sql("SELECT id, severity, mode, failed, evidence FROM violations")
    weights = [(_weight(*rest), row_id) for row_id, *rest in violations.all()]
    if weights:
        connection.exec_driver_sql("UPDATE violations SET weight = ? WHERE id = ?", weights)
    connection.exec_driver_sql(
        "UPDATE decisions SET weight = heaviest.weight FROM (SELECT tenant_id, decision_id, "
        "max(weight) AS weight FROM violations GROUP BY tenant_id, decision_id) AS heaviest "
        "WHERE heaviest.tenant_id = decisions.tenant_id AND heaviest.decision_id = decisions.decision_id"
    )


def _weight(severity: str, mode: str, failed: int, evidence: str) -> float:
    found = [text.split(" ", 2) for text in json.loads(evidence) if isinstance(text, str)]
    pairs = [(parts[0], parts[1]) for parts in found if len(parts) > 1]
    return weight_of(severity, mode=mode, failed=bool(failed), found=pairs)


def _decided(connection: sa.Connection) -> Iterator[tuple[tuple[int, str], Decided]]:
    rows = connection.exec_driver_sql(
        "SELECT tenant_id, agent_id, id, decision_id, time_unix_nano, weight, reason "
        "FROM decisions ORDER BY id"
    )
    for tenant_id, agent_id, *decided in rows:
        yield (tenant_id, agent_id), Decided(*decided)


def _compute(connection: sa.Connection) -> None:
    """Fill both tables from the decisions. The columns are written out: later ones will have more."""
    accounts, changes = replay(_decided(connection))
    state = "r, s, g, last_unix_nano, alarmed, decisions, position"
    if changes:
        connection.exec_driver_sql(
            f"INSERT INTO trust_scores (tenant_id, agent_id, time_unix_nano, score, bound, evidence, method, "
            f"{state}, cause, decision_id, weight, reason) VALUES ({', '.join('?' * 18)})",
            [(*owner, *change) for owner, change in changes],
        )
    if accounts:
        connection.exec_driver_sql(
            f"INSERT INTO trust_standings (tenant_id, agent_id, method, {state}, told_score, told_alarmed) "
            f"VALUES ({', '.join('?' * 12)})",
            [
                (
                    *owner,
                    METHOD,
                    *each.standing,
                    each.decisions,
                    each.position,
                    each.told_score,
                    each.told_alarmed,
                )
                for owner, each in accounts.items()
            ],
        )


def upgrade() -> None:
    _add_columns()
    _create_tables()
    connection = op.get_bind()
    _weigh(connection)
    _compute(connection)
