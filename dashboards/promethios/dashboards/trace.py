"""The Trace dashboard: one trace, reached from any row that has a trace id."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as m

from promethios.dashboards import fields, palette, panels
from promethios.dashboards.infinity import number, text, trace_rows, trace_spans
from promethios.dashboards.panels import Head
from promethios.dashboards.variables import datasource_variable, trace_variable

_TRACE_ID = "${trace_id}"


def trace() -> build.Dashboard:
    """Build the dashboard ``promethios-trace``."""
    return (
        build.Dashboard("Promethios / Trace")
        .uid(fields.TRACE_UID)
        .description("One trace of an agent, with the decisions that were made in it.")
        .tags(["promethios", "ai-agents", "governance"])
        .time("now-6h", "now")
        .timezone("browser")
        .with_variable(datasource_variable())
        .with_variable(trace_variable())
        .link(_back())
        .with_panel(_waterfall())
        .with_panel(_spans())
    )


def _back() -> build.DashboardLink:
    return (
        build.DashboardLink("Overview")
        .type(m.DashboardLinkType.LINK)
        .icon("dashboard")
        .tooltip("Back to all agents")
        .url(f"/d/{fields.OVERVIEW_UID}")
        .keep_time(True)
    )


def _waterfall() -> Builder[m.Panel]:
    head = Head(1, "Trace ${trace_id}", "The operations of one trace, and the decisions within them.", 24, 16)
    # Grafana's trace view knows these names; times and durations are milliseconds.
    query = trace_spans(
        _TRACE_ID,
        text("traceID", "traceID"),
        text("spanID", "spanID"),
        text("parentSpanID", "parentSpanID"),
        text("operationName", "operationName"),
        text("serviceName", "serviceName"),
        number("startTime", "startTime"),
        number("duration", "duration"),
        number("statusCode", "statusCode"),
        text("statusMessage", "statusMessage"),
    )
    return panels.waterfall(head, query)


def _spans() -> Builder[m.Panel]:
    head = Head(2, "Spans", "The same spans as rows, with the verdict of each decision.", 24, 10)
    # Start times have a fraction; the parser takes whole milliseconds for times, so they come as numbers.
    query = trace_rows(
        _TRACE_ID,
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
        "Start": [fields.unit("dateTimeAsIso"), fields.width(190)],
        "Agent": fields.agent_link(),
        "Verdict": fields.badge(palette.VERDICTS),
        "Duration": [fields.unit("ms"), fields.width(90)],
    }
    return panels.listing(head, query, overrides)
