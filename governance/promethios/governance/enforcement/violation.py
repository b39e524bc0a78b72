"""What a caller gets instead of the operation that policies stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from promethios.governance.decision import Decision


class PolicyViolation(Exception):
    """Policies stopped an operation. It did not run, or its result is withheld.

    The message names the policy and its reason and never holds content; nor does `decision`, whose payload is
    empty here, because error reporters save what exceptions carry.

    Args:
        decision: The decision that stopped the operation.
    """

    def __init__(self, decision: Decision) -> None:
        self.decision = replace(decision, payload={})
        match = decision.stopped_by
        self.policy_id = match.policy_id if match else ""
        self.reason = match.reason if match else "stopped"
        waits = match is not None and match.action == "approve"
        verb = "needs an approval, which nobody can give yet, by" if waits else "blocked by"
        super().__init__(f"{decision.point} {verb} policy '{self.policy_id}': {self.reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        return PolicyViolation, (self.decision,)


def find_violation(error: BaseException | None) -> PolicyViolation | None:
    """The violation that `error` is or hides: frameworks wrap what a call of theirs raises.

    Looks along ``__cause__`` and ``__context__`` and into exception groups.
    """
    return next((e for e in _family(error) if isinstance(e, PolicyViolation)), None)


def is_violation(error: BaseException | None) -> bool:
    """Whether `error` is a `PolicyViolation`, or was raised because of one."""
    return find_violation(error) is not None


def _family(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__context__, current.__cause__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
