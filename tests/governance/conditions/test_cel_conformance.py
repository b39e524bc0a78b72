"""The official conformance cases that are inside the profile: every one of them holds."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.governance.conditions.cel_spec import Missing, cases, outside, plain
from tests.governance.conditions.test_cel_differential import DataFrame, read, same

import promethios.governance.conditions
from promethios.governance.conditions import ConditionError, Environment, EvaluationError, Variable
from promethios.governance.conditions.compiler import Compiler
from promethios.governance.conditions.parser import parse
from promethios.governance.conditions.types import DYN

README = Path(promethios.governance.conditions.__file__).with_name("README.md")


@pytest.fixture(scope="module")
def official() -> list[dict[str, Any]]:
    try:
        return cases()
    except Missing as missing:
        pytest.skip(str(missing))


def answer(case: dict[str, Any]) -> Any:
    """What our closures make of the case; an error, whether it is told early or late, is one value."""
    bindings = case["original"].get("bindings", {})
    data = {name: plain(each["value"]) for name, each in bindings.items()}
    variables = {name: Variable(DYN, partial(read, name)) for name in data}
    try:
        return Compiler(Environment(variables)).compile(parse(case["original"]["expr"])).run(DataFrame(data))
    except (ConditionError, EvaluationError):
        return "error"


def test_every_official_case_inside_the_profile_holds(official: list[dict[str, Any]]) -> None:
    inside = [case for case in official if not outside(case)]
    wrong = []
    for case in inside:
        original, mine = case["original"], answer(case)
        wanted = plain(original["value"]) if "value" in original else "error"
        if not same(mine, wanted):
            wrong.append(f"{case['path']}: {original['expr']}\n  ours: {mine!r}\n  official: {wanted!r}")
    assert not wrong, "\n".join(wrong[:10])
    assert len(inside) > 400


def test_the_readme_says_how_many_cases_are_inside_and_what_puts_the_others_outside(
    official: list[dict[str, Any]],
) -> None:
    counted = Counter(map(outside, official))
    inside = counted.pop("")
    text = README.read_text(encoding="utf-8")
    assert f"{inside} of {len(official)}" in text
    for reason, count in counted.items():
        assert f"| {reason} | {count} |" in text
