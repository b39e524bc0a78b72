"""Governance of AI agents: policies decide before an operation runs, and the decision acts at once."""

from promethios.governance.decision import BundleId, Decision, Evidence, Match, Verdict
from promethios.governance.operation import POINTS, Operation

__all__ = ["POINTS", "BundleId", "Decision", "Evidence", "Match", "Operation", "Verdict"]
