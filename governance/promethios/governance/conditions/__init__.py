"""Conditions: a strict profile of CEL, compiled to Python closures."""

from promethios.governance.conditions.compiler import Condition, compile_condition
from promethios.governance.conditions.environment import Environment, Frame, Variable, constant
from promethios.governance.conditions.errors import ConditionError, EvaluationError

__all__ = [
    "Condition",
    "ConditionError",
    "Environment",
    "EvaluationError",
    "Frame",
    "Variable",
    "compile_condition",
    "constant",
]
