"""Trust in an agent: one score from 0 to 1000, from its decisions alone.

The agent and the receiver run this same code, so that anyone can compute a score again from the decisions.
It is a severity-weighted Beta reputation with forgetting [1], judged by its upper 90 % bound, with a CUSUM
alarm [2] for an agent that changes suddenly. A standing is four numbers and the alarm; a decision costs O(1).

    for each decision (weight w), dt since the latest one:
      r *= 2^(-dt/14 d);  s *= 2^(-dt/30 d);  r, s *= 1 - 1/200
      w = 0:  r += 1;  g = max(0, g + ln(.85/.98))        w > 0:  s += w;  g += min(w, 1) * ln(.15/.02)
    a = s + 1.5;  n = r + s + 50;  m = a/n;  u = m + 1.28 sqrt(m (1 - m) / (n + 1))
    score = 1000 / (1 + (u/.05)^2);   g > 8: at most 299 until acknowledged or g < 4

So `r` is the good that is remembered, `s` the bad, and `u` how bad the agent may be at worst, given how
little is known about it: an idle agent fades to unknown, not to guilty.

Times are Unix nanoseconds, the decisions' own. A decision that arrives late counts as much as it would count
by now had it arrived in time (at least half), so that the order of arrival hardly matters; one from the
future is taken as of now (`believable`), so that a clock that runs ahead forgets nothing.

[1] A. Jøsang, R. Ismail: The Beta Reputation System. 15th Bled Electronic Commerce Conference, 2002.
[2] E. S. Page: Continuous Inspection Schemes. Biometrika 41 (1954), 100-115.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

#: How scores are made, and the version of it: another formula is another method.
METHOD: Final = "promethios.beta-cusum/1"

#: What a match weighs by its policy's severity; a decision without a match that counts weighs 0.
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {"low": 0.1, "medium": 0.3, "high": 1.0, "critical": 5.0}
)
#: The most that a policy's own weight may be.
MAX_WEIGHT: Final = 100.0

#: The tiers and the least score of each, best first.
TIERS: Final = (("trusted", 700), ("standard", 500), ("probation", 300), ("restricted", 0))

_DAY: Final = 86_400 * 10**9
_GOOD_HALF_LIFE: Final = 14 * _DAY
_BAD_HALF_LIFE: Final = 30 * _DAY
_KEPT: Final = 1 - 1 / 200
#: What is believed of an agent before its first decision: 1.5 of 50 decisions were bad.
_PRIOR_BAD: Final = 1.5
_PRIOR: Final = 50
_Z90: Final = 1.28
_HALF_SCORE: Final = 0.05
#: An agent in order breaks policy in 2 % of its decisions, one that turned in 15 %: log-likelihood ratios.
_STEP_GOOD: Final = math.log(0.85 / 0.98)
_STEP_BAD: Final = math.log(0.15 / 0.02)
_ALARM: Final = 8.0
_CALM: Final = 4.0
_ALARMED_SCORE: Final = 299
#: How far clocks may differ before a decision is taken to be from the future.
_SKEW: Final = 5 * 60 * 10**9
#: A decision that is later than this counts no less.
_LATEST: Final = 14 * _DAY

#: Detectors that guess, by the beginning of their ids, and the field that holds what users type.
_HEURISTIC: Final = "injection."
_TYPED: Final = "input"


class Standing(NamedTuple):
    """What is known about an agent; immutable. `Standing()` is a new agent's.

    Args:
        r: The good: clean decisions, faded.
        s: The bad: the weights of the others, faded.
        g: The CUSUM of sudden change; the alarm is raised above 8.
        last: The latest decision's time, Unix nanoseconds; 0 before the first.
        alarmed: The alarm was raised, and neither acknowledged nor calmed down since.
    """

    r: float = 0.0
    s: float = 0.0
    g: float = 0.0
    last: int = 0
    alarmed: bool = False

    @property
    def evidence(self) -> float:
        """How much is known, the prior included: `n`, in decisions."""
        return self.r + self.s + _PRIOR

    @property
    def bound(self) -> float:
        """How large the share of (weighted) violations may be: `u`, the upper 90 % bound."""
        n = self.r + self.s + _PRIOR
        mean = (self.s + _PRIOR_BAD) / n
        return mean + _Z90 * math.sqrt(mean * (1 - mean) / (n + 1))

    @property
    def score(self) -> int:
        """From 0 to 1000, rounded down."""
        score = int(1000 / (1 + (self.bound / _HALF_SCORE) ** 2))
        return min(score, _ALARMED_SCORE) if self.alarmed else score

    @property
    def tier(self) -> str:
        """``trusted``, ``standard``, ``probation`` or ``restricted``."""
        return tier_of(self.score)


NEW: Final = Standing()


def tier_of(score: float) -> str:
    """The tier of a score."""
    for name, least in TIERS:
        if score >= least:
            return name
    return TIERS[-1][0]


def advance(standing: Standing, weight: float, at: int) -> Standing:
    """The standing after one more decision.

    Args:
        standing: Before it.
        weight: What the decision weighs (`weight_of`, the largest of its matches); 0 is a clean one. It is
            held to be from 0 to `MAX_WEIGHT`.
        at: When it was decided, Unix nanoseconds.
    """
    r, s, g, last, alarmed = standing
    late = min(last - at, _LATEST)
    if late < 0:  # as `fade` does, without a standing in between
        r, s = r * _faded(-late, _GOOD_HALF_LIFE), s * _faded(-late, _BAD_HALF_LIFE)
        last, late = at, 0
    r, s = r * _KEPT, s * _KEPT
    if weight > 0:
        weight = min(weight, MAX_WEIGHT)
        s += weight * _faded(late, _BAD_HALF_LIFE)
        g += min(weight, 1.0) * _STEP_BAD
    else:
        r += _faded(late, _GOOD_HALF_LIFE)
        g = max(0.0, g + _STEP_GOOD)
    return Standing(r, s, g, last, g > _ALARM or (alarmed and g >= _CALM))


def fade(standing: Standing, at: int) -> Standing:
    """The standing as it is at a later time, nothing decided since; as it was where `at` is not later."""
    idle = at - standing.last
    if idle <= 0:
        return standing
    return Standing(
        standing.r * _faded(idle, _GOOD_HALF_LIFE),
        standing.s * _faded(idle, _BAD_HALF_LIFE),
        standing.g,
        at,
        standing.alarmed,
    )


def acknowledge(standing: Standing) -> Standing:
    """The standing after somebody looked into its alarm: the watch for sudden change begins anew."""
    return standing._replace(g=0.0, alarmed=False)


def believable(at: int, now: int) -> int:
    """`at`, or `now` where it is further ahead than clocks differ (5 minutes). Unix nanoseconds."""
    return at if at <= now + _SKEW else now


def outweighed(weight: float, at: int, now: int, younger: int) -> float:
    """What is left of a decision's weight in `s`.

    Args:
        weight: Of the decision.
        at: When it was decided, Unix nanoseconds.
        now: The time of the standing, Unix nanoseconds.
        younger: How many decisions were accounted for after it.
    """
    return min(weight, MAX_WEIGHT) * math.pow(_KEPT, younger) * _faded(max(0, now - at), _BAD_HALF_LIFE)


def _faded(nanoseconds: int, half_life: int) -> float:
    return math.exp2(-nanoseconds / half_life)


def weight_of(
    severity: str,
    *,
    mode: str = "enforce",
    failed: bool = False,
    found: Iterable[tuple[str, str]] = (),
    policy_weight: float | None = None,
) -> float:
    """What a match weighs in its agent's trust: its policy's weight, else its severity's, or 0.

    It weighs nothing where it says nothing about the agent: a policy in shadow is being tried out, one that
    could not be evaluated has no answer, a heuristic guesses, and what users type is not the agent's doing.
    What detectors found counts where one that does not guess found it in another field than ``input``.

    Args:
        severity: The policy's: a name of `WEIGHTS`. An unknown one weighs nothing.
        mode: ``enforce`` or ``shadow``.
        failed: The policy could not be evaluated.
        found: What detectors found: the detector's id and the path, such as ``("pii.card", "output[0]")``.
        policy_weight: The policy's own weight, held to be from 0 to `MAX_WEIGHT`; None where it has none.
    """
    if mode != "enforce" or failed:
        return 0.0
    seen = list(found)
    if seen and not any(_counts(detector, path) for detector, path in seen):
        return 0.0
    weight = WEIGHTS.get(severity, 0.0) if policy_weight is None else policy_weight
    return min(float(weight), MAX_WEIGHT) if weight > 0 else 0.0


def _counts(detector: str, path: str) -> bool:
    field = path.partition("[")[0].partition(".")[0]
    return field != _TYPED and not detector.startswith(_HEURISTIC)


def steady_clock() -> Callable[[], int]:
    """A clock that starts with the wall's and goes on evenly, whatever the wall's is set to. Unix ns."""
    offset = time.time_ns() - time.monotonic_ns()
    return lambda: time.monotonic_ns() + offset


class TrustBook:
    """The standings of one process's agents. All methods may be called from any thread.

    Args:
        max_agents: How many are kept; the one that decided nothing for longest goes first, and is new again.
        clock: Unix nanoseconds; it does not jump.
    """

    def __init__(self, *, max_agents: int = 10_000, clock: Callable[[], int] | None = None) -> None:
        if max_agents < 1:
            raise ValueError(f"max_agents is {max_agents}: a book keeps at least one agent")
        self._max_agents = max_agents
        self._clock = clock or steady_clock()
        self._lock = threading.RLock()
        self._standings: OrderedDict[str, Standing] = OrderedDict()

    def record(self, agent: str, weight: float, at: int | None = None) -> Standing:
        """Account for one decision of `agent`; the standing after it.

        Args:
            agent: Whose decision it is.
            weight: What it weighs, see `advance`.
            at: When it was decided, Unix nanoseconds; now without it.
        """
        now = self._clock()
        at = now if at is None else believable(at, now)
        with self._lock:
            standing = advance(self._standings.get(agent, NEW), weight, at)
            self._keep(agent, standing)
        return standing

    def standing(self, agent: str) -> Standing:
        """How `agent` stands now; a new agent's standing where nothing is known about it."""
        with self._lock:
            standing = self._standings.get(agent, NEW)
        return fade(standing, self._clock())

    def acknowledge(self, agent: str) -> Standing:
        """Somebody looked into the alarm of `agent`; the standing after it."""
        with self._lock:
            if agent in self._standings:
                self._standings[agent] = acknowledge(self._standings[agent])
        return self.standing(agent)

    def standings(self) -> dict[str, Standing]:
        """Every agent that is kept and how it stands now."""
        with self._lock:
            kept = dict(self._standings)
        now = self._clock()
        return {agent: fade(standing, now) for agent, standing in kept.items()}

    def after_fork(self) -> None:
        """Go on in a forked child: another thread of the parent may have held the lock, and is not here."""
        self._lock = threading.RLock()

    def _keep(self, agent: str, standing: Standing) -> None:
        self._standings[agent] = standing
        self._standings.move_to_end(agent)
        if len(self._standings) > self._max_agents:
            self._standings.popitem(last=False)
