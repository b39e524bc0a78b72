"""The Agent dashboard: how one agent is, how far it is trusted and why, and what it did."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as build

from promethios.dashboards.links import AGENT_UID
from promethios.dashboards.page import add, add_row, board, with_marks
from promethios.dashboards.panels import Place, Stat
from promethios.dashboards.sections import (
    agents,
    controls,
    decisions,
    numbers,
    telemetry,
    usage,
    violations,
)
from promethios.dashboards.variables import agent_variable


def agent() -> build.Dashboard:
    """Build the dashboard ``promethios-agent``."""
    tells = "One agent, or those chosen: state, trust and why it changed, decisions, use, violations."
    page = with_marks(board(AGENT_UID, tells, agent_variable()))
    add(page, _strip())
    add(page, [agents.state(Place(10, 24, 5))])
    add_row(page, 20, "State and trust", [agents.liveness(Place(21, 12, 7)), agents.trust(Place(22, 12, 7))])
    add(page, [agents.trust_changes(Place(23, 24, 8))])
    add_row(
        page,
        30,
        "What was decided",
        [
            decisions.per_second(Place(31, 12, 8)),
            violations.over_time(Place(32, 12, 8)),
            decisions.recent(Place(33, 24, 9)),
        ],
    )
    add_row(page, 40, "Tools and models", [usage.tools(Place(41, 10, 9)), usage.models(Place(42, 14, 9))])
    add(page, [usage.tokens(Place(43, 12, 8)), usage.cost(Place(44, 12, 8))])
    add_row(
        page,
        50,
        "What went against the policies",
        [violations.by_severity(Place(51, 24, 7)), violations.recent(Place(52, 24, 9))],
    )
    add_row(
        page,
        60,
        "What it did",
        [usage.conversations(Place(61, 24, 8)), telemetry.operations(Place(62, 24, 9))],
    )
    add_row(
        page,
        70,
        "In force, and in its words",
        [controls.bundles(Place(71, 10, 8)), telemetry.log(Place(72, 14, 8))],
    )
    return page


def _strip() -> Iterator[Stat]:
    kinds = (
        numbers.lowest_trust,
        numbers.decisions,
        numbers.violations,
        numbers.blocked,
        numbers.coverage,
        numbers.policy_p95,
        numbers.tokens,
        numbers.spend,
    )
    for panel_id, kind in enumerate(kinds, 1):
        yield kind(Place(panel_id, 3, 4))
