"""Cases: what they can say, what they find, and every mistake in a file of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from promethios.governance.policies import PolicyError
from promethios.governance.policies.cases import parse_cases, run_case
from promethios.governance.policies.cli import policies

POLICIES = """\
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: p, version: "1"}
spec:
  policies:
    - {id: calls, severity: low, on: [tool.before], action: flag,
       limit: {of: calls, max: 2, per: agent, window: 10m}}
    - {id: cards, severity: low, on: [tool.before], detect: {any: [pii.card]}, action: redact}
    - {id: trust, severity: low, on: [agent.before], when: 'trust.score < 300', action: approve, message: low}
    - {id: broken, severity: low, on: [tool.after], when: 'attributes["x"] == 1', action: flag}
    - {id: follows, severity: low, on: [model.before], mode: shadow, action: flag,
       after: {match: {tool: read}, within: 10m, per: conversation}}
"""
CASE = "apiVersion: promethios.dev/v1alpha1\nkind: PolicyCases\npolicies: p.yaml\ncases:\n  - {}\n"
HEAD = "apiVersion: promethios.dev/v1alpha1\nkind: PolicyCases\npolicies: p.yaml\ncases:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICIES, encoding="utf-8")
    return tmp_path


def failures(folder: Path, *cases: str) -> list[tuple[int, str, str]]:
    text = HEAD + "".join(f"  - {{name: c{number}, {case}}}\n" for number, case in enumerate(cases))
    outcomes = [run_case(case) for case in parse_cases(text, folder=folder)]
    return [(each.step, each.expected, each.got) for outcome in outcomes for each in outcome.failures]


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_cases(text, "c.yaml", folder=folder)
    return str(caught.value).splitlines()


TOOL = "operation: {point: tool.before, attributes: {agent.name: a}}"


@pytest.mark.parametrize(
    "case",
    [
        f"{TOOL}, expect: {{verdict: allow, enforced: allow, policies: [], failed: []}}",
        f"steps: [{{{TOOL}, repeat: 2, expect: {{policies: []}}}},{{{TOOL}, expect: {{policies: [calls]}}}}]",
        f"steps: [{{{TOOL}, repeat: 9}}, {{wait: 11m}}, {{{TOOL}, expect: {{verdict: allow}}}}]",
        (
            "operation: {point: tool.before, arguments: {n: 4111111111111111, m: x 4111 1111 1111 1111}}, "
            "expect: {enforced: redact, contains: ['x [REDACTED:pii.card]'], excludes: '4111 1111'}"
        ),
        "trust: 299, operation: {point: agent.before}, expect: {enforced: approve, reasons: low}",
        "trust: 300, operation: {point: agent.before}, expect: {verdict: allow}",
        "operation: {point: agent.before}, expect: {verdict: allow}",
        "operation: {point: tool.after}, expect: {failed: [broken], policies: [], enforced: flag}",
        "operation: {point: tool.after, attributes: {x: 1}}, expect: {failed: [], policies: [broken]}",
        (
            "steps: [{operation: {point: tool.before, attributes: {tool.name: read}}}, "
            "{wait: 9m, operation: {point: model.before}, expect: {verdict: flag, enforced: allow}}, "
            "{wait: 2m, operation: {point: model.before}, expect: {verdict: allow}}]"
        ),
    ],
)
def test_a_case_that_says_what_happens_passes(folder: Path, case: str) -> None:
    assert failures(folder, case) == []


@pytest.mark.parametrize(
    ("case", "expected", "got"),
    [
        ("expect: {verdict: block}", "verdict block", "verdict redact"),
        ("expect: {enforced: allow}", "enforced allow", "enforced redact"),
        ("expect: {policies: []}", "policies none", "policies cards"),
        ("expect: {policies: [calls, broken]}", "policies broken, calls", "policies cards"),
        ("expect: {failed: [cards]}", "failed cards", "failed none"),
        ("expect: {reasons: [zzz]}", "a reason with 'zzz'", "no such reason"),
        ("expect: {contains: ['4111']}", "a payload with '4111'", "it is not there"),
        ("expect: {excludes: [REDACTED]}", "a payload without 'REDACTED'", "it is there"),
    ],
)
def test_a_case_that_says_otherwise_fails_with_what_came(
    folder: Path, case: str, expected: str, got: str
) -> None:
    operation = "operation: {point: tool.before, arguments: {m: 4111 1111 1111 1111}}"
    assert failures(folder, f"{operation}, {case}") == [(1, expected, got)]


def test_each_case_begins_with_nothing_counted(folder: Path) -> None:
    step = f"steps: [{{{TOOL}, repeat: 2, expect: {{verdict: allow}}}}]"
    assert failures(folder, step, step) == []


def test_a_failing_case_is_run_to_its_end(folder: Path) -> None:
    steps = (
        f"steps: [{{{TOOL}, repeat: 5, expect: {{verdict: block}}}}, {{{TOOL}, expect: {{verdict: redact}}}}]"
    )
    assert [step for step, *_ in failures(folder, steps)] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            ("1:1: the file is empty; cases begin with 'apiVersion: promethios.dev/v1alpha1'"),
        ),
        (
            "5",
            ("1:1: the file must be a map, not a whole number"),
        ),
        (
            "kind: PolicySet",
            ("1:7: 'kind' is 'PolicySet', but must be one of PolicyCases; did you mean 'PolicyCases'?"),
        ),
        (
            "cases: []",
            ("1:8: 'cases' must be a list with at least one value"),
        ),
        (
            CASE.format("{}"),
            ("5:5: case 1 has no 'name'"),
        ),
        (
            CASE.format("{name: a}"),
            ("5:5: case 1 has no 'operation'"),
        ),
        (
            CASE.format("{name: a, opreation: {}}"),
            ("5:15: unknown key 'opreation' in case 1; did you mean 'operation'?"),
        ),
        (
            CASE.format("{name: a, steps: []}"),
            ("5:22: 'steps' must be a list with at least one value"),
        ),
        (
            CASE.format("{name: a, steps: [{wait: 5m}]}"),
            ("5:22: no step has an operation; there is operation, expect, repeat, wait"),
        ),
        (
            CASE.format("{name: a, steps: [{}]}"),
            ("5:23: step 1 has no 'operation' and no 'wait'"),
        ),
        (
            CASE.format("{name: a, steps: [{wait: 5}]}"),
            ("5:30: 'wait' must be a time such as 30s, 10m, 6h or 7d, 7d at most"),
        ),
        (
            CASE.format("{name: a, expect: {}, steps: [{wait: 5m}]}"),
            ("5:23: 'expect' stands in the steps where there are 'steps'"),
        ),
        (
            CASE.format("{name: a, operation: {}, expect: {}}"),
            ("5:26: 'operation' has no 'point'"),
        ),
        (
            CASE.format("{name: a, operation: {}, expect: {}}"),
            (
                "5:38: 'expect' is empty; there is verdict, enforced, policies, failed, reasons, "
                "contains, excludes"
            ),
        ),
        (
            CASE.format("{name: a, operation: {point: tol}, expect: {}}"),
            (
                "5:34: 'point' is 'tol', but must be one of agent.before, agent.after, "
                "model.before, model.after, tool.before, tool.after, response"
            ),
        ),
        (
            CASE.format("{name: a, operation: {point: response, attributes: {tool.nam: x}}}"),
            ("5:57: unknown name 'tool.nam'; did you mean 'tool.name'?"),
        ),
        (
            CASE.format("{name: a, operation: {point: response, attributes: {tool.name: {}}}}"),
            ("5:68: 'tool.name' must be text, a number, true or false, not a map"),
        ),
        (
            CASE.format("{name: a, operation: {point: response, text: x}}"),
            (
                "5:44: unknown key 'text' in 'operation'; there is point, attributes, input, "
                "output, arguments, result"
            ),
        ),
        (
            CASE.format("{name: a, expect: {verdict: deny}}"),
            (
                "5:33: 'verdict' is 'deny', but must be one of allow, flag, redact, approve, block; "
                "'block' does that"
            ),
        ),
        (
            CASE.format("{name: a, trust: 1001}"),
            ("5:22: 'trust' must be a number, 0 or more; 1000 at most"),
        ),
        (
            CASE.format("{name: a, steps: [{repeat: 0}]}"),
            ("5:32: 'repeat' must be a whole number from 1 to 10000"),
        ),
        (
            CASE.format("{name: a, steps: [{expect: {verdict: allow}, wait: 1m}]}"),
            ("5:32: nothing is decided in this step; add 'operation'"),
        ),
    ],
)
def test_a_mistake_in_a_file_of_cases_names_its_place_and_what_to_do(
    folder: Path, text: str, message: str
) -> None:
    assert f"c.yaml:{message}" in mistakes(folder, text)


def test_cases_without_policies_are_a_mistake(folder: Path) -> None:
    text = HEAD.replace("policies: p.yaml\n", "") + "  - {name: a}\n"
    assert "c.yaml:4:5: case 1 has no 'policies'; name a file here or above 'cases'" in mistakes(folder, text)


def test_a_case_may_have_policies_of_its_own(folder: Path) -> None:
    case = f"policies: 'promethios:pii', {TOOL}, expect: {{verdict: allow}}"
    assert failures(folder, case) == []


def test_mistakes_in_the_policies_are_told_at_their_place(folder: Path) -> None:
    (folder / "p.yaml").write_text(POLICIES.replace("pii.card", "pii.crad"), encoding="utf-8")
    assert mistakes(folder, HEAD + f"  - {{name: a, {TOOL}, expect: {{verdict: allow}}}}\n") == [
        "c.yaml:3:11: the policies of 'p.yaml' cannot be used; see below",
        f"{folder}/p.yaml:8:68: there is no detector 'pii.crad'; did you mean 'pii.card'?",
    ]


# The command.


def run(*arguments: str) -> Result:
    return CliRunner().invoke(policies, ["test", *arguments])


GOOD = f"  - {{name: good, {TOOL}, expect: {{verdict: allow}}}}\n"
BAD = "  - {name: bad, operation: {point: agent.before}, expect: {verdict: block}, trust: 1}\n"


def test_the_command_lists_what_passed_and_what_failed_with_its_reasons(folder: Path) -> None:
    file = folder / "c.yaml"
    file.write_text(HEAD + GOOD + BAD, encoding="utf-8")
    result = run(str(file), "--verbose")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        str(file),
        "  passed  good",
        "  FAILED  bad",
        "          line 6, step 1",
        "            expected  verdict block",
        "            got       verdict approve",
        "            because   trust: low",
        f"no case matches calls, cards, broken, follows of {folder}/p.yaml",
        "2 cases, 1 failed",
    ]


def test_the_command_finds_the_cases_of_a_folder_among_other_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "c.yml").write_text(HEAD.replace("p.yaml", "../p.yaml") + GOOD, encoding="utf-8")
    (folder / "other.yaml").write_text("kind: Deployment\n", encoding="utf-8")
    result = run(str(folder))
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 case, 0 failed")


def test_the_command_tells_programs_the_same_as_json(folder: Path) -> None:
    file = folder / "c.yaml"
    file.write_text(HEAD + GOOD + BAD, encoding="utf-8")
    result = run(str(file), "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["cases"], answer["failed"]) == (2, 1)
    assert [each["ok"] for each in answer["data"]] == [True, False]
    assert answer["data"][1]["failures"] == [
        {
            "line": 6,
            "step": 1,
            "expected": "verdict block",
            "got": "verdict approve",
            "reasons": ["trust: low"],
        }
    ]
    assert answer["unmatched"] == {f"{folder}/p.yaml": ["calls", "cards", "broken", "follows"]}


def test_the_command_ends_with_two_where_cases_cannot_be_read(folder: Path) -> None:
    missing = folder / "none.yaml"
    result = run(str(missing))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{missing}:1:1: the file cannot be read: No such file or directory\n"


def test_the_command_ends_with_two_where_a_folder_has_no_cases(folder: Path) -> None:
    result = run(str(folder))
    assert result.exit_code == 2
    assert f"there are no cases in '{folder}': no file in it has 'kind: PolicyCases'" in result.stderr
