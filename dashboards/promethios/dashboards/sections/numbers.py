"""The strip at the top: single numbers of the range."""

from __future__ import annotations

from promethios.dashboards import fields
from promethios.dashboards.infinity import InfinityQuery, computed, number, rows
from promethios.dashboards.panels import Place, Stat
from promethios.dashboards.panels import number as one_number


def live(place: Place) -> Stat:
    """Agents that report."""
    return _stat(place, "Live", "Agents heard of in the last 90 seconds.", "agents_live")


def stale(place: Place) -> Stat:
    """Agents that fell silent."""
    tells = "Agents silent for 90 s to 10 min that did not say goodbye."
    return _stat(place, "Stale", tells, "agents_stale", steps=fields.ANY_IS_ODD)


def down(place: Place) -> Stat:
    """Agents that are gone without a word."""
    tells = "Agents silent for 10 minutes or more that did not say goodbye."
    return _stat(place, "Down", tells, "agents_down", steps=fields.ANY_IS_BAD)


def lowest_trust(place: Place) -> Stat:
    """The score of the least trusted agent."""
    tells = "The lowest score of an agent, 0 to 1000: restricted below 300, trusted from 700."
    return _stat(place, "Lowest trust", tells, "lowest_trust", steps=fields.TRUST_STEPS)


def critical(place: Place) -> Stat:
    """Violations of critical policies."""
    tells = "Violations of critical policies, in this range."
    return _stat(place, "Critical", tells, "critical", "short", fields.ANY_IS_BAD)


def blocked(place: Place) -> Stat:
    """Operations that were stopped."""
    return _stat(place, "Blocked", "Decisions that stopped an operation, in this range.", "blocked", "short")


def violations(place: Place) -> Stat:
    """Matches of policies."""
    tells = "Policies that matched, enforced or in shadow, in this range."
    return _stat(place, "Violations", tells, "violations", "short")


def decisions(place: Place) -> Stat:
    """Decisions of any verdict."""
    return _stat(place, "Decisions", "What was decided, allowed or not, in this range.", "decisions", "short")


def shadow(place: Place) -> Stat:
    """What enforcement would change."""
    tells = "Verdicts other than allow that shadow mode did not act on, in this range."
    return _stat(place, "In shadow", tells, "shadow", "short")


def errors(place: Place) -> Stat:
    """Policies that could not be evaluated."""
    tells = "Policies that could not be evaluated and were handled as their onError says, in this range."
    return _stat(place, "Errors", tells, "errors", "short", fields.ANY_IS_BAD)


def coverage(place: Place) -> Stat:
    """The share of calls with a decision."""
    tells = "Model and tool calls that a decision was made for. Below 100 %, something ran ungoverned."
    return _stat(place, "Coverage", tells, "coverage", "percentunit", fields.COVERED, "no calls")


def ungoverned(place: Place) -> Stat:
    """Calls without a decision."""
    tells = "Model and tool calls that ran without a decision, in this range."
    return _stat(place, "Ungoverned", tells, "ungoverned", "short", fields.ANY_IS_BAD)


def calls(place: Place) -> Stat:
    """Calls of models and tools."""
    return _stat(place, "Calls", "Calls of models and tools, in this range.", "calls", "short")


def policy_p95(place: Place) -> Stat:
    """How long policies take."""
    tells = "Evaluation time that 95 % of decisions stay below."
    return _stat(place, "Policy p95", tells, "p95_us", "µs", fields.QUICK)


def spend(place: Place) -> Stat:
    """What models cost."""
    tells = "Price of the tokens of models with a known price, in this range."
    return _stat(place, "Spend", tells, "cost_usd", "currencyUSD", otherwise="no price").decimals(2)


def tokens(place: Place) -> Stat:
    """Tokens in and out."""
    head = place.head("Tokens", "Input and output tokens of model calls, in this range.")
    # The columns stay in the answer beside their sum; the panel shows the sum.
    both = rows("stats", number("input_tokens", "input"), number("output_tokens", "output"))
    return one_number(head, computed(both, "input + output", head.title), "short")


def _stat(
    place: Place,
    title: str,
    tells: str,
    column: str,
    unit: str = "none",
    steps: fields.Steps | None = None,
    otherwise: str = "none",
) -> Stat:
    return one_number(place.head(title, tells), _stats(column, title), unit, steps, otherwise)


def _stats(column: str, shown: str) -> InfinityQuery:
    return rows("stats", number(column, shown))
