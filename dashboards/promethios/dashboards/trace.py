"""The Trace dashboard: one trace, reached from any row that has a trace id."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import dashboard as build

from promethios.dashboards.links import TRACE_UID
from promethios.dashboards.page import add, board
from promethios.dashboards.panels import Place
from promethios.dashboards.sections import decisions, traces
from promethios.dashboards.variables import agent_variable, trace_variable

_TRACE_ID: Final = "${trace_id}"


def trace() -> build.Dashboard:
    """Build the dashboard ``promethios-trace``."""
    tells = "One trace of an agent, with the decisions that were made in it."
    page = board(TRACE_UID, tells, trace_variable(), agent_variable())
    add(
        page,
        [
            traces.waterfall(Place(1, 24, 16), _TRACE_ID),
            traces.spans(Place(2, 24, 10), _TRACE_ID),
            decisions.of_trace(Place(3, 24, 8), _TRACE_ID),
            traces.recent(Place(4, 24, 9)),
        ],
    )
    return page
