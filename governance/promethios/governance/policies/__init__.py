"""Policies: the language as data, and its loader."""

from promethios.governance.policies.loader import load_bundle, parse_bundle
from promethios.governance.policies.model import Bundle, Defaults, Detect, Limit, Policy
from promethios.governance.policies.problems import PolicyError, Problem

__all__ = [
    "Bundle",
    "Defaults",
    "Detect",
    "Limit",
    "Policy",
    "PolicyError",
    "Problem",
    "load_bundle",
    "parse_bundle",
]
