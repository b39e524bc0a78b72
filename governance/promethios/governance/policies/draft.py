"""One bundle while it is put together from the files that it extends and its own text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from promethios.governance.detectors import Detector
from promethios.governance.policies.document import Value
from promethios.governance.policies.model import Defaults, Policy, Price
from promethios.governance.policies.policy_reader import Scope


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy, with all that it takes to read it again when it is changed from outside.

    Args:
        policy: The policy.
        value: What is written in the file.
        scope: What it took from its own file.
        origin: The name of that file.
    """

    policy: Policy
    value: Value
    scope: Scope
    origin: str


@dataclass(slots=True)
class Draft:
    """What is known of a bundle; `notes` says, for people, what became of the policies of its bases.

    Args:
        digests: The SHA-256 of each text, its own first.
        sources: The names of the texts, in the same order.
        failed: A base has mistakes, so that what it lacks is no news.
    """

    name: str = ""
    version: str = ""
    owner: str = ""
    defaults: Defaults = field(default_factory=Defaults)
    stable: bool | None = None
    detectors: dict[str, Detector] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: bool = False

    def extend(self, base: Draft) -> None:
        """Take over what a base has; of two with one id the later stays."""
        for name, entry in base.entries.items():
            self.put(name, entry)
        self.detectors.update(base.detectors)
        self.prices.update(base.prices)
        self.digests.update(base.digests)
        self.notes += [note for note in base.notes if note not in self.notes]
        self.failed = self.failed or base.failed
        if base.stable is not None:
            self.stable = base.stable

    def put(self, name: str, entry: Entry) -> None:
        """Add a policy, in the place of one with the same id."""
        before = self.entries.get(name)
        if before is not None and before != entry:
            self.notes.append(f"policy '{name}' of {before.origin} is replaced by that of {entry.origin}")
        self.entries[name] = entry

    def changed(self, name: str, policy: Policy, value: Value) -> None:
        """Put a changed policy in the place of what it was."""
        self.entries[name] = replace(self.entries[name], policy=policy, value=value)
