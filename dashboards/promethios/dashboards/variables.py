"""The variables at the top of a dashboard: which receiver, which agents, which policies, which trace."""

from __future__ import annotations

import json
from typing import Final, cast

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as m

from promethios.dashboards.infinity import DATASOURCE, DATASOURCE_TYPE, DATASOURCE_UID, rows, text

#: As many as an answer of the receiver can hold.
_MOST: Final = "1000"


def datasource_variable() -> build.DatasourceVariable:
    """The receiver: a variable, because provisioning from files never fills in ``__inputs``."""
    return (
        build.DatasourceVariable("datasource")
        .label("Receiver")
        .description("The data source of a Promethios receiver.")
        .type(DATASOURCE_TYPE)
        .current(m.VariableOption(selected=True, text="Promethios", value=DATASOURCE_UID))
    )


def agent_variable() -> build.QueryVariable:
    """The agents known to the receiver; "All" is sent as ``.*``."""
    # Every agent is in the answer of `trust`, too, which counts nothing over the range.
    return _choice("agent", "Agent", "One or more agents; all panels show only these.", "trust", "agent_id")


def policy_variable() -> build.QueryVariable:
    """The policies that matched in the range; "All" is sent as ``.*``."""
    tells = "One or more policies; panels of violations show only these."
    return _choice("policy", "Policy", tells, "policies", "policy_id")


def trace_variable() -> build.TextBoxVariable:
    """The id of the trace shown, 32 hex digits; links from other dashboards fill it in."""
    return (
        build.TextBoxVariable("trace_id")
        .label("Trace id")
        .description("32 hex digits; follow a trace link of another dashboard, or paste an id.")
        .default_value("")
    )


def _choice(name: str, label: str, tells: str, path: str, column: str) -> build.QueryVariable:
    query = rows(path, text(column, column), limit=_MOST)
    asked = {**query.to_json(), "refId": "variable"}
    # "All" must not list the agents it was made from: one that appears later has to be in it.
    asked["url_options"] = {
        "method": "GET",
        "data": "",
        "params": [{"key": key, "value": value} for key, value in query.params if key != "agent"],
    }
    return (
        build.QueryVariable(name)
        .label(label)
        .description(tells)
        .datasource(DATASOURCE)
        .query({"refId": "variable", "queryType": "infinity", "infinityQuery": _plain(asked)})
        .refresh(m.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(m.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(m.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _plain(query: dict[str, object]) -> dict[str, object]:
    return cast(dict[str, object], json.loads(json.dumps(query, cls=JSONEncoder)))
