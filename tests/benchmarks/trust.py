"""What the trust score makes of agents whose manners are known: false alarms, and how soon bad ones are seen.

Run it by hand: ``python tests/benchmarks/trust.py``. Every agent is drawn from a seeded generator, so the
table is the same each time. A violation weighs 1 (a policy of severity high) where nothing else is said.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from promethios.governance.trust import NEW, Standing, advance

_SECOND = 10**9
_START = 1_700_000_000 * _SECOND
SEED = 20_261_122


@dataclass(frozen=True)
class Manner:
    """How an agent behaves.

    Args:
        name: For the table.
        rate: The share of its decisions that violate.
        decisions: How many it makes.
        gap: Seconds from one to the next.
        turns_after: From this decision on it violates at the rate `turned`; None where it never turns.
        turned: That rate.
        weight: Of a violation.
    """

    name: str
    rate: float
    decisions: int = 1000
    gap: float = 60
    turns_after: int | None = None
    turned: float = 0.5
    weight: float = 1.0


@dataclass(frozen=True)
class Life:
    """What became of one agent: its score at the end, and after how many decisions the alarm was raised."""

    score: int
    alarm: int | None


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        scores: The lowest, the middle and the highest score at the end.
        false: The share of agents that were alarmed while they behaved as always.
        seen: The share that was alarmed after it turned.
        delay: Decisions from the turn to the alarm, the middle and the longest; None where none turned.
    """

    manner: Manner
    scores: tuple[int, int, int]
    false: float
    seen: float | None
    delay: tuple[int, int] | None


MANNERS = (
    Manner("good: never", 0.0),
    Manner("good: 1 in 100, medium", 0.01, weight=0.3),
    Manner("good: 1 in 100", 0.01),
    Manner("in between: 1 in 20", 0.05),
    Manner("bad: 1 in 5", 0.2),
    Manner("sparse: 1 a day, 1 in 100", 0.01, decisions=60, gap=86_400),
    Manner("turned after 500: 1 in 5", 0.005, turns_after=500, turned=0.2),
    Manner("turned after 500: 1 in 2", 0.005, turns_after=500, turned=0.5),
    Manner("turned after 500: always", 0.005, turns_after=500, turned=1.0),
    Manner("turned after 500: always, medium", 0.005, turns_after=500, turned=1.0, weight=0.3),
)


def live(manner: Manner, draw: random.Random) -> Iterator[tuple[int, Standing]]:
    """The agent's standing after each of its decisions, which are counted from 1."""
    standing = NEW
    for number in range(1, manner.decisions + 1):
        turned = manner.turns_after is not None and number > manner.turns_after
        bad = draw.random() < (manner.turned if turned else manner.rate)
        at = _START + int(number * manner.gap * _SECOND)
        standing = advance(standing, manner.weight if bad else 0.0, at)
        yield number, standing


def lives(manner: Manner, agents: int) -> list[Life]:
    """What becomes of so many agents of this manner; the same each time."""
    return [_life(manner, random.Random(f"{SEED} {manner.name} {agent}")) for agent in range(agents)]


def _life(manner: Manner, draw: random.Random) -> Life:
    alarm, standing = None, NEW
    for number, standing in live(manner, draw):
        if standing.alarmed and alarm is None:
            alarm = number
    return Life(standing.score, alarm)


def row(manner: Manner, agents: int) -> Row:
    """The manner's line of the table."""
    seen = lives(manner, agents)
    scores = sorted(life.score for life in seen)
    turn = manner.decisions if manner.turns_after is None else manner.turns_after
    alarms = [life.alarm for life in seen if life.alarm is not None]
    delays = [alarm - turn for alarm in alarms if alarm > turn]
    return Row(
        manner,
        (scores[0], int(median(scores)), scores[-1]),
        sum(alarm <= turn for alarm in alarms) / agents,
        None if manner.turns_after is None else len(delays) / agents,
        (int(median(delays)), max(delays)) if delays else None,
    )


def figures(agents: int) -> list[tuple[str, int]]:
    """Scores of a few manners that are easily remembered."""
    clean = NEW
    for number in range(50):
        clean = advance(clean, 0.0, _START + number * _SECOND)
    return [("new", NEW.score), ("50 clean decisions", clean.score)] + [
        (f"a steady {rate:.0%}, on average", round(_steady(rate, agents))) for rate in (0.01, 0.05, 0.2)
    ]


def _steady(rate: float, agents: int) -> float:
    """The mean score after 1,000 decisions in a quick succession, the alarm's cap aside."""
    manner = Manner(f"steady {rate}", rate, gap=1)
    ends = []
    for agent in range(agents):
        draw = random.Random(f"{SEED} {manner.name} {agent}")
        *_, (_, standing) = live(manner, draw)
        ends.append(standing._replace(alarmed=False).score)
    return sum(ends) / agents


def main(say: Callable[[str], None] = print) -> None:
    """Print the figures and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1000, help="of each manner")
    agents = parser.parse_args().agents
    for name, score in figures(agents):
        say(f"{name:30} {score:4}")
    say("")
    say(f"{'agents that violate':34} {'score: low  mid high':>21} {'false alarm':>11} {'seen':>5}  after")
    for each in (row(manner, agents) for manner in MANNERS):
        seen = "" if each.seen is None else f"{each.seen:.0%}"
        delay = "" if each.delay is None else f"{each.delay[0]} (at most {each.delay[1]})"
        scores = "".join(f"{score:5}" for score in each.scores)
        say(f"{each.manner.name:34} {scores:>21} {each.false:>11.1%} {seen:>5}  {delay}")


if __name__ == "__main__":
    main()
