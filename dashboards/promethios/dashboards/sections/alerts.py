"""What needs somebody now."""

from __future__ import annotations

from promethios.dashboards import fields, palette, panels
from promethios.dashboards.infinity import number, rows, text
from promethios.dashboards.panels import Place, Table


def firing(place: Place) -> Table:
    """Alerts that fire, or soon may."""
    head = place.head(
        "Firing alerts", "Rules whose condition holds now: pending until it has held for the rule's time."
    )
    query = rows(
        "alerts",
        text("severity", "Severity"),
        text("state", "State"),
        text("title", "Alert"),
        text("agent_id", "Agent"),
        number("value", "Value"),
        number("threshold", "Threshold"),
        number("since", "Since"),
        text("summary", "Summary"),
        state="firing|pending",
    )
    overrides = {
        "Severity": fields.badge(palette.URGENCIES),
        "State": fields.badge(palette.ALERT_STATES),
        "Alert": [fields.width(200)],
        **fields.narrow("Value", "Threshold"),
        "Agent": fields.agent_link(),
        "Since": fields.ago("just now"),
    }
    return panels.listing(head, query, overrides, otherwise="Nothing fires")
