"""Traces: one as a waterfall and as rows, and the newest to choose from."""

from __future__ import annotations

from promethios.dashboards import fields, palette, panels
from promethios.dashboards.infinity import number, rows, text, time, trace_rows, trace_spans
from promethios.dashboards.panels import Place, Table


def waterfall(place: Place, trace_id: str) -> panels.Waterfall:
    """The spans of a trace over time."""
    tells = "The operations of one trace over time, and the decisions within them."
    # Grafana's trace view knows these names; times and durations are milliseconds.
    query = trace_spans(
        trace_id,
        text("traceID", "traceID"),
        text("spanID", "spanID"),
        text("parentSpanID", "parentSpanID"),
        text("operationName", "operationName"),
        text("serviceName", "serviceName"),
        number("startTime", "startTime"),
        number("duration", "duration"),
        number("statusCode", "statusCode"),
        text("statusMessage", "statusMessage"),
        # The console's waterfall marks decisions by these; Grafana's leaves alone what it does not know.
        text("agent_id", "agent_id"),
        text("verdict", "verdict"),
        text("decision_id", "decision_id"),
    )
    return panels.waterfall(place.head(f"Trace {trace_id}", tells), query)


def spans(place: Place, trace_id: str) -> Table:
    """The spans of a trace as rows."""
    head = place.head("Spans", "The same spans as rows, with the verdict of each decision.")
    # Start times have a fraction; the parser takes whole milliseconds for times, so they come as numbers.
    query = trace_rows(
        trace_id,
        number("startTime", "Start"),
        text("operationName", "Operation"),
        text("agent_id", "Agent"),
        text("verdict", "Verdict"),
        number("duration", "Duration"),
        text("statusMessage", "Status"),
        text("decision_id", "Decision"),
        text("spanID", "Span"),
    )
    overrides = {
        "Start": fields.moment(190),
        "Operation": [fields.width(280)],
        "Span": [fields.width(150)],
        "Agent": fields.agent_link(),
        "Verdict": fields.badge(palette.VERDICTS),
        "Duration": fields.measured("ms"),
    }
    return panels.listing(head, query, overrides, otherwise="No trace is chosen")


def recent(place: Place) -> Table:
    """The newest traces."""
    head = place.head("Recent traces", "Newest first, with the worst verdict in each. A trace opens here.")
    query = rows(
        "traces",
        time(),
        text("agent_id", "Agent"),
        text("root", "Root"),
        text("service_name", "Service"),
        text("verdict", "Worst verdict"),
        number("duration_ms", "Duration"),
        number("spans", "Spans"),
        number("errors", "Errors"),
        text("trace_id", "Trace"),
    )
    overrides = {
        "Time": fields.moment(),
        "Agent": fields.agent_link(),
        "Worst verdict": fields.badge(palette.VERDICTS, 110),
        "Duration": fields.measured("ms"),
        "Errors": fields.judged(fields.ANY_IS_BAD),
        "Trace": fields.trace_link(),
    }
    return panels.listing(head, query, overrides)
