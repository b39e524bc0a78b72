"""An operation that is looked at once more, by one who knows more of it: it must not count for itself."""

from __future__ import annotations

from typing import Any

from promethios.governance.decision import Decision, Verdict
from promethios.governance.limits import Counter, State


class CountedOnce:
    """A state as it was before the operation that is looked at again was counted; for reading only.

    Args:
        state: The state, in which the operation's own call is counted already.
        kind: The operation's kind.
    """

    def __init__(self, state: State, kind: str) -> None:
        self._state, self._kind = state, kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)

    def used(self, counter: Counter, window: float | None = None) -> Any:
        """What was used without the operation's own call."""
        used = self._state.used(counter, window)
        own = counter.of == "calls" and counter.kind == self._kind
        return max(0, used - 1) if own else used


def says_more(decision: Decision, first: Decision | None) -> bool:
    """Whether `decision` says anything that `first` did not: another policy, or what is enforced."""
    if decision.enforced.rank > Verdict.FLAG.rank:
        return True
    known = {match.policy_id for match in first.matches} if first else set()
    return any(match.policy_id not in known for match in decision.matches)
