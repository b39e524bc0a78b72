"""Governance of AI agents: policies decide before an operation runs, and the decision acts at once."""

from promethios.governance.decision import BundleId, Decision, Evidence, Match, Verdict
from promethios.governance.enforcement.exporting import RedactingLogExporter, RedactingSpanExporter
from promethios.governance.enforcement.processor import GovernanceSpanProcessor
from promethios.governance.enforcement.redaction import GovernanceLogProcessor
from promethios.governance.enforcement.stop import PolicyStop
from promethios.governance.enforcement.violation import PolicyViolation, find_violation, is_violation
from promethios.governance.governor import Governor
from promethios.governance.operation import POINTS, Operation
from promethios.governance.policies import PolicyError

__all__ = [
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
