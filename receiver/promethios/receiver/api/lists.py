"""The routes of lists: what was decided, done, found and kept, row by row or counted by what it is about."""

from __future__ import annotations

from typing import Final

from promethios.receiver.api import (
    annotated,
    bundles,
    compliance,
    conversations,
    decisions,
    found,
    logs,
    metrics,
    retention,
    spans,
    tools,
    traces,
    trust,
    violations,
)
from promethios.receiver.api.routes import Route, fixed, listing, table

_DECISION: Final = "agent_id point verdict enforced mode model tool conversation_id duration_us"
_VIOLATION: Final = "severity agent_id policy_id action enforced mode model tool"
_SPAN: Final = "operation model tool trace"

#: As in `ROUTES`, of which they are a part.
LISTS: Final[tuple[Route, ...]] = (
    listing(
        "decisions",
        decisions.decisions,
        "verdict point mode policy tool model conversation trace",
        sort=_DECISION,
    ),
    listing(
        "violations",
        violations.violations,
        "severity policy mode tool model conversation trace",
        sort=_VIOLATION,
    ),
    listing("spans", spans.spans, f"{_SPAN} status governed"),
    listing("ungoverned", spans.ungoverned, f"{_SPAN} status"),
    listing(
        "traces",
        found.traces,
        "service name operation model tool status verdict conversation min_duration max_duration",
    ),
    fixed("traces/<trace_id>", traces.trace),
    listing("logs", logs.logs, "severity", sort="agent_id"),
    listing("conversations", conversations.conversations, "conversation"),
    listing("trust/changes", trust.changes, "cause", sort="agent_id score change"),
    table(
        "tools",
        tools.tools,
        key="tool",
        sort="calls allowed flagged redacted approved blocked errors agents last_seen",
        order="-calls",
    ),
    table(
        "bundles",
        bundles.bundles,
        key="bundle_name bundle_version bundle_hash",
        sort="first_seen last_seen agents decisions",
        order="-last_seen",
    ),
    table(
        "evidence",
        bundles.evidence,
        key="agent_id instance_id",
        sort="first_seq last_seq decisions missing last_seen",
        order="-missing",
    ),
    table(
        "compliance",
        compliance.compliance,
        key="framework control",
        sort="evidence enforced status last_seen",
    ),
    table(
        "annotations",
        annotated.annotated,
        "kind",
        key="time kind title agent_id text",
        order="-time",
    ),
    table("retention", retention.retention, key="kind", sort="rows oldest keep_days bytes"),
    table("metrics", metrics.metrics, "name", key="name unit type", sort="agents points last_seen"),
    fixed("series/metric", metrics.series, "name"),
)
