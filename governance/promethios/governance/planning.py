"""Which policies an operation can still concern once its names are known.

Names (model, tool, agent, environment ...) have few values in one process, and most of what policies ask is
about them alone. What they decide is worked out when a combination is first seen: ``match``, and of a
condition what reads nothing but names (`Condition.screen`). What is left of the policies is a `Plan`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from promethios.governance.conditions import Condition
from promethios.governance.conditions.aliases import ALIASES, first_text
from promethios.governance.conditions.facts import Facts
from promethios.governance.operation import Operation
from promethios.governance.policies.matching import MATCHABLE, Matcher, Names
from promethios.governance.policies.model import After, Limit, Policy
from promethios.governance.pricing import PICO

#: How many combinations of names are remembered; an agent has a few, an attacker may make up many.
MAX_REMEMBERED: Final = 512
#: Names that are longer than this are not remembered.
MAX_NAME: Final = 256

# The attributes behind the names that have few values in one process.
_STEADY: Final = frozenset(
    attribute for alias in ALIASES.values() if alias.steady for attribute in alias.attributes
)

#: What a limit counts, for whom, and over which seconds.
Asked = tuple[str, str, float | None]


class Prepared:
    """A policy with what the engine asks of it made ready."""

    __slots__ = (
        "after",
        "asked",
        "attributes",
        "limit",
        "max",
        "names",
        "only_past",
        "policy",
        "steady",
        "step",
        "when",
    )

    def __init__(self, policy: Policy, when: Condition | None) -> None:
        match = policy.match or Matcher()
        steady = tuple(each for each in match.attributes if each[0] in _STEADY)
        others = tuple(each for each in match.attributes if each[0] not in _STEADY)
        self.policy = policy
        #: The condition: the same object for the same condition of several policies.
        self.when = when
        self.names = match.names
        #: What ``match`` asks of attributes that are names, and of others; None where that is nothing.
        self.steady = Matcher(attributes=steady) if steady else None
        self.attributes = Matcher(attributes=others) if others else None
        self.limit = policy.limit
        #: The limit's maximum as it is counted: cost in whole picodollars.
        self.max = _maximum(policy.limit)
        self.asked: Asked = _asked(policy.limit)
        self.after = policy.after
        self.step = step_of(policy.after) if policy.after else ""
        #: Nothing is asked beside names, a condition, and the limit or what came before.
        self.only_past = not (others or policy.detect) and bool(policy.limit) is not bool(policy.after)

    def reads(self) -> frozenset[str]:
        """The attributes that are looked at when a combination of names is first seen."""
        asked = {key for key, *_ in self.steady.attributes} if self.steady else frozenset[str]()
        screened = _STEADY if self.when is not None and self.when.screen is not None else frozenset[str]()
        return _behind(self.names) | asked | screened


class Step(NamedTuple):
    """A kind of step that some policy's ``after`` asks about: its name, whose it is, and which operations."""

    name: str
    per: str
    match: Matcher | None


class Plan(NamedTuple):
    """What is left to look at for the operations of one point with one combination of names.

    Args:
        groups: Policies by what is left of their condition (None: nothing): it is evaluated once.
        limits: Policies that have nothing but a limit, by what it counts: (the smallest maximum, policies).
        afters: Policies that have nothing but an ``after``, by what it asks.
        steps: The steps of sequences that the operation is, as far as its names say.
    """

    groups: tuple[tuple[Condition | None, tuple[Prepared, ...]], ...]
    limits: tuple[tuple[int, tuple[Prepared, ...]], ...]
    afters: tuple[tuple[Prepared, ...], ...]
    steps: tuple[Step, ...]


