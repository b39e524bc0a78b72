"""Which policies an operation concerns, found by its point and its names without asking every policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.conditions import EvaluationError
from promethios.governance.conditions.aliases import ALIASES, first_text
from promethios.governance.conditions.facts import Facts
from promethios.governance.operation import Operation
from promethios.governance.policies.matching import MATCHABLE
from promethios.governance.policies.model import Policy

#: How many combinations of names are remembered; an agent has a few, an attacker may make up many.
MAX_REMEMBERED: Final = 512
#: A longer name is not remembered, so that what is remembered stays small.
MAX_NAME: Final = 256

#: Every attribute that a ``match`` or a steady part of a condition can look at.
_STEADY: Final = tuple(
    dict.fromkeys(
        attribute
        for name, alias in ALIASES.items()
        if alias.steady or name in MATCHABLE.values()
        for attribute in alias.attributes
    )
)


class PointIndex:
    """The policies of one intervention point.

    What they say about a combination of names (tool, model, agent, environment ...) is remembered, so that
    their ``match``, and what their conditions ask of names alone, is looked at once and not for every
    operation: ``environment == "staging" && arguments.amount > 5`` is not asked again in production. Threads
    may share it: two at once do the same work.

    Args:
        policies: Those that are evaluated at the point, in the order of the bundle.
    """

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
        self._remembered: dict[tuple[Any, ...], tuple[Policy, ...]] = {}
        self._selective = any(policy.match or _screened(policy) for policy in policies)

    def concerned(self, attributes: Mapping[str, Any]) -> tuple[Policy, ...]:
        """The policies that the names do not rule out; ``attributes`` are still to be compared."""
        if not self._selective:
            return self.policies
        get = attributes.get
        values = tuple([get(name) for name in _STEADY])
        try:
            found = self._remembered.get(values)
        except Exception:  # a value that has no hash is no name
            found = None
        return self._find(values, attributes) if found is None else found

    def _find(self, values: tuple[Any, ...], attributes: Mapping[str, Any]) -> tuple[Policy, ...]:
        given = {key: first_text(attributes, ALIASES[name].attributes) for key, name in MATCHABLE.items()}
        found = tuple(
            policy for policy in self.policies if _fits(policy, given) and not _ruled_out(policy, attributes)
        )
        # Only plain texts are remembered: 1 and True are one key, and an object may equal what it likes.
        if all(value is None or (type(value) is str and len(value) <= MAX_NAME) for value in values):
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[values] = found
        return found


def _screened(policy: Policy) -> bool:
    return policy.when is not None and policy.when.screen is not None


def _fits(policy: Policy, given: Mapping[str, str]) -> bool:
    return policy.match is None or all(names.hold(given[key]) for key, names in policy.match.names)


def _ruled_out(policy: Policy, attributes: Mapping[str, Any]) -> bool:
    """Whether the names alone make its condition false. What cannot be told is left to the evaluation."""
    if policy.when is None or policy.when.screen is None:
        return False
    try:
        return policy.when.screen(Facts(Operation(policy.on[0], attributes))) is False
    except EvaluationError:
        return False
