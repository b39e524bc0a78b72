"""What went against the policies: how severe, which policy, who, and when."""

from __future__ import annotations

from typing import Final

from promethios.dashboards import fields, links, palette, panels, plots
from promethios.dashboards.infinity import number, rows, series, text, time
from promethios.dashboards.panels import Place, Ranking, Table
from promethios.dashboards.plots import Lines

#: For a dashboard that has the variable.
OF_THE_POLICIES: Final = {"policy": "${policy:pipe}"}
_TO_POLICY: Final = ("Open policy", links.LINE_TO_POLICY)

_ROW: Final[panels.Overrides] = {
    "Time": fields.moment(),
    "Severity": fields.badge(palette.SEVERITIES),
    "Agent": fields.agent_link(),
    "Policy": fields.policy_link(),
    "Point": [fields.width(110)],
    "Tool": [fields.width(130)],
    "Model": [fields.width(140)],
    "Trace": fields.trace_link(),
}


def by_severity(place: Place, **only: str) -> Lines:
    """Violations over time, worst first; ``only`` are filters of the route."""
    head = place.head("Violations by severity", "Policies that matched, enforced or in shadow.")
    return plots.bars(head, series("violations", "severity", **only), "short", palette.SEVERITIES)


def over_time(place: Place, **only: str) -> Lines:
    """Which policies matched when; ``only`` are filters of the route."""
    tells = "The ten policies with the most violations of the range; the rest is other."
    query = series("violations_by_policy", "policy_id", **only)
    return plots.bars(place.head("Violations by policy over time", tells), query, "short", {}, _TO_POLICY)


def by_policy(place: Place) -> Ranking:
    """The policies with the most violations."""
    tells = "Most violated first, and how many of these were blocked. A bar opens its policy."
    query = rows(
        "violations/by_policy",
        text("policy_id", "Policy"),
        number("violations", "Violations"),
        number("blocked", "Blocked"),
    )
    opened = fields.link("Open policy", links.TO_POLICY)
    overrides = {
        "Violations": [fields.fixed_color(palette.NEUTRAL), opened],
        "Blocked": [fields.fixed_color(palette.VERDICTS["block"]), opened],
    }
    return panels.ranking(place.head("Violations by policy", tells), query, "Policy", overrides)


def recent(place: Place, **only: str) -> Table:
    """The newest violations; ``only`` are filters of the route."""
    head = place.head("Recent violations", "Newest first. The trace shows what the agent did before.")
    query = rows(
        "violations",
        time(),
        text("severity", "Severity"),
        text("agent_id", "Agent"),
        text("policy_id", "Policy"),
        text("enforced", "Enforced"),
        text("mode", "Mode"),
        text("point", "Point"),
        text("tool", "Tool"),
        text("model", "Model"),
        text("reason", "Reason"),
        text("trace_id", "Trace"),
        **only,
    )
    done = {"Enforced": fields.badge(palette.VERDICTS), "Mode": [fields.width(80)]}
    return panels.listing(head, query, {**_ROW, **done})


def would_be(place: Place) -> Table:
    """What policies in shadow, or a bundle on trial, would have done."""
    head = place.head(
        "Would have been stopped or changed",
        "What policies in shadow, those of a bundle on trial too, asked for and nobody did. Newest first.",
    )
    query = rows(
        "violations",
        time(),
        text("severity", "Severity"),
        text("action", "Would be"),
        text("agent_id", "Agent"),
        text("policy_id", "Policy"),
        text("point", "Point"),
        text("tool", "Tool"),
        text("model", "Model"),
        text("reason", "Reason"),
        text("trace_id", "Trace"),
        mode="shadow",
        **OF_THE_POLICIES,
    )
    return panels.listing(head, query, {**_ROW, "Would be": fields.badge(palette.VERDICTS)})


def offenders(place: Place, **only: str) -> Table:
    """The agents with the most violations; ``only`` are filters of the route."""
    head = place.head("Offenders", "Every agent with its violations in this range by severity, most first.")
    query = rows(
        "violations/by_agent",
        text("agent_id", "Agent"),
        number("trust", "Trust"),
        number("violations", "Violations"),
        *(number(severity, severity.title()) for severity in palette.SEVERITIES),
        number("blocked", "Blocked"),
        number("last_seen", "Last seen"),
        **only,
    )
    overrides = {
        "Agent": fields.agent_link(),
        "Trust": fields.gauge(fields.TRUST_STEPS, 1000, "none"),
        "Last seen": fields.ago("none"),
    }
    return panels.listing(head, query, overrides)
