"""Whether everything was decided, told and kept."""

from __future__ import annotations

from promethios.dashboards import fields, palette, panels, plots
from promethios.dashboards.infinity import computed, number, rows, series, text, time
from promethios.dashboards.panels import Place, Table
from promethios.dashboards.plots import Lines


def coverage_over_time(place: Place) -> Lines:
    """Calls with and without a decision."""
    tells = "Calls of models and tools, with and without a decision, for each interval."
    return plots.bars(
        place.head("Coverage over time", tells), series("coverage", "kind"), "short", palette.COVERAGE
    )


def coverage_by_agent(place: Place) -> Table:
    """The share of each agent's calls that was governed."""
    head = place.head("Coverage by agent", "Calls of models and tools that a decision was made for.")
    query = rows(
        "coverage",
        text("agent_id", "Agent"),
        number("share", "Governed"),
        number("calls", "Calls"),
        number("ungoverned", "Ungoverned"),
        number("last_ungoverned", "Last ungoverned"),
        sort="share",
    )
    overrides = {
        "Agent": fields.agent_link(),
        "Governed": fields.gauge(fields.COVERED, 1, "percentunit", 130),
        **fields.narrow("Calls", "Ungoverned"),
        "Last ungoverned": fields.ago("never"),
    }
    return panels.listing(head, query, overrides, otherwise="No agent has been seen")


def gaps(place: Place) -> Table:
    """Whether decisions are missing from the numbering."""
    head = place.head(
        "Evidence",
        "Each process numbers its decisions. A number that never arrived is a decision without evidence.",
    )
    query = rows(
        "evidence",
        text("agent_id", "Agent"),
        text("instance_id", "Process"),
        number("decisions", "Decisions"),
        number("missing", "Missing"),
        number("first_seq", "First number"),
        number("last_seq", "Last number"),
        number("last_seen", "Last seen"),
    )
    overrides = {
        "Agent": fields.agent_link(),
        "Process": [fields.width(320)],
        "Missing": fields.judged(fields.ANY_IS_BAD),
        "Last seen": fields.ago("never"),
    }
    return panels.listing(head, query, overrides, unit="none", otherwise="No decision has been told")


def ungoverned(place: Place) -> Table:
    """Calls that nothing was decided about."""
    head = place.head("Ungoverned operations", "Calls of models and tools without a decision, newest first.")
    query = rows(
        "ungoverned",
        time(),
        text("agent_id", "Agent"),
        text("operation", "Operation"),
        text("name", "Span"),
        text("model", "Model"),
        text("tool", "Tool"),
        number("duration_ms", "Duration"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Time": fields.moment(),
        "Agent": fields.agent_link(),
        "Duration": fields.measured("ms"),
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides, otherwise="Everything was decided")


def retention(place: Place) -> Table:
    """How much is kept, for how long, and how much room is left."""
    head = place.head(
        "Retention", "What is stored, how long it is kept, and how full its share of the disk is."
    )
    query = rows(
        "retention",
        text("kind", "Kind"),
        number("rows", "Rows"),
        number("oldest", "Oldest"),
        number("keep_days", "Days kept"),
        number("bytes", "Size"),
        number("limit_bytes", "Limit"),
    )
    overrides = {
        "Oldest": fields.ago("-"),
        "Days kept": [*fields.measured("none"), fields.no_value("all")],
        "Size": fields.measured("bytes"),
        "Limit": [*fields.measured("bytes"), fields.no_value("none")],
        "Full": fields.gauge(fields.FILLED, 1, "percentunit"),
    }
    return panels.listing(head, computed(query, "Size / Limit", "Full"), overrides)
