"""Cases for policies: what an operation should come to, run before an agent does."""

from promethios.governance.policies.cases.model import Case, Expectation, Failure, Outcome, Step
from promethios.governance.policies.cases.reader import load_cases, parse_cases
from promethios.governance.policies.cases.runner import run_case

__all__ = [
    "Case",
    "Expectation",
    "Failure",
    "Outcome",
    "Step",
    "load_cases",
    "parse_cases",
    "run_case",
]
