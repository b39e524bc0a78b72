"""Grafana alert rules, from the one definition that the receiver evaluates too.

``python -m promethios.dashboards.alerts`` writes ``provisioning/alerting/promethios.yaml`` anew; whatever
moves the panels that rules lead to (:mod:`promethios.dashboards.build`) does too.

Field names: https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from promethios.governance.alerting import RULES, AlertRule

#: What an export's YAML files begin with, so that the next one may replace them.
MARKER: Final = "# Written by `promethios dashboards export`."

FOLDER_UID: Final = "promethios"
FOLDER: Final = "Promethios"
GROUP: Final = "promethios"
#: How often Grafana evaluates; its own default for a new group.
INTERVAL_SECONDS: Final = 60

#: The contact point that an export makes when it is told where alerts go.
CONTACT_POINT: Final = "Promethios"

_DATASOURCE: Final = {"type": "yesoreyeram-infinity-datasource", "uid": "promethios"}
_EXPRESSION: Final = {"type": "__expr__", "uid": "__expr__"}

_EVALUATORS: Final = {"above": "gt", "below": "lt"}
_NO_DATA: Final = {"ok": "OK", "alert": "Alerting"}
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")

#: Where a person looks when a rule fires: a dashboard, and the panel of that title.
SHOWN_BY: Final = {
    "heartbeat-lost": ("promethios-overview", "Agent liveness"),
    "critical-violation": ("promethios-overview", "Recent violations"),
    "trust-low": ("promethios-overview", "Trust by agent"),
    "denial-ratio": ("promethios-overview", "Decisions per second"),
    "policy-latency": ("promethios-overview", "Evaluation latency"),
    "ungoverned-operations": ("promethios-compliance", "Ungoverned operations"),
    "ingest-stale": ("promethios-overview", "Ingest"),
    "token-budget": ("promethios-overview", "Tokens over time"),
    "evidence-gap": ("promethios-compliance", "Evidence"),
}


def uid(rule: AlertRule) -> str:
    """The uid of a rule in Grafana."""
    return f"promethios-{rule.id}"


def signal(rule: AlertRule) -> dict[str, Any]:
    """The query of a rule's number: a row for each set of labels, one number, and nothing of a dashboard.

    Grafana evaluates it without variables and without an interval; the receiver has a default for each.
    """
    text = [{"selector": name, "text": name, "type": "string"} for name in rule.labels]
    return {
        "refId": "A",
        "datasource": dict(_DATASOURCE),
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": "table",
        "url": f"/api/v1/signals/{rule.id}",
        "url_options": {"method": "GET", "data": "", "params": []},
        "root_selector": "data",
        "columns": [*text, {"selector": "value", "text": "value", "type": "number"}],
        "computed_columns": [],
        "filters": [],
    }


def threshold(rule: AlertRule) -> dict[str, Any]:
    """The condition: an alert for each row whose number is beyond the threshold."""
    evaluator = {"type": _EVALUATORS[rule.comparison], "params": [rule.threshold]}
    return {
        "refId": "B",
        "datasource": dict(_EXPRESSION),
        "type": "threshold",
        "expression": "A",
        "conditions": [{"type": "query", "evaluator": evaluator}],
    }


def provisioned(rule: AlertRule, contact: str | None = None) -> dict[str, Any]:
    """A rule as a file of Grafana's provisioning has it.

    Args:
        rule: The rule.
        contact: The contact point that its alerts go to; None leaves it to the notification policies.
    """
    dashboard, panel = shown_by(rule)
    made: dict[str, Any] = {
        "uid": uid(rule),
        "title": rule.title,
        "condition": "B",
        "data": _data(rule),
        "dashboardUid": dashboard,
        "panelId": panel,
        "noDataState": _NO_DATA[rule.no_data],
        "execErrState": "Error",
        "for": f"{rule.for_seconds}s",
        "annotations": _annotations(rule, dashboard, panel),
        "labels": {"severity": rule.severity, "source": "promethios"},
        "isPaused": not rule.enabled,
    }
    if contact:
        # The policies of an organisation are one tree: whoever provisions it replaces everybody's.
        routed = {"receiver": contact, "group_by": ["alertname", "grafana_folder", *rule.labels]}
        made["notification_settings"] = routed
    return made


def posted(rule: AlertRule) -> dict[str, Any]:
    """A rule as Grafana's HTTP API takes it."""
    made = provisioned(rule)
    for of_files_alone in ("dashboardUid", "panelId"):
        del made[of_files_alone]
    return {**made, "orgID": 1, "folderUID": FOLDER_UID, "ruleGroup": GROUP}


