"""Which policies an operation concerns, found by its point and its names without asking every policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from promethios.governance.conditions.aliases import ALIASES, first_text
from promethios.governance.policies.matching import MATCHABLE
from promethios.governance.policies.model import Policy

#: How many combinations of names are remembered; an agent has a few, an attacker may make up many.
MAX_REMEMBERED: Final = 512


class PointIndex:
    """The policies of one intervention point.

    What their patterns say about a combination of names (tool, model, agent ...) is remembered, so that they
    are compared once and not for every operation. Threads may share it: two at once do the same work.

    Args:
        policies: Those that are evaluated at the point, in the order of the bundle.
    """

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
        used = {key for policy in policies if policy.match for key, _ in policy.match.names}
        self._attributes = tuple((key, ALIASES[MATCHABLE[key]].attributes) for key in sorted(used))
        self._remembered: dict[tuple[str, ...], tuple[Policy, ...]] = {}

    def concerned(self, attributes: Mapping[str, Any]) -> tuple[Policy, ...]:
        """The policies whose names fit; the attributes of their ``match`` are still to be compared."""
        if not self._attributes:
            return self.policies
        values = tuple([first_text(attributes, names) for _, names in self._attributes])
        found = self._remembered.get(values)
        if found is None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[values] = self._find(values)
        return found

    def _find(self, values: tuple[str, ...]) -> tuple[Policy, ...]:
        given = {key: value for (key, _), value in zip(self._attributes, values, strict=True)}
        return tuple(
            policy
            for policy in self.policies
            if policy.match is None or all(names.hold(given[key]) for key, names in policy.match.names)
        )
