"""Series of what came of evaluations: by policy, in shadow, in error, and by how long they took."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any, Final

from promethios.receiver.api.policies import SHADOW
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.series import CHOSEN, OTHER, filled, most_of
from promethios.receiver.api.view import View
from promethios.receiver.rollups.calls import TOOL
from promethios.receiver.rollups.facts import OPERATIONS, POLICIES, TIMES, VIOLATIONS
from promethios.receiver.services import Services

#: Upper bounds of the steps of a heatmap, microseconds: 1, 2, 5, 10 ... a second, and all above.
_BOUNDS: Final = (*(digit * 10**power for power in range(6) for digit in (1, 2, 5)), 10**6)
_LABELS: Final = (*map(str, _BOUNDS), "+Inf")


def by_policy(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Violations in each step, of the ten policies that matched most, and of the others together."""
    rows = counted(view, question, VIOLATIONS, "at", "policy_id", step=question.step, filters=CHOSEN)
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["policy_id"]] += row["violations"]
    shown = most_of(totals)
    values: Counter[tuple[int, str]] = Counter()
    for row in rows:
        policy = row["policy_id"] if row["policy_id"] in shown else OTHER
        values[row["at"], policy] += row["violations"]
    # An answer without rows would have no number field.
    return filled(question, "policy_id", shown or (OTHER,), values)


def shadow(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Violations in each step, by whether their policy is enforced or in shadow."""
    values: Counter[tuple[int, str]] = Counter()
    for row in counted(view, question, POLICIES, "at", "mode", step=question.step, filters=CHOSEN):
        values[row["at"], SHADOW if row["mode"] == SHADOW else "enforced"] += row["violations"]
    return filled(question, "mode", ("enforced", SHADOW), values)


def errors(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Policies that could not be evaluated, and calls of models and of tools that failed, in each step."""
    values: Counter[tuple[int, str]] = Counter()
    for row in counted(view, question, POLICIES, "at", step=question.step):
        values[row["at"], "policy"] += row["failed"]
    for row in counted(view, question, OPERATIONS, "at", "operation", step=question.step):
        values[row["at"], "tool" if row["operation"] == TOOL else "model"] += row["errors"]
    return filled(question, "kind", ("policy", "model", "tool"), values)


def latency_buckets(_: Services, view: View, question: Question) -> dict[str, Any]:
    """How many decisions took so long at most and longer than the bound below, in each step.

    A bin of the rollup that reaches over a bound counts above it: by 4 % of the bound at most.
    """
    values: Counter[tuple[int, str]] = Counter()
    for row in counted(view, question, TIMES, "at", "bin", step=question.step):
        values[row["at"], _LABELS[bisect_left(_BOUNDS, row["most"])]] += row["decisions"]
    return filled(question, "le", _LABELS, values)
