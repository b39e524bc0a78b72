"""The alert rules: what they say, and what a file may change in them."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from promethios.governance.alerting import RULES, SEVERITIES, AlertingError, load_rules, rule_named

IDS = [rule.id for rule in RULES]


def written(folder: Path, text: str) -> Path:
    path = folder / "alerts.yaml"
    path.write_text(text)
    return path


def test_these_are_the_rules() -> None:
    assert [rule.id for rule in RULES] == [
        *("heartbeat-lost", "critical-violation", "trust-low", "denial-ratio", "policy-latency"),
        *("ungoverned-operations", "ingest-stale", "token-budget", "evidence-gap"),
    ]


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_each_rule_says_all_that_people_need(rule: object) -> None:
    found = rule_named(rule.id)  # type: ignore[attr-defined]
    assert found.title and found.description.endswith(".") and found.severity in SEVERITIES
    assert set(re.findall(r"\{(\w+)\}", found.summary)) <= {*found.labels, "value"}
    assert found.enabled and found.window_seconds > 0


def test_at_the_threshold_all_is_well() -> None:
    above, below = rule_named("denial-ratio"), rule_named("trust-low")
    assert [above.is_bad(each) for each in (0.1, 0.2, 0.21)] == [False, False, True]
    assert [below.is_bad(each) for each in (301, 300, 299)] == [False, False, True]


def test_a_new_agent_is_no_alert() -> None:
    assert not rule_named("trust-low").is_bad(405)


def test_k17_a_summary_shows_a_hostile_label_as_it_is() -> None:
    rule = rule_named("token-budget")
    for name in ("{value}", "{0.__class__}", "%s", "<script>", "=cmd()"):
        assert rule.tell({"agent_id": name}, 7) == f"Agent {name} used 7 tokens in a day"


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "rules:\n"
        "  trust-low: {threshold: 500, for: 5m, enabled: false}\n"
        "  denial-ratio: {for: 0s, severity: critical, window: 1h}\n",
    )
    changed = {
        "trust-low": {"threshold": 500, "for_seconds": 300, "enabled": False},
        "denial-ratio": {"for_seconds": 0, "severity": "critical", "window_seconds": 3_600},
    }
    assert load_rules(path) == tuple(replace(rule, **changed.get(rule.id, {})) for rule in RULES)


@pytest.mark.parametrize("text", ["", "# nothing\n", "rules: {}\n", "channels: [{name: x}]\nrepeat: 1h\n"])
def test_a_file_that_names_no_rule_changes_none(tmp_path: Path, text: str) -> None:
    assert load_rules(written(tmp_path, text)) == RULES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {trust-lo: {}}", "1:9: unknown key 'trust-lo' in 'rules'; did you mean 'trust-low'?"),
        ("rule: {}", "1:1: unknown key 'rule' in the file; did you mean 'rules'?"),
        ("rules: [1]", "1:8: 'rules' must be a map, not a list"),
        (
            "rules:\n  trust-low: {threshhold: 1}",
            "2:15: unknown key 'threshhold' in rule 'trust-low'; did you mean 'threshold'?",
        ),
        ("rules: {trust-low: {threshold: -1}}", "1:32: 'threshold' must be a number, 0 or more"),
        ("rules: {trust-low: {threshold: .nan}}", "1:32: 'threshold' must be a number, 0 or more"),
        ("rules: {trust-low: {threshold: '5'}}", "1:32: 'threshold' must be a number, 0 or more"),
        (
            "rules: {trust-low: {for: 5}}",
            "1:26: 'for' must be a time such as 30s, 10m, 6h or 7d, 7d at most",
        ),
        (
            "rules: {trust-low: {severity: high}}",
            "1:31: 'severity' is 'high', but must be one of critical, warning, info",
        ),
        ("rules: {trust-low: {enabled: 1}}", "1:30: 'enabled' must be true or false, not a whole number"),
        ("rules: {", "1:9: this is not YAML: expected the node content, but found '<stream end>'"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(AlertingError) as caught:
        load_rules(path)
    assert str(caught.value) == f"{path}:{said}"


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "rules:\n  trust-low: {threshold: x}\n  evidence-gap: {for: y}\n")
    with pytest.raises(AlertingError) as caught:
        load_rules(path)
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["2", "3"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    with pytest.raises(AlertingError) as caught:
        load_rules(missing)
    assert str(caught.value) == f"{missing}: cannot be read: No such file or directory"
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(AlertingError) as caught:
        load_rules(binary)
    assert str(caught.value) == f"{binary}: cannot be read: it is not UTF-8"


def test_a_rule_that_is_none_is_told_with_the_nearest() -> None:
    with pytest.raises(AlertingError) as caught:
        rule_named("trustlow")
    assert str(caught.value) == "there is no rule 'trustlow': did you mean 'trust-low'?"


def test_no_agent_loads_it() -> None:
    script = (
        "import sys, promethios.governance, promethios.exporter\n"
        "import promethios.governance.enforcement.processor\n"
        "print('promethios.governance.alerting' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
