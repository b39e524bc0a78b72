"""``/api/v1``: questions and answers, one file for each resource; flat rows under ``data``."""

from __future__ import annotations

from typing import Final

from flask import Blueprint

from promethios.receiver.api import (
    alerts,
    cost,
    coverage,
    models,
    offenders,
    outcomes,
    policies,
    series,
    signals,
    stats,
    status,
    timeline,
    trust,
    violations,
)
from promethios.receiver.api.agents import agent, agents
from promethios.receiver.api.answering import Answering
from promethios.receiver.api.lists import LISTS
from promethios.receiver.api.routes import Route, fixed, table
from promethios.receiver.services import Services

_AGENT: Final = (
    "service_name status state trust tier first_seen last_seen decisions blocked redacted flagged violations "
    "input_tokens output_tokens calls governed cost_usd p95_us owner instances heartbeat uptime"
)
_POLICY: Final = "violations blocked redacted flagged approved shadow failed agents first_seen last_seen"
_COVERED: Final = "calls governed ungoverned share last_ungoverned"
_MODEL: Final = "calls errors input_tokens output_tokens cost_usd p95_ms last_seen agents"

#: Every route. `listing`: the answer calls `page`; `table`: it gives all rows, which are sorted and cut here;
#: `fixed`: one row or a series, as it is. Filters and columns are separated by spaces.
ROUTES: Final[tuple[Route, ...]] = (
    fixed("status", status.status),
    table("agents", agents, key="agent_id", sort=_AGENT),
    fixed("agents/<path:agent_id>", agent),
    table(
        "violations/by_policy",
        violations.by_policy,
        "severity policy",
        key="policy_id severity",
        sort="violations blocked agents last_seen",
        order="-violations",
    ),
    table(
        "violations/by_agent",
        offenders.by_agent,
        "severity policy",
        key="agent_id",
        sort="trust violations critical high medium low blocked last_seen",
        order="-violations",
    ),
    table(
        "policies",
        policies.policies,
        "severity policy",
        key="policy_id version severity action mode controls",
        sort=_POLICY,
        order="-violations",
    ),
    table("coverage", coverage.coverage, key="agent_id", sort=_COVERED),
    table("models", models.models, key="provider model", sort=_MODEL, order="-calls"),
    fixed("stats", stats.stats),
    fixed("series/decisions", series.decisions),
    fixed("series/violations", series.violations, "policy"),
    fixed("series/latency", series.latency),
    fixed("series/tokens", series.tokens),
    fixed("series/ingest", series.ingest),
    fixed("series/liveness", timeline.liveness, cut=True),
    fixed("series/violations_by_policy", outcomes.by_policy, "policy"),
    fixed("series/shadow", outcomes.shadow, "policy"),
    fixed("series/errors", outcomes.errors),
    fixed("series/latency_buckets", outcomes.latency_buckets),
    fixed("series/coverage", coverage.series),
    fixed("series/cost", cost.series),
    fixed("series/trust", trust.series, cut=True),
    table("trust", trust.trust, key="agent_id", sort="score tier bound evidence updated decisions"),
    fixed("trust/<path:agent_id>", trust.explain),
    table(
        "alerts",
        alerts.standing,
        "rule state severity",
        key="rule labels",
        sort="title severity state agent_id value since last_change",
        order="-last_change",
    ),
    table("alerts/silences", alerts.silences, key="silence_id", sort="rule agent_id created until"),
    *signals.routes(),
    *LISTS,
)


def api_blueprint(services: Services) -> Blueprint:
    """Every route of `ROUTES`."""
    blueprint, answering = Blueprint("api", __name__, url_prefix="/api/v1"), Answering(services)
    for route in ROUTES:
        blueprint.add_url_rule(f"/{route.path}", route.path.replace("/", "_"), answering.view(route))
    return blueprint
