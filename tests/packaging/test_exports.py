"""What each package offers is pinned here: a change to it is a change for users."""

import promethios.governance


def test_governance_exports() -> None:
    assert promethios.governance.__all__ == [
        "POINTS",
        "BundleId",
        "Decision",
        "Evidence",
        "GovernanceLogProcessor",
        "GovernanceSpanProcessor",
        "Governor",
        "Match",
        "Operation",
        "PolicyError",
        "PolicyStop",
        "PolicyViolation",
        "RedactingLogExporter",
        "RedactingSpanExporter",
        "Verdict",
        "find_violation",
        "is_violation",
    ]
    assert all(hasattr(promethios.governance, name) for name in promethios.governance.__all__)
