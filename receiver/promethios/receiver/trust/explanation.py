"""Why an agent has the score that it has: what it is made of, what moved it most, and what would raise it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from promethios.governance.trust import TIERS, Standing, acknowledge, advance, outweighed, tier_of

#: Decisions that are looked back on: what is beyond has half a thousandth of its weight left.
LOOKED_BACK: Final = 1500
#: Decisions that are named.
NAMED: Final = 10
#: Clean decisions that are tried for a better tier: beyond, what an agent has is what its manner earns it.
_TRIED: Final = 1000


@dataclass(frozen=True, slots=True)
class Mover:
    """A decision that still weighs on the score.

    Args:
        points: How much higher the score would be without it, the alarm aside.
        left: What is left of its weight.
        decision: Its row, by column.
    """

    points: int
    left: float
    decision: dict[str, Any]


def movers(standing: Standing, latest: list[dict[str, Any]]) -> list[Mover]:
    """What weighs most on a score, the heaviest first.

    Args:
        standing: As it is now.
        latest: The agent's latest decisions, newest first, with their ``weight`` and ``time_unix_nano``.
    """
    calm = acknowledge(standing)
    found = []
    for younger, decision in enumerate(latest):
        if decision["weight"] > 0:
            left = outweighed(decision["weight"], decision["time_unix_nano"], standing.last, younger)
            without = calm._replace(s=max(0.0, calm.s - left))
            found.append(Mover(without.score - calm.score, left, decision))
    return sorted(found, key=lambda mover: -mover.left)[:NAMED]


def advice(standing: Standing) -> list[str]:
    """What would raise the score, in sentences; what costs least effort first."""
    said = []
    calm = acknowledge(standing)
    if standing.alarmed:
        said.append(f"look into the alarm and acknowledge it: {calm.score} at once")
        said.append(f"{_clean_until_calm(standing)} clean decisions in a row end the alarm too")
    if calm.score >= TIERS[0][1]:
        said.append(f"it is {TIERS[0][0]}; clean decisions keep it so")
    elif (needed := _clean_until_better(calm)) is not None:
        better = tier_of(_after_clean(calm, needed).score)
        said.append(f"{needed} clean decisions in a row make it {better}")
    if standing.evidence < 51:
        said.append("nearly nothing is known about it: it needs decisions, good ones")
    return said


def _after_clean(standing: Standing, decisions: int) -> Standing:
    for _ in range(decisions):
        standing = advance(standing, 0.0, standing.last)
    return standing


def _clean_until_better(standing: Standing) -> int | None:
    tier = standing.tier
    for number in range(1, _TRIED + 1):
        standing = advance(standing, 0.0, standing.last)
        if standing.tier != tier:
            return number
    return None


def _clean_until_calm(standing: Standing) -> int:
    number = 0
    while standing.alarmed:
        standing, number = advance(standing, 0.0, standing.last), number + 1
    return number
