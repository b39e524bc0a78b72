"""Whether zero code chooses our completion hook: only where that is free, of use, and ours."""

from __future__ import annotations

import pytest

from promethios.exporter.completion import VARIABLE, choose
from promethios.governance import Governor

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {{name: choice, version: "1"}}
spec:
  policies:
    - id: one
      severity: low
      on: [{point}]
      detect: {{in: [{where}], any: ["pii.card"]}}
      action: flag
"""


def governor(point: str, where: str = "input") -> Governor:
    return Governor.from_text(POLICIES.format(point=point, where=where))


def test_it_is_chosen_where_policies_decide_at_a_model() -> None:
    environ: dict[str, str] = {}
    assert choose(environ, governor("model.before"))
    assert environ == {VARIABLE: "promethios"}


@pytest.mark.parametrize("taken", ["upload", "promethios", ""])
def test_a_choice_of_others_stays(taken: str) -> None:
    environ = {VARIABLE: taken}
    assert not choose(environ, governor("model.before"))
    assert environ == {VARIABLE: taken}


def test_it_is_not_chosen_where_no_policy_decides_at_models_or_agents() -> None:
    environ: dict[str, str] = {}
    assert not choose(environ, governor("tool.before", "tool.arguments"))
    assert environ == {}
