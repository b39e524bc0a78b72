"""The Overview: which agents are alive, what they did against the rules, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as build

from promethios.dashboards.links import OVERVIEW_UID
from promethios.dashboards.page import add, add_row, board, with_marks
from promethios.dashboards.panels import Place, Stat
from promethios.dashboards.sections import agents, alerts, decisions, numbers, telemetry, usage, violations
from promethios.dashboards.variables import agent_variable

_HEIGHT = 4


def overview() -> build.Dashboard:
    """Build the dashboard ``promethios-overview``."""
    tells = "Agents, violations and decisions, as the Promethios receiver stored them."
    page = with_marks(board(OVERVIEW_UID, tells, agent_variable()))
    add(page, _strip())
    add(page, [alerts.firing(Place(10, 24, 6))])
    add_row(
        page, 20, "Liveness and trust", [agents.liveness(Place(21, 12, 9)), agents.trust(Place(23, 12, 9))]
    )
    add_row(
        page,
        30,
        "What went against the policies",
        [
            violations.by_severity(Place(31, 14, 8)),
            violations.by_policy(Place(32, 10, 8)),
            violations.recent(Place(33, 24, 9)),
        ],
    )
    add_row(
        page,
        40,
        "Policy engine (rate, latency, errors)",
        [
            decisions.per_second(Place(41, 8, 8)),
            decisions.latency(Place(42, 8, 8)),
            decisions.errors(Place(45, 8, 8)),
        ],
    )
    add_row(page, 46, "Tokens and cost", [usage.tokens(Place(43, 12, 8)), usage.cost(Place(47, 12, 8))])
    add_row(page, 60, "Who there is", [agents.agents(Place(22, 24, 9))])
    add_row(
        page, 50, "Telemetry pipeline", [telemetry.ingest(Place(51, 10, 8)), telemetry.log(Place(52, 14, 8))]
    )
    return page


def _strip() -> Iterator[Stat]:
    yield numbers.live(Place(1, 2, _HEIGHT))
    yield numbers.stale(Place(2, 2, _HEIGHT))
    yield numbers.down(Place(3, 2, _HEIGHT))
    yield numbers.lowest_trust(Place(9, 3, _HEIGHT))
    yield numbers.critical(Place(4, 3, _HEIGHT))
    yield numbers.blocked(Place(5, 3, _HEIGHT))
    yield numbers.coverage(Place(6, 3, _HEIGHT))
    yield numbers.policy_p95(Place(7, 3, _HEIGHT))
    yield numbers.spend(Place(8, 3, _HEIGHT))
