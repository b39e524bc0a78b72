"""One agent's account: its standing, and when a change of it is worth a row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from promethios.governance.trust import METHOD, NEW, Standing, acknowledge, advance, tier_of

#: Points that the score moves before it is told again; a tier or an alarm that changes is told at once.
POINTS: Final = 10


class Cause(StrEnum):
    """What changed a standing."""

    DECISION = "decision"
    ACKNOWLEDGED = "acknowledged"


class Decided(NamedTuple):
    """A stored decision, as far as trust is concerned.

    Args:
        position: The id of its row, which counts up: the order in which decisions came.
        decision_id: Its own id.
        time: When it was decided, Unix nanoseconds.
        weight: What it weighs; 0 is a clean one.
        reason: Why it was not clean.
    """

    position: int
    decision_id: str
    time: int
    weight: float
    reason: str


class Change(NamedTuple):
    """A row of `trust_scores`, but for whose it is; in the order of its columns."""

    time: int
    score: int
    bound: float
    evidence: float
    method: str
    r: float
    s: float
    g: float
    last: int
    alarmed: int
    decisions: int
    position: int
    cause: str
    decision_id: str
    weight: float
    reason: str


@dataclass(slots=True)
class Account:
    """How one agent stands.

    Args:
        standing: After its latest decision.
        decisions: How many it has made.
        position: The latest one's.
        told_score: The score of its latest row in `trust_scores`; a new agent's before the first.
        told_alarmed: Whether it was alarmed there.
    """

    standing: Standing = NEW
    decisions: int = 0
    position: int = 0
    told_score: int = NEW.score
    told_alarmed: bool = False

    def add(self, decided: Decided) -> Change | None:
        """Account for a decision; the change where it is one worth telling."""
        self.standing = standing = advance(self.standing, decided.weight, decided.time)
        self.decisions += 1
        self.position = decided.position
        score = standing.score
        if standing.alarmed == self.told_alarmed and not self._moved(score):
            return None
        return self._told(Cause.DECISION, score, standing.last, decided)

    def acknowledge(self, at: int, reason: str) -> Change:
        """Somebody looked into the alarm at this time (Unix nanoseconds)."""
        self.standing = acknowledge(self.standing)
        nothing = Decided(self.position, "", at, 0.0, reason)
        return self._told(Cause.ACKNOWLEDGED, self.standing.score, max(at, self.standing.last), nothing)

    def _moved(self, score: int) -> bool:
        return abs(score - self.told_score) >= POINTS or tier_of(score) != tier_of(self.told_score)

    def _told(self, cause: Cause, score: int, time: int, decided: Decided) -> Change:
        self.told_score, self.told_alarmed = score, self.standing.alarmed
        r, s, g, last, alarmed = self.standing
        return Change(
            time,
            score,
            self.standing.bound,
            self.standing.evidence,
            METHOD,
            r,
            s,
            g,
            last,
            int(alarmed),
            self.decisions,
            self.position,
            cause.value,
            decided.decision_id,
            decided.weight,
            decided.reason,
        )


def account_of(
    r: float, s: float, g: float, last: int, alarmed: int, decisions: int, position: int, *told: int
) -> Account:
    """The account that `trust_standings` or `trust_bases` holds, from its columns."""
    return Account(Standing(r, s, g, last, bool(alarmed)), decisions, position, told[0], bool(told[1]))


def state_of(account: Account) -> tuple[Any, ...]:
    """The columns of an account, behind those that say whose it is."""
    r, s, g, last, alarmed = account.standing
    counted = (account.decisions, account.position, account.told_score, int(account.told_alarmed))
    return (METHOD, r, s, g, last, int(alarmed), *counted)
