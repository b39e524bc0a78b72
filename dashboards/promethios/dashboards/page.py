"""What all dashboards share: tags, time range, refresh, crosshair, links to each other, marks of events."""

from __future__ import annotations

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as m

from promethios.dashboards import marks
from promethios.dashboards.links import BOARDS, other_boards
from promethios.dashboards.variables import datasource_variable


def board(uid: str, description: str, *variables: Builder[m.VariableModel]) -> build.Dashboard:
    """Begin a dashboard of `links.BOARDS`.

    Args:
        uid: Its uid there.
        description: What it answers, a sentence.
        variables: Those beside the receiver, in the order of the page.
    """
    begun = (
        build.Dashboard(f"Promethios / {BOARDS[uid][0]}")
        .uid(uid)
        .description(description)
        .tags(["promethios", "ai-agents", "governance"])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(m.DashboardCursorSync.CROSSHAIR)
    )
    for variable in (datasource_variable(), *variables):
        begun.with_variable(variable)
    for link in other_boards(uid):
        begun.link(link)
    return begun


def with_marks(begun: build.Dashboard) -> build.Dashboard:
    """Mark changes of policies and alerts on every line of the dashboard."""
    return begun.annotation(marks.policy_changes()).annotation(marks.alerts())


def add_row(begun: build.Dashboard, row_id: int, title: str, panels: Iterable[Builder[m.Panel]]) -> None:
    """Append a row with its panels, left to right and then down."""
    begun.with_row(build.Row(title).id(row_id))
    add(begun, panels)


def add(begun: build.Dashboard, panels: Iterable[Builder[m.Panel]]) -> None:
    """Append panels, left to right and then down."""
    for panel in panels:
        begun.with_panel(panel)
