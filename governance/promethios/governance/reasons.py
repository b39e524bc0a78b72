"""What a decision says where a policy has no message of its own: why it matched, and never what with."""

from __future__ import annotations

from collections.abc import Sequence

from promethios.governance.detectors import Found
from promethios.governance.policies.model import After, Limit, Policy


def reason_of(policy: Policy, found: Sequence[tuple[str, Found]]) -> str:
    """Why the policy matches; `found` is what its detectors found, with the fields."""
    if found:
        return f"policy '{policy.id}' found {_places(found)}"
    if policy.limit is not None:
        return _limit(policy.limit)
    if policy.after is not None:
        return f"what policy '{policy.id}' looks out for came before{_after(policy.after)}"
    if policy.when is not None:
        return f"the condition of policy '{policy.id}' holds"
    return f"policy '{policy.id}' is about this operation"


def _places(found: Sequence[tuple[str, Found]]) -> str:
    places: dict[str, set[str]] = {}
    for name, each in found:
        places.setdefault(name, set()).add(each.hit.detector)
    return " and ".join(f"{', '.join(sorted(detectors))} in {name}" for name, detectors in places.items())


def _limit(limit: Limit) -> str:
    window = f" in {limit.window:g} s" if limit.window else ""
    amount = f"{limit.max:g} US dollars" if limit.of == "cost" else f"{limit.max} {limit.of}"
    return f"the limit of {amount} per {limit.per}{window} is reached"


def _after(after: After) -> str:
    within = f", at most {after.within:g} s ago" if after.within else ""
    return (
        f" in this {after.per}{within}" if after.per == "conversation" else f" for this {after.per}{within}"
    )
