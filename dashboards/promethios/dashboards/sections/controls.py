"""Which policies there are, which are in force, and which controls they meet."""

from __future__ import annotations

from promethios.dashboards import fields, palette, panels
from promethios.dashboards.infinity import number, rows, text
from promethios.dashboards.panels import Place, Table


def policies(place: Place, **only: str) -> Table:
    """A row for every policy that matched; ``only`` are filters of the route."""
    head = place.head(
        "Policies by severity", "Every policy that matched, the worst first, and what came of its matches."
    )
    query = rows(
        "policies",
        text("severity", "Severity"),
        text("policy_id", "Policy"),
        text("version", "Version"),
        text("action", "Action"),
        text("mode", "Mode"),
        number("violations", "Violations"),
        number("blocked", "Blocked"),
        number("redacted", "Redacted"),
        number("flagged", "Flagged"),
        number("approved", "Approval"),
        number("shadow", "In shadow"),
        number("failed", "Failed"),
        number("agents", "Agents"),
        text("controls", "Controls"),
        number("last_seen", "Last seen"),
        sort="-severity",
        **only,
    )
    overrides = {
        "Severity": fields.badge(palette.SEVERITIES),
        "Policy": fields.policy_link(),
        "Action": fields.badge(palette.VERDICTS),
        "Version": [fields.width(110)],
        "Mode": [fields.width(80)],
        **fields.narrow("Violations", "Blocked", "Redacted", "Flagged", "Approval", "In shadow"),
        **fields.narrow("Failed", "Agents"),
        "Last seen": fields.ago("never"),
    }
    return panels.listing(head, query, overrides)


def bundles(place: Place) -> Table:
    """Which versions of the policies decided."""
    head = place.head("Bundles", "Versions of the policies that decided in this range, the latest first.")
    query = rows(
        "bundles",
        text("bundle_name", "Bundle"),
        text("bundle_version", "Version"),
        text("bundle_hash", "SHA-256"),
        number("first_seen", "First seen"),
        number("last_seen", "Last seen"),
        number("agents", "Agents"),
        number("decisions", "Decisions"),
    )
    overrides = {
        "Bundle": [fields.width(130)],
        "Version": [fields.width(90)],
        "SHA-256": [fields.width(100)],
        **fields.narrow("Agents", "Decisions"),
        "First seen": fields.ago("never"),
        "Last seen": fields.ago("never"),
    }
    return panels.listing(head, query, overrides)


def controls(place: Place) -> Table:
    """What policies say that they are for, and the evidence that they work."""
    head = place.head(
        "Controls",
        "Controls that policies name, such as EU-AI-Act/Art.15, and the decisions that show them met.",
    )
    query = rows(
        "compliance",
        text("framework", "Framework"),
        text("control", "Control"),
        text("status", "Status"),
        text("policies", "Policies"),
        number("evidence", "Evidence"),
        number("enforced", "Enforced"),
        number("last_seen", "Last seen"),
    )
    overrides = {
        "Framework": [fields.width(160)],
        "Control": [fields.width(160)],
        "Status": fields.badge(palette.CONTROL_STATES),
        **fields.narrow("Evidence", "Enforced"),
        "Last seen": fields.ago("never"),
    }
    return panels.listing(head, query, overrides, otherwise="No policy names a control")
