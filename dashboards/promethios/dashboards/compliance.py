"""The Compliance dashboard: whether everything was decided, told and kept, and which controls are met.

The audit trail and approvals get their panels when there is something to show.
"""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as build

from promethios.dashboards.links import COMPLIANCE_UID
from promethios.dashboards.page import add, add_row, board, with_marks
from promethios.dashboards.panels import Place, Stat
from promethios.dashboards.sections import controls, evidence, numbers
from promethios.dashboards.variables import agent_variable


def compliance() -> build.Dashboard:
    """Build the dashboard ``promethios-compliance``."""
    tells = "Coverage, ungoverned operations, gaps in the evidence, controls, and what is kept."
    page = with_marks(board(COMPLIANCE_UID, tells, agent_variable()))
    add(page, _strip())
    add_row(
        page,
        10,
        "Was everything decided?",
        [
            evidence.coverage_over_time(Place(11, 14, 8)),
            evidence.coverage_by_agent(Place(12, 10, 8)),
            evidence.ungoverned(Place(13, 24, 9)),
        ],
    )
    add_row(page, 20, "Was everything told?", [evidence.gaps(Place(21, 24, 8))])
    add_row(page, 30, "Which controls are met?", [controls.controls(Place(31, 24, 9))])
    add_row(page, 40, "Is it kept?", [evidence.retention(Place(41, 24, 8))])
    return page


def _strip() -> Iterator[Stat]:
    kinds = (
        numbers.coverage,
        numbers.calls,
        numbers.ungoverned,
        numbers.decisions,
        numbers.errors,
        numbers.shadow,
    )
    for panel_id, kind in enumerate(kinds, 1):
        yield kind(Place(panel_id, 4, 4))
