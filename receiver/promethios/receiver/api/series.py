"""``/series/{name}``: numbers over time, in long form, sorted by time, a row for each label at each step.

Grafana's data source swallows the error of a series that is not sorted or has holes, and alerts on it fail
later: so every step has a row for every label value that is known, zero where nothing happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from promethios.governance.decision import Verdict
from promethios.receiver.api.quantiles import QUANTILES, durations
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import DECISIONS, LOGS, POINTS, SPANS, VIOLATIONS
from promethios.receiver.services import Services

#: The severities of policies, the least first.
SEVERITIES: Final = ("low", "medium", "high", "critical")

#: Where the items of each signal are counted, and under which name.
_SIGNALS: Final = {"spans": (SPANS, "spans"), "metrics": (POINTS, "items"), "logs": (LOGS, "items")}

#: Series of violations may be those of some policies: from the key to the filter.
CHOSEN: Final = {"policy_id": "policy"}

Values = Mapping[Any, Any]

#: What the lines are called together that are not among the most; and how many are shown at most.
OTHER: Final = "other"
_MOST: Final = 10


def decisions(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Decisions in each step, by verdict."""
    rows = counted(view, question, DECISIONS, "at", "verdict", step=question.step)
    values = {(row["at"], row["verdict"]): row["decisions"] for row in rows}
    return filled(question, "verdict", Verdict, values)


def violations(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Violations in each step, by severity."""
    rows = counted(view, question, VIOLATIONS, "at", "severity", step=question.step, filters=CHOSEN)
    values = {(row["at"], row["severity"]): row["violations"] for row in rows}
    return filled(question, "severity", SEVERITIES, values)


def latency(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Quantiles of the decisions' duration in each step, microseconds; null where nothing was decided."""
    found = durations(view, question, question.step)
    values = {(at, name): value for at, named in found.items() for name, value in named.items()}
    return filled(question, "quantile", QUANTILES, values, nothing=None)


def tokens(_: Services, view: View, question: Question) -> dict[str, Any]:
    """Tokens in each step, by direction."""
    values = {}
    for row in counted(view, question, SPANS, "at", step=question.step):
        values[row["at"], "input"], values[row["at"], "output"] = row["input_tokens"], row["output_tokens"]
    return filled(question, "direction", ("input", "output"), values)


def ingest(_: Services, view: View, question: Question) -> dict[str, Any]:
    """What was stored, by the time that it tells and by signal."""
    values: dict[tuple[int, str], int] = {}
    for signal, (rollup, number) in _SIGNALS.items():
        rows = counted(view, question, rollup, "at", step=question.step)
        values |= {(row["at"], signal): row[number] for row in rows}
    return filled(question, "signal", _SIGNALS, values)


def steps(question: Question) -> range:
    """The starts of all steps of the range, milliseconds."""
    first = question.start // question.step * question.step
    return range(first, question.end + 1, question.step)


def most_of(totals: Mapping[str, int]) -> list[str]:
    """The names with the ten greatest totals, the greatest first; one that is `OTHER` is among the others."""
    return sorted(totals.keys() - {OTHER}, key=lambda name: (-totals[name], name))[:_MOST]


def filled(
    question: Question, label: str, names: Iterable[str], values: Values, nothing: int | None = 0
) -> dict[str, Any]:
    """A row for each step and each name: those given first, in their order, then others that have values.

    Args:
        question: The range and its steps.
        label: What the column of names is called.
        names: The names that have a row in any case.
        values: By start of the step (milliseconds) and name.
        nothing: What a step without a value has.
    """
    known = dict.fromkeys([*map(str, names), *(name for _, name in values)])
    return {
        "data": [
            {"time": at, label: name, "value": values.get((at, name), nothing)}
            for at in steps(question)
            for name in known
        ]
    }
