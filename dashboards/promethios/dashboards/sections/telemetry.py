"""What arrives: items, operations and log lines."""

from __future__ import annotations

from promethios.dashboards import fields, palette, panels, plots
from promethios.dashboards.infinity import log_lines, number, rate, rows, text, time
from promethios.dashboards.panels import Log, Place, Table
from promethios.dashboards.plots import Lines


def ingest(place: Place) -> Lines:
    """What the receiver stored."""
    head = place.head("Ingest", "Items per second that the receiver stored.")
    panel = plots.lines(head, rate("ingest", "signal"), "cps", palette.SIGNALS)
    return panel.override_by_name("count", fields.hidden())


def log(place: Place) -> Log:
    """What agents wrote."""
    # These names tell Infinity that they are log lines; else Grafana shows the first text field as the line,
    # and Infinity's fields come in the order of their names. It looks for the level in a field of that name.
    query = log_lines(
        time(shown="timestamp"),
        text("body", "body"),
        text("severity", "level"),
        text("agent_id", "agent"),
        text("trace_id", "trace"),
    )
    return panels.log(place.head("Log", "Log records of the agents, newest first."), query)


def operations(place: Place) -> Table:
    """What agents did."""
    head = place.head("Recent operations", "Spans of the agents, newest first, with what was decided.")
    query = rows(
        "spans",
        time(),
        text("agent_id", "Agent"),
        text("name", "Span"),
        text("operation", "Operation"),
        text("model", "Model"),
        text("tool", "Tool"),
        text("verdict", "Verdict"),
        number("duration_ms", "Duration"),
        number("input_tokens", "Tokens in"),
        number("output_tokens", "Tokens out"),
        text("status_message", "Status"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Time": fields.moment(),
        "Agent": fields.agent_link(140),
        "Verdict": fields.badge(palette.VERDICTS),
        "Duration": fields.measured("ms"),
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides)
