"""The answer where deciding itself goes wrong: each policy's ``onError``, as if the policy were at fault.

`Engine.evaluate` answers for conditions, detectors and limits that fail. What is left is what it stands on:
the state that operations are counted in, attributes that cannot be listed, a bug of ours.
"""

from __future__ import annotations

from dataclasses import replace

from promethios.governance.decision import Decision, Match, Verdict
from promethios.governance.operation import Operation
from promethios.governance.policies.model import Bundle, Policy


def undecided(bundle: Bundle, operation: Operation, error: Exception) -> Decision:
    """The decision on an operation that could not be decided at all: every policy at its point fails."""
    nothing = Decision(
        point=operation.point,
        verdict=Verdict.ALLOW,
        enforced=Verdict.ALLOW,
        matches=(),
        payload=operation.payload,
        bundle=bundle.id,
        duration_ns=0,
    )
    return _failing(nothing, [each for each in bundle.policies if operation.point in each.on], error)


def uncounted(bundle: Bundle, decision: Decision, error: Exception) -> Decision:
    """`decision` on an operation that could not be counted: the policies that count fail, if they did not."""
    counting = [
        policy
        for policy in bundle.policies
        if decision.point in policy.on and (policy.limit is not None or policy.after is not None)
    ]
    known = {match.policy_id for match in decision.matches}
    return _failing(decision, [policy for policy in counting if policy.id not in known], error)


def _failing(decision: Decision, policies: list[Policy], error: Exception) -> Decision:
    failed = [_failed(policy, error) for policy in policies]
    matches = tuple(sorted((*decision.matches, *failed), key=lambda match: -match.action.rank))
    enforced = [match.action for match in matches if match.mode == "enforce"]
    return replace(
        decision,
        matches=matches,
        verdict=matches[0].action if matches else Verdict.ALLOW,
        enforced=enforced[0] if enforced else Verdict.ALLOW,
    )


def _failed(policy: Policy, error: Exception) -> Match:
    return Match(
        policy_id=policy.id,
        severity=policy.severity,
        action=policy.on_error,
        reason=f"policy '{policy.id}' could not be evaluated: {type(error).__name__}",
        mode=policy.mode,
        controls=policy.controls,
        failed=True,
        rule=policy.rule,
    )
