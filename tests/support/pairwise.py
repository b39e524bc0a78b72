"""Few combinations that have every pair of choices: most faults need no more than two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

Choice = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]


def pairwise(factors: Mapping[str, Sequence[str]]) -> Iterator[Choice]:
    """Combinations of one level of each factor in which every two levels of two factors meet.

    Greedy: each combination begins with a pair that has not met yet, and takes of every other factor the
    level that brings most new pairs. The same factors always give the same combinations.
    """
    missing = dict.fromkeys(
        ((one, a), (other, b))
        for one, other in combinations(factors, 2)
        for a, b in product(factors[one], factors[other])
    )
    while missing:
        chosen = dict(next(iter(missing)))
        for factor, levels in factors.items():
            if factor not in chosen:
                news = {level: _new(missing, chosen, factor, level) for level in levels}
                chosen[factor] = max(news, key=news.__getitem__)
        for pair in combinations(((factor, chosen[factor]) for factor in factors), 2):
            missing.pop(pair, None)
        yield {factor: chosen[factor] for factor in factors}


def _new(missing: Mapping[Pair, None], chosen: Choice, factor: str, level: str) -> int:
    """How many missing pairs a level would bring together with what is chosen."""
    mine = (factor, level)
    return sum((mine, theirs) in missing or (theirs, mine) in missing for theirs in chosen.items())
