"""A bundle of policies as data: what the loader makes of a file, and what the engine evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from promethios.governance.conditions import Condition
from promethios.governance.decision import BundleId, Verdict
from promethios.governance.detectors import Detector
from promethios.governance.policies.matching import Matcher
from promethios.governance.policies.template import Template

API_VERSION: Final = "promethios.dev/v1alpha1"
KIND: Final = "PolicySet"
SEVERITIES: Final = ("low", "medium", "high", "critical")
MODES: Final = ("enforce", "shadow")


@dataclass(frozen=True, slots=True)
class Detect:
    """Holds where one of the detectors hits in one of the fields.

    Args:
        fields: Fields of the payload: ``input``, ``output``, ``arguments``, ``result``.
        detectors: Ids of detectors, patterns such as ``secret.*`` resolved.
    """

    fields: tuple[str, ...]
    detectors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Limit:
    """Holds where `max` or more has been used already.

    Args:
        of: ``calls`` (of the operation's kind), ``tokens``, or ``cost`` in US dollars.
        max: What may be used in all, or within the window.
        per: ``conversation``, ``agent``, ``tool`` or ``tenant``.
        window: Seconds; None counts since the process started.
    """

    of: str
    max: int | float
    per: str
    window: float | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Holds where another operation has passed before: a combination of steps that are allowed alone.

    Args:
        on: The points at which the earlier operation was decided.
        match: Which operations count; None counts every one at those points.
        per: ``conversation``, ``agent`` or ``tenant``: what the two have in common.
        within: Seconds; None looks back to the start of the process.
    """

    on: tuple[str, ...]
    match: Matcher | None
    per: str
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a model's tokens cost, in US dollars for a million."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. It matches where all of `match`, `detect`, `when`, `limit` and `after` that it has hold.

    Args:
        id: Its name, unique in the bundle.
        severity: One of `SEVERITIES`.
        on: The intervention points at which it is evaluated.
        action: The verdict it asks for.
        on_error: The verdict where it cannot be evaluated.
        mode: ``enforce`` or ``shadow``.
        controls: Controls of frameworks that it serves.
        message: The reason, for people; None takes a default.
        params: Constants of its condition.
        weight: What a match weighs in the agent's trust; None takes the weight of the severity.
    """

    id: str
    severity: str
    on: tuple[str, ...]
    action: Verdict
    on_error: Verdict = Verdict.FLAG
    mode: str = "enforce"
    controls: tuple[str, ...] = ()
    match: Matcher | None = None
    detect: Detect | None = None
    when: Condition | None = None
    limit: Limit | None = None
    message: Template | None = None
    params: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    after: After | None = None
    weight: float | None = None

    @property
    def rule(self) -> str:
        """What says most about why it matches: ``detect``, ``limit``, ``after``, ``when`` or ``match``."""
        parts = {"detect": self.detect, "limit": self.limit, "after": self.after, "when": self.when}
        return next((name for name, part in parts.items() if part is not None), "match")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What policies take where they say nothing; `on_error` is None where the bundle does not say either."""

    mode: str = "enforce"
    on_error: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Policies that belong together, with their identity.

    Args:
        id: Name, version, and the hash of the text they were read from.
        policies: In the order of the file.
        defaults: The bundle's defaults, already applied to its policies.
        owner: Who answers for them; empty where not given.
        detectors: Detectors of its own, beside those that every bundle has.
        prices: What models cost, over the table that comes with the package.
        stable_placeholders: Whether a placeholder tells equal values of one conversation from others.
        sources: The names of the files that it was read from, its own first, and ``promethios:...``.
    """

    id: BundleId
    policies: tuple[Policy, ...]
    defaults: Defaults = Defaults()
    owner: str = ""
    detectors: tuple[Detector, ...] = ()
    prices: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))
    stable_placeholders: bool = False
    sources: tuple[str, ...] = ()
