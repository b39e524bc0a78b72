"""Who there is, whether they live, and how far they are trusted."""

from __future__ import annotations

from typing import Final

from promethios.dashboards import fields, links, palette, panels, plots
from promethios.dashboards.infinity import number, rows, series, text, time
from promethios.dashboards.panels import Place, Table
from promethios.dashboards.plots import Lines, Timeline

_STATES: Final = {
    "2": ("live", palette.STATUSES["live"]),
    "1": ("stale", palette.STATUSES["stale"]),
    "0": ("down", palette.STATUSES["down"]),
    "3": ("stopped", palette.STATUSES["stopped"]),
}
_TO_AGENT: Final = ("Open agent", links.LINE_TO_AGENT)

#: Of so many agents a panel has a row or a line each: more could not be told apart.
_TOP: Final = "20"

_STANDING: Final[panels.Overrides] = {
    "Agent": fields.agent_link(),
    "Status": fields.badge(palette.STATUSES, 80),
    "Trust": fields.gauge(fields.TRUST_STEPS, 1000, "none"),
    "Tier": fields.badge(palette.TIERS, 90),
    "Last seen": fields.ago("never"),
}
_FIGURES: Final[panels.Overrides] = {
    "Policy p95": fields.measured("µs"),
    "Cost": fields.money(),
    **fields.narrow("Violations", "Blocked", "Decisions", "Tokens in", "Tokens out"),
    "Policies": [fields.width(110)],
}


def liveness(place: Place) -> Timeline:
    """When each agent was heard of."""
    tells = (
        "From heartbeats and telemetry: live, stale after 90 s of silence, down after 10 min, "
        "stopped when the agent said goodbye. "
        f"Of more than {_TOP} agents, those that were away the longest after they were heard of."
    )
    query = series("liveness", "agent_id", top=_TOP)
    return plots.timeline(place.head("Agent liveness", tells), query, _STATES, _TO_AGENT)


def trust(place: Place) -> Lines:
    """How each agent's score went."""
    tells = (
        "A score of 0 to 1000, from an agent's decisions alone. Restricted below 300, probation below 500, "
        f"standard below 700, then trusted. Of more than {_TOP} agents, those with the lowest score."
    )
    query = series("trust", "agent_id", top=_TOP)
    return plots.scores(place.head("Trust by agent", tells), query, fields.TRUST_STEPS, 1000, _TO_AGENT)


def trust_changes(place: Place) -> Table:
    """What moved the score, and when."""
    head = place.head("Why trust changed", "The decisions that moved the score, newest first.")
    query = rows(
        "trust/changes",
        time(),
        text("agent_id", "Agent"),
        number("score", "Score"),
        number("change", "Change"),
        text("cause", "Cause"),
        text("reason", "Reason"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Time": fields.moment(),
        "Agent": fields.agent_link(140),
        "Score": fields.gauge(fields.TRUST_STEPS, 1000, "none", 110),
        "Change": fields.measured("none", 80),
        "Cause": [fields.width(120)],
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides)


def agents(place: Place) -> Table:
    """A row for every agent."""
    head = place.head(
        "Agents",
        "Every known agent; counts are of this range, p95 of its last hour. A name opens its dashboard.",
    )
    query = rows(
        "agents",
        text("agent_id", "Agent"),
        text("status", "Status"),
        number("trust", "Trust"),
        text("tier", "Tier"),
        number("violations", "Violations"),
        number("blocked", "Blocked"),
        number("decisions", "Decisions"),
        number("p95_us", "Policy p95"),
        number("input_tokens", "Tokens in"),
        number("output_tokens", "Tokens out"),
        number("cost_usd", "Cost"),
        number("last_seen", "Last seen"),
        text("last_bundle_version", "Policies"),
        text("owner", "Owner"),
    )
    return panels.listing(head, query, {**_STANDING, **_FIGURES}, otherwise="No agent has been seen")


def state(place: Place) -> Table:
    """How the chosen agents are, with what their processes say."""
    head = place.head("State", "What the agent is, how it stands, and what its processes last said.")
    query = rows(
        "agents",
        text("agent_id", "Agent"),
        text("status", "Status"),
        number("trust", "Trust"),
        text("tier", "Tier"),
        number("last_seen", "Last seen"),
        number("first_seen", "First seen"),
        number("instances", "Processes"),
        text("mode", "Mode"),
        text("bundle_name", "Bundle"),
        text("last_bundle_version", "Policies"),
        number("dropped", "Dropped"),
        text("last_error", "Last error"),
        text("owner", "Owner"),
    )
    seen = {
        "First seen": fields.ago("never"),
        "Processes": fields.measured("none"),
        "Mode": [fields.width(80)],
        "Bundle": [fields.width(120)],
        "Policies": [fields.width(110)],
        **fields.narrow("Dropped"),
    }
    return panels.listing(head, query, {**_STANDING, **seen}, otherwise="No agent has been seen")
