from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from promethios.governance.policies.cli import policies

GOOD = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: good, version: "1"}
spec:
  policies:
    - {id: a, severity: low, on: [tool.before], match: {tool: x}, action: flag}
"""


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("flag", "falg"), encoding="utf-8")
    return str(path)


def test_check_says_what_a_good_file_holds(good: str) -> None:
    result = CliRunner().invoke(policies, ["check", good, "promethios:baseline"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{good}: 1 policy, good 1 (")
    assert lines[1].startswith("promethios:baseline: 4 policies, promethios-baseline 2026.11.1 (")


def test_check_lists_mistakes_and_fails_if_one_file_is_bad(good: str, bad: str) -> None:
    result = CliRunner().invoke(policies, ["check", bad, good])
    assert result.exit_code == 1
    assert result.stderr == (
        f"{bad}:6:75: 'action' is 'falg', but must be one of flag, redact, approve, block; "
        "did you mean 'flag'?\n"
    )
    assert result.stdout.startswith(f"{good}: 1 policy")


def test_check_tells_programs_the_same_as_json(good: str, bad: str) -> None:
    result = CliRunner().invoke(policies, ["check", good, bad, "--json"])
    assert result.exit_code == 1
    first, second = json.loads(result.stdout)["data"]
    assert first["ok"] is True
    assert first["policies"] == 1
    assert first["bundle"]["name"] == "good"
    assert second["ok"] is False
    assert second["problems"] == [
        {
            "file": bad,
            "line": 6,
            "column": 75,
            "message": "'action' is 'falg', but must be one of flag, redact, approve, block",
            "hint": "did you mean 'flag'?",
        }
    ]


def test_check_of_a_file_that_is_not_there_fails_with_its_name(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.yaml")
    result = CliRunner().invoke(policies, ["check", missing])
    assert result.exit_code == 1
    assert result.stderr == f"{missing}:1:1: the file cannot be read: No such file or directory\n"


def test_check_without_a_file_is_a_mistake_in_the_command() -> None:
    result = CliRunner().invoke(policies, ["check"])
    assert result.exit_code == 2
    assert "Missing argument 'FILE...'" in result.stderr
