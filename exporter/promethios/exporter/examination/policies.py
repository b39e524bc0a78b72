"""The policies that would govern: whether they load, and what they are."""

from __future__ import annotations

from promethios.governance.findings import Finding, Level
from promethios.governance.policies import PolicyError, load_bundle


def look(policies: str) -> list[Finding]:
    """Load the bundle that a configuration file or ``PROMETHIOS_POLICIES`` names.

    Args:
        policies: A path, or the name of a ready-made set; empty for none.
    """
    if not policies:
        return [Finding("policies", Level.NOTE, "none: nothing is governed", "set PROMETHIOS_POLICIES")]
    try:
        bundle = load_bundle(policies)
    except (PolicyError, OSError) as error:
        advice = "until it loads, an agent runs ungoverned, or not at all under `promethios run`"
        named = str(error) if str(error).startswith(policies) else f"{policies}: {error}"
        return [Finding("policies", Level.ERROR, named, advice)]
    known = bundle.id
    shadow = sum(policy.mode == "shadow" for policy in bundle.policies)
    said = f"{known.name} {known.version}, {len(bundle.policies)} policies"
    found = [Finding("policies", Level.OK, f"{said} ({shadow} in shadow), sha256 {known.hash}")]
    if shadow == len(bundle.policies):
        found.append(Finding("policies", Level.NOTE, "all are in shadow: decided, and nothing enforced"))
    return found
