"""The ready-made bundles do what their cases say, and every one of their policies has a case."""

from __future__ import annotations

from pathlib import Path

import pytest

import promethios.governance.policies
from promethios.governance.policies import load_bundle
from promethios.governance.policies.cases import Case, load_cases, run_case
from promethios.governance.policies.cases.report import unmatched
from promethios.governance.policies.sources import library

CASES = Path(promethios.governance.policies.__file__).parent / "library" / "cases"
ALL = [case for file in sorted(CASES.glob("*.yaml")) for case in load_cases(file)]


def test_the_library_is_complete() -> None:
    sets = ("baseline", "budgets", "owasp-agentic", "pii", "secrets", "tools")
    assert library() == tuple(f"promethios:{name}" for name in sets)
    assert sorted(file.stem for file in CASES.glob("*.yaml")) == list(sets)


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{Path(case.source).stem}: {case.name}")
def test_a_case_of_the_library_holds(case: Case) -> None:
    assert run_case(case).failures == ()


@pytest.mark.parametrize("name", library())
def test_every_policy_of_a_bundle_matches_in_a_case(name: str) -> None:
    outcomes = [run_case(case) for case in ALL if case.bundle.sources[0] == name]
    inherited = {policy.id for base in load_bundle(name).sources[1:] for policy in load_bundle(base).policies}
    assert set(unmatched(outcomes).get(name, ())) <= inherited


def test_every_risk_of_the_agentic_top_ten_is_named_by_a_policy_and_no_policy_names_none() -> None:
    policies = load_bundle("promethios:owasp-agentic").policies
    risks = {control for policy in policies for control in policy.controls if control.startswith("OWASP-ASI")}
    assert risks == {f"OWASP-ASI{number:02}" for number in range(1, 11)}
    assert all(any(control.startswith("OWASP-ASI") for control in policy.controls) for policy in policies)


@pytest.mark.parametrize("name", library())
def test_what_stops_an_operation_says_why_in_its_own_words(name: str) -> None:
    assert all(policy.message for policy in load_bundle(name).policies)


def test_the_whole_library_can_be_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        "apiVersion: promethios.dev/v1alpha1\nkind: PolicySet\nmetadata: {name: all, version: '1'}\n"
        f"spec: {{extends: [{', '.join(repr(name) for name in library())}]}}\n",
        encoding="utf-8",
    )
    ids = [policy.id for policy in load_bundle(path).policies]
    assert len(ids) == len(set(ids)) == len({p.id for name in library() for p in load_bundle(name).policies})
