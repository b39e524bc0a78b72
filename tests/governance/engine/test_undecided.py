"""The answer where deciding or counting itself goes wrong."""

from __future__ import annotations

import pytest

from promethios.governance.decision import Decision, Match, Verdict
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle
from promethios.governance.undecided import uncounted, undecided

BUNDLE = parse_bundle(
    """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: undecided, version: "1"}
spec:
  policies:
    - {id: flags, severity: low, on: [tool.before], match: {tool: x}, action: flag, onError: flag}
    - id: shadow
      severity: high
      on: [tool.before]
      mode: shadow
      controls: [C-1]
      limit: {of: calls, max: 1, per: tool}
      action: block
      onError: block
    - id: steps
      severity: low
      on: [tool.before]
      after: {match: {tool: y}, per: agent}
      action: flag
      onError: approve
    - {id: other, severity: low, on: [model.before], limit: {of: tokens, max: 1, per: agent}, action: flag}
"""
)
OPERATION = Operation("tool.before", arguments={"a": 1})


def nothing(*matches: Match) -> Decision:
    return Decision("tool.before", Verdict.ALLOW, Verdict.ALLOW, matches, {}, BUNDLE.id, 7)


def test_every_policy_of_the_point_fails_the_most_severe_first() -> None:
    decision = undecided(BUNDLE, OPERATION, OSError("content"))
    assert [match.policy_id for match in decision.matches] == ["shadow", "steps", "flags"]
    assert (decision.verdict, decision.enforced) == (Verdict.BLOCK, Verdict.APPROVE)
    assert (decision.point, decision.bundle, decision.duration_ns) == ("tool.before", BUNDLE.id, 0)
    assert decision.payload == {"arguments": {"a": 1}}
    assert decision.matches[0] == Match(
        policy_id="shadow",
        severity="high",
        action=Verdict.BLOCK,
        reason="policy 'shadow' could not be evaluated: OSError",
        mode="shadow",
        controls=("C-1",),
        failed=True,
        rule="limit",
    )


@pytest.mark.parametrize("point", ["response", "model.after"])
def test_where_no_policy_decides_the_operation_goes_on(point: str) -> None:
    decision = undecided(BUNDLE, Operation(point), OSError())
    assert (decision.verdict, decision.enforced, decision.matches) == (Verdict.ALLOW, Verdict.ALLOW, ())


def test_where_counting_fails_the_policies_that_count_do_beside_what_was_decided() -> None:
    known = Match("flags", "low", Verdict.FLAG, "because")
    decision = uncounted(BUNDLE, nothing(known), OSError())
    assert [match.policy_id for match in decision.matches] == ["shadow", "steps", "flags"]
    assert (decision.verdict, decision.enforced) == (Verdict.BLOCK, Verdict.APPROVE)
    assert decision.matches[2] is known
    assert decision.duration_ns == 7


def test_a_policy_that_counts_and_matched_already_does_not_fail_as_well() -> None:
    known = Match("steps", "low", Verdict.FLAG, "because")
    decision = uncounted(BUNDLE, nothing(known), OSError())
    assert [(match.policy_id, match.failed) for match in decision.matches] == [
        ("shadow", True),
        ("steps", False),
    ]
    assert decision.enforced is Verdict.FLAG
