"""Where links lead: from a cell, a bar or a line to the dashboard that tells more, and between dashboards.

Values are what agents sent: each is percent-encoded, or an agent named "a&var-x=y" would set other variables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as m

OVERVIEW_UID: Final = "promethios-overview"
AGENT_UID: Final = "promethios-agent"
POLICIES_UID: Final = "promethios-policies"
COMPLIANCE_UID: Final = "promethios-compliance"
TRACE_UID: Final = "promethios-trace"

#: The dashboards in the order of their links: title, icon of Grafana's set, what it answers.
BOARDS: Final = {
    OVERVIEW_UID: ("Overview", "dashboard", "All agents at a glance"),
    AGENT_UID: ("Agent", "user", "One agent: state, trust and why, what it did"),
    POLICIES_UID: ("Policies", "shield", "What policies match, and what they would block"),
    COMPLIANCE_UID: ("Compliance", "check-circle", "Coverage, evidence and controls"),
    TRACE_UID: ("Trace", "gf-traces", "One trace and its decisions"),
}

_KEPT: Final = "${datasource:queryparam}&${__url_time_range}"

TO_AGENT: Final = f"/d/{AGENT_UID}?{_KEPT}&var-agent=${{__data.fields.Agent:percentencode}}"
TO_POLICY: Final = f"/d/{POLICIES_UID}?{_KEPT}&var-policy=${{__data.fields.Policy:percentencode}}"
TO_TRACE: Final = f"/d/{TRACE_UID}?{_KEPT}&var-trace_id=${{__data.fields.Trace:percentencode}}"

#: From a line or a stretch of a series, by its label.
LINE_TO_AGENT: Final = f"/d/{AGENT_UID}?{_KEPT}&var-agent=${{__field.labels.agent_id:percentencode}}"
LINE_TO_POLICY: Final = f"/d/{POLICIES_UID}?{_KEPT}&var-policy=${{__field.labels.policy_id:percentencode}}"


def other_boards(uid: str) -> Iterator[build.DashboardLink]:
    """Links to every dashboard but this one; they keep the time range and the variables."""
    for other, (title, icon, answers) in BOARDS.items():
        if other != uid:
            yield (
                build.DashboardLink(title)
                .type(m.DashboardLinkType.LINK)
                .icon(icon)
                .tooltip(answers)
                .url(f"/d/{other}")
                .keep_time(True)
                .include_vars(True)
            )
