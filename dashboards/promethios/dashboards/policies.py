"""The Policies dashboard: what matches, who offends, what it costs, and what shadow would have done."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as build

from promethios.dashboards.links import POLICIES_UID
from promethios.dashboards.page import add, add_row, board, with_marks
from promethios.dashboards.panels import Place, Stat
from promethios.dashboards.sections import controls, decisions, numbers, violations
from promethios.dashboards.sections.violations import OF_THE_POLICIES
from promethios.dashboards.variables import agent_variable, policy_variable


def policies() -> build.Dashboard:
    """Build the dashboard ``promethios-policies``."""
    tells = "Policies: what they match and how severe it is, who offends, what shadow mode would have done."
    page = with_marks(board(POLICIES_UID, tells, agent_variable(), policy_variable()))
    add(page, _strip())
    add_row(
        page,
        10,
        "Which policies match",
        [
            controls.policies(Place(11, 24, 9), **OF_THE_POLICIES),
            violations.over_time(Place(12, 12, 8), **OF_THE_POLICIES),
            violations.by_severity(Place(13, 12, 8), **OF_THE_POLICIES),
        ],
    )
    add_row(
        page,
        20,
        "Who goes against them",
        [
            violations.offenders(Place(21, 24, 7), **OF_THE_POLICIES),
            violations.recent(Place(22, 24, 9), **OF_THE_POLICIES),
        ],
    )
    add_row(
        page,
        30,
        "Shadow and bundles on trial",
        [
            decisions.shadow(Place(31, 12, 8), **OF_THE_POLICIES),
            controls.bundles(Place(32, 12, 8)),
            violations.would_be(Place(33, 24, 9)),
        ],
    )
    add_row(
        page,
        40,
        "What policies cost",
        [decisions.latency_density(Place(41, 14, 9)), decisions.errors(Place(42, 10, 9))],
    )
    return page


def _strip() -> Iterator[Stat]:
    kinds = (
        numbers.violations,
        numbers.critical,
        numbers.blocked,
        numbers.shadow,
        numbers.errors,
        numbers.policy_p95,
    )
    for panel_id, kind in enumerate(kinds, 1):
        yield kind(Place(panel_id, 4, 4))
