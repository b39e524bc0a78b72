"""What calls of models cost, in US dollars: their tokens at the prices that `promethios.governance` has.

Prices are looked up when the question is asked, by what was asked for, what answered and whose it was: a
release with newer prices tells the past by them too. Cached tokens count at their own prices. A model
without a price has no cost, which is null and not 0; a sum is of those that have one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from promethios.governance.pricing import PICO, Prices, Rates, Usage, cost
from promethios.receiver.api.question import Question
from promethios.receiver.api.rolled import counted
from promethios.receiver.api.series import OTHER, filled, most_of
from promethios.receiver.api.view import View
from promethios.receiver.rollups.facts import OPERATIONS
from promethios.receiver.services import Services

_NAMES: Final = ("provider", "model", "response_model")
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_PRICES: Final = Prices()


@dataclass(slots=True)
class Spend:
    """A sum of costs.

    Attributes:
        pico: Of what has a price, picodollars.
        priced: Of how many spans that is.
        unpriced: How many tell a model, or tokens, that have no price.
    """

    pico: int = 0
    priced: int = 0
    unpriced: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of `OPERATIONS` that tells `_NAMES` apart."""
        rates = _rates(row["model"], row["response_model"], row["provider"])
        tokens = [row[name] for name in _TOKENS]
        if rates is not None:
            self.pico += cost(Usage(*tokens), rates)
            self.priced += row["spans"]
        elif any(tokens) or row["model"] or row["response_model"]:
            self.unpriced += row["spans"]

    def less(self, other: Spend) -> Spend:
        """What is left without a part of it."""
        return Spend(self.pico - other.pico, self.priced - other.priced, self.unpriced - other.unpriced)

    @property
    def usd(self) -> float | None:
        """US dollars: null where nothing has a price and something should, 0 where nothing was called."""
        return None if self.unpriced and not self.priced else self.pico / PICO


@lru_cache(maxsize=4_096)
def _rates(asked: str, answered: str, provider: str) -> Rates | None:
    return _PRICES.find(asked, answered, provider)


def spent(view: View, question: Question, *by: str, step: int | None = None) -> dict[tuple[Any, ...], Spend]:
    """What was spent, by some of `at` and the rollup's keys.

    Args:
        view: Whose eyes.
        question: The range and the agents.
        by: What to tell apart.
        step: The steps of a series, milliseconds.
    """
    keys = tuple(dict.fromkeys((*by, *_NAMES)))
    measures = ("spans", *_TOKENS)
    return summed(counted(view, question, OPERATIONS, *keys, step=step, measures=measures), *by)


def summed(rows: Iterable[Mapping[str, Any]], *by: str) -> dict[tuple[Any, ...], Spend]:
    """Rows of `OPERATIONS`, which tell `_NAMES` apart, as costs."""
    found: dict[tuple[Any, ...], Spend] = defaultdict(Spend)
    for row in rows:
        found[tuple(row[name] for name in by)].add(row)
    return dict(found)


def series(_: Services, view: View, question: Question) -> dict[str, Any]:
    """What each agent spent in each step; of the ten that spent most, and of the others together."""
    totals = {agent: spend.pico for (agent,), spend in spent(view, question, "agent_id").items()}
    agents = view.agents(question)
    shown = most_of({agent: totals.get(agent, 0) for agent in agents})
    values = _of_agents(view, question, shown)
    if len(shown) < len(agents):
        values |= _of_others(view, question, values)
        shown.append(OTHER)
    return filled(question, "agent_id", shown, {key: spend.usd for key, spend in values.items()})


def _of_agents(view: View, question: Question, agents: Sequence[str]) -> dict[tuple[Any, ...], Spend]:
    if not agents:
        return {}
    asked = replace(question, filters={**question.filters, "agent": tuple(agents)})
    return spent(view, asked, "at", "agent_id", step=question.step)


def _of_others(
    view: View, question: Question, shown: Mapping[tuple[Any, ...], Spend]
) -> dict[tuple[Any, ...], Spend]:
    """What all spent, less what those spent that are shown."""
    left = spent(view, question, "at", step=question.step)
    for (at, _), spend in shown.items():
        left[at,] = left[at,].less(spend)
    return {(at, OTHER): spend for (at,), spend in left.items()}