class PointPlanner:
    """Makes the plans of one intervention point. Threads may share it: two at once do the same work.

    Args:
        policies: Those that are evaluated at the point.
        afters: Every ``after`` of the bundle that asks about operations at the point.
    """

    def __init__(self, policies: Iterable[Policy], afters: Iterable[After]) -> None:
        conditions: dict[tuple[str, str], Condition] = {}
        self.policies = tuple(Prepared(policy, _same(policy, conditions)) for policy in policies)
        steps = {step_of(after): after for after in afters}
        #: The steps of sequences that operations at the point may be.
        self.steps = tuple(Step(name, after.per, after.match) for name, after in steps.items())
        reads = frozenset[str]().union(*(each.reads() for each in self.policies))
        reads |= frozenset[str]().union(*(_behind(step.match.names) for step in self.steps if step.match))
        self._reads = tuple(sorted(reads))
        self._remembered: dict[tuple[str | None, ...], Plan] = {}

    def __len__(self) -> int:
        """How many combinations of names are remembered."""
        return len(self._remembered)

    def plan(self, operation: Operation) -> Plan:
        """The plan for the operation. It raises what the attributes raise when they are read."""
        get = operation.attributes.get
        names = tuple([get(name) for name in self._reads])
        for name in names:
            if name is not None and type(name) is not str:
                return self._make(operation)  # no name: only its own operation knows what it means
        found = self._remembered.get(names)
        if found is None:
            found = self._make(operation)
            self._remember(names, found)
        return found

    def _remember(self, names: tuple[str | None, ...], plan: Plan) -> None:
        if all(name is None or len(name) <= MAX_NAME for name in names):
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[names] = plan

    def _make(self, operation: Operation) -> Plan:
        attributes = operation.attributes
        given = {key: first_text(attributes, ALIASES[alias].attributes) for key, alias in MATCHABLE.items()}
        facts = Facts(operation)
        groups: dict[int, tuple[Condition | None, list[Prepared]]] = {}
        limits: dict[Asked, list[Prepared]] = {}
        afters: dict[tuple[str, float | None], list[Prepared]] = {}
        for each in self.policies:
            if not _concerns(each, given, attributes):
                continue
            concerned, condition = _left(each.when, facts)
            if not concerned:
                continue
            if condition is None and each.only_past and each.limit:
                limits.setdefault(each.asked, []).append(each)
            elif condition is None and each.only_past and each.after:
                afters.setdefault((each.step, each.after.within), []).append(each)
            else:
                groups.setdefault(id(condition), (condition, []))[1].append(each)
        return Plan(
            tuple((condition, tuple(members)) for condition, members in groups.values()),
            tuple((min(each.max for each in group), tuple(group)) for group in limits.values()),
            tuple(map(tuple, afters.values())),
            tuple(step for step in self.steps if _fits(step.match, given)),
        )


def step_of(after: After) -> str:
    """A name of the steps that ``after`` asks about: equal in every bundle that asks about the same.

    ``within`` is no part of it: how far policies look back does not change what happened.
    """
    return f"{after.per} {sorted(after.on)} {_written(after.match)}"


def _written(match: Matcher | None) -> str:
    if match is None:
        return "*"
    names = sorted((key, sorted(each.exact | each.globs)) for key, each in match.names)
    attributes = sorted(
        (key, sorted(each.exact | each.globs), sorted(map(repr, values)))
        for key, each, values in match.attributes
    )
    return f"{names} {attributes}"


def _asked(limit: Limit | None) -> Asked:
    return (limit.of, limit.per, limit.window) if limit else ("", "", None)


def _maximum(limit: Limit | None) -> int:
    if limit is None:
        return 0
    return round(limit.max * PICO) if limit.of == "cost" else int(limit.max)


def _concerns(each: Prepared, given: Mapping[str, str], attributes: Mapping[str, Any]) -> bool:
    if not all(names.hold(given[key]) for key, names in each.names):
        return False
    return each.steady is None or each.steady.attributes_hold(attributes)


def _fits(match: Matcher | None, given: Mapping[str, str]) -> bool:
    return match is None or all(names.hold(given[key]) for key, names in match.names)


def _left(when: Condition | None, facts: Facts) -> tuple[bool, Condition | None]:
    """Whether the condition can still hold, and what is left of it to look at for each operation."""
    if when is None or when.screen is None:
        return True, when
    try:
        value = when.screen(facts)
    except Exception:
        return True, when
    if value is False:
        return False, None
    return True, None if when.settled and value is True else when


def _behind(names: tuple[tuple[str, Names], ...]) -> frozenset[str]:
    """The attributes that ``match`` reads for these names."""
    return frozenset(attribute for key, _ in names for attribute in ALIASES[MATCHABLE[key]].attributes)


def _same(policy: Policy, known: dict[tuple[str, str], Condition]) -> Condition | None:
    """The policy's condition, or an equal one that is known: the same text with the same parameters."""
    if policy.when is None:
        return None
    params = json.dumps(dict(policy.params), sort_keys=True, default=repr)
    return known.setdefault((policy.when.source, params), policy.when)
