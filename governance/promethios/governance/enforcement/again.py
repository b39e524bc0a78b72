"""An operation that is looked at once more, by one who knows more of it."""

from __future__ import annotations

from promethios.governance.decision import Decision, Verdict


def says_more(decision: Decision, first: Decision | None) -> bool:
    """Whether `decision` says anything that `first` did not: another policy, or what is enforced."""
    if decision.enforced.rank > Verdict.FLAG.rank:
        return True
    known = {match.policy_id for match in first.matches} if first else set()
    return any(match.policy_id not in known for match in decision.matches)