def shown_by(rule: AlertRule) -> tuple[str, int]:
    """The dashboard and the id of the panel that show a rule's number.

    Raises:
        LookupError: The dashboard has no panel of that title.
    """
    dashboard, title = SHOWN_BY[rule.id]
    board = json.loads((resources.files(__package__) / "json" / f"{dashboard}.json").read_bytes())
    for panel in board["panels"]:
        if panel.get("title") == title and panel["type"] != "row":
            return dashboard, panel["id"]
    raise LookupError(f"{dashboard} has no panel {title!r}, which the alert {rule.id} leads to")


def rules_file(rules: Sequence[AlertRule] = RULES, contact: str | None = None) -> bytes:
    """The rules as a file for Grafana's folder ``provisioning/alerting``."""
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": FOLDER,
        "interval": f"{INTERVAL_SECONDS}s",
        "rules": [provisioned(rule, contact) for rule in rules],
    }
    return as_yaml({"apiVersion": 1, "groups": [group]})


def contact_file(webhook: str | None, email: str | None) -> bytes:
    """A contact point as a file for Grafana's folder ``provisioning/alerting``.

    Args:
        webhook: An address that gets each group of alerts as JSON.
        email: Addresses, separated by semicolons; Grafana's own SMTP settings say how.
    """
    receivers: list[dict[str, Any]] = []
    if webhook:
        receivers.append({"uid": "promethios-webhook", "type": "webhook", "settings": {"url": webhook}})
    if email:
        receivers.append({"uid": "promethios-email", "type": "email", "settings": {"addresses": email}})
    return as_yaml(
        {"apiVersion": 1, "contactPoints": [{"orgId": 1, "name": CONTACT_POINT, "receivers": receivers}]}
    )


def as_yaml(document: dict[str, Any]) -> bytes:
    """A document in YAML, below the line that tells an export's files."""
    yaml = YAML()
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.BytesIO()
    yaml.dump(document, out)
    return f"{MARKER} Edit the export's options, not this file.\n".encode() + out.getvalue()


def _data(rule: AlertRule) -> list[dict[str, Any]]:
    range_ = {"from": rule.window_seconds, "to": 0}
    return [
        {
            "refId": "A",
            "relativeTimeRange": dict(range_),
            "datasourceUid": _DATASOURCE["uid"],
            "model": signal(rule),
        },
        {
            "refId": "B",
            "relativeTimeRange": dict(range_),
            "datasourceUid": _EXPRESSION["uid"],
            "model": threshold(rule),
        },
    ]


def _annotations(rule: AlertRule, dashboard: str, panel: int) -> dict[str, str]:
    return {
        "summary": _PLACEHOLDER.sub(_template, rule.summary),
        "description": rule.description,
        "__dashboardUid__": dashboard,
        "__panelId__": str(panel),
    }


def _template(found: re.Match[str]) -> str:
    """A placeholder in Go's template language; without $, for which provisioning looks in the environment."""
    name = found[1]
    return '{{ printf "%.6g" .Values.A.Value }}' if name == "value" else f"{{{{ .Labels.{name} }}}}"


def main() -> None:
    """Write the packaged file of rules anew."""
    (Path(__file__).with_name("provisioning") / "alerting" / "promethios.yaml").write_bytes(rules_file())


if __name__ == "__main__":
    main()
