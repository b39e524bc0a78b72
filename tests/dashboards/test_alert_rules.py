"""Grafana's alert rules: made from the one definition, with what Grafana needs to evaluate them."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.support.boards import BOARDS, panels

from promethios.dashboards.alerts import posted, provisioned, rules_file, shown_by, signal
from promethios.dashboards.infinity import DATASOURCE_TYPE, DATASOURCE_UID, InfinityQuery, number, text
from promethios.governance.alerting import RULES, AlertRule

COMMITTED = resources.files("promethios.dashboards") / "provisioning/alerting/promethios.yaml"

each_rule = pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES])


def _group() -> dict[str, Any]:
    (group,) = YAML(typ="safe").load(COMMITTED.read_bytes())["groups"]
    assert isinstance(group, dict)
    return group


def test_committed_file_is_what_the_definition_makes() -> None:
    """If not: python -m promethios.dashboards.alerts."""
    assert COMMITTED.read_bytes() == rules_file()


def test_every_rule_is_there_once_with_its_uid() -> None:
    assert [rule["uid"] for rule in _group()["rules"]] == [f"promethios-{rule.id}" for rule in RULES]


def test_rules_are_in_the_folder_of_the_dashboards() -> None:
    provider = (
        resources.files("promethios.dashboards") / "provisioning/dashboards/promethios.yaml"
    ).read_text()
    assert _group()["folder"] == YAML(typ="safe").load(provider)["providers"][0]["folder"]


def test_titles_differ_within_the_folder() -> None:
    """Grafana refuses two rules of one name in a folder, and with them the file."""
    titles = [rule["title"] for rule in _group()["rules"]]
    assert len(set(titles)) == len(titles)


@each_rule
def test_query_is_the_one_that_panels_make(rule: AlertRule) -> None:
    columns = (*(text(name, name) for name in rule.labels), number("value", "value"))
    made = InfinityQuery(f"signals/{rule.id}", columns).to_json()
    asked = signal(rule)
    assert asked == {**made, "datasource": {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID}}


@each_rule
def test_query_needs_nothing_that_only_a_dashboard_fills_in(rule: AlertRule) -> None:
    assert "$" not in json.dumps(signal(rule))


@each_rule
def test_query_has_one_number_and_else_text_so_that_each_row_is_an_alert(rule: AlertRule) -> None:
    """https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rules/queries-conditions/#tabular-data."""
    kinds = [column["type"] for column in signal(rule)["columns"]]
    assert kinds.count("number") == 1
    assert set(kinds) == {"string", "number"}


@each_rule
def test_nothing_in_a_file_is_looked_up_in_the_environment(rule: AlertRule) -> None:
    assert "$" not in json.dumps(provisioned(rule, "Somebody"))


@each_rule
def test_panel_that_a_rule_leads_to_is_there(rule: AlertRule) -> None:
    dashboard, panel = shown_by(rule)
    assert panel in {shown["id"] for shown in panels(BOARDS[f"{dashboard}.json"])}
    annotations = provisioned(rule)["annotations"]
    assert annotations["__dashboardUid__"] == dashboard
    assert annotations["__panelId__"] == str(panel)


@each_rule
def test_summary_names_each_label_and_the_value(rule: AlertRule) -> None:
    summary = provisioned(rule)["annotations"]["summary"]
    assert '{{ printf "%.6g" .Values.A.Value }}' in summary
    assert all(f"{{{{ .Labels.{name} }}}}" in summary for name in rule.labels)
    assert "{{" not in summary.replace("{{ .", "").replace('{{ printf "%.6g" .', "")


@pytest.mark.parametrize(("comparison", "evaluator"), [("above", "gt"), ("below", "lt")])
def test_threshold_is_exclusive_on_the_side_that_is_bad(comparison: Any, evaluator: str) -> None:
    rule = replace(RULES[0], comparison=comparison, threshold=7.5)
    query, condition = provisioned(rule)["data"]
    assert condition["model"]["expression"] == query["refId"]
    assert provisioned(rule)["condition"] == condition["refId"]
    assert condition["model"]["conditions"][0]["evaluator"] == {"type": evaluator, "params": [7.5]}


@pytest.mark.parametrize(("no_data", "state"), [("ok", "OK"), ("alert", "Alerting")])
def test_no_rows_mean_what_the_rule_says(no_data: Any, state: str) -> None:
    assert provisioned(replace(RULES[0], no_data=no_data))["noDataState"] == state


@each_rule
def test_failing_query_is_an_error_of_its_own_and_not_an_alert(rule: AlertRule) -> None:
    assert provisioned(rule)["execErrState"] == "Error"


def test_rule_that_is_off_is_paused() -> None:
    assert provisioned(replace(RULES[0], enabled=False))["isPaused"] is True
    assert provisioned(RULES[0])["isPaused"] is False


@each_rule
def test_api_gets_the_same_rule_with_its_folder_and_group(rule: AlertRule) -> None:
    made = posted(rule)
    assert (made["folderUID"], made["ruleGroup"], made["orgID"]) == ("promethios", "promethios", 1)
    same = {
        "uid",
        "title",
        "condition",
        "data",
        "noDataState",
        "execErrState",
        "for",
        "annotations",
        "labels",
    }
    assert {key: made[key] for key in same} == {key: provisioned(rule)[key] for key in same}
