"""How an alert stands, and how it goes on from there: pending, firing, resolved.

              bad                   bad for long enough              good
    nothing ─────> pending ────────────────────────────> firing ─────────> resolved ──> forgotten after a day
                      │ good: nothing again                  ^                │ bad: pending, or firing again
                      v                                      └────────────────┘

For how long a number has been bad is counted by a clock that only passes, and only while somebody looked: a
machine's clock that is set changes nothing, and an hour in which the receiver was off is not an hour of bad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import orjson

from promethios.governance.alerting import AlertRule

#: After how long an alert that was resolved is forgotten, nanoseconds.
FORGOTTEN: Final = 86_400 * 10**9


class State(StrEnum):
    """What an alert is."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert, as it is stored.

    Args:
        rule: The rule's id.
        labels: The names and values that tell it from other alerts of the rule: a JSON object, sorted.
        agent_id: The agent among them; empty where it is about none.
        state: What it is.
        value, threshold: The rule's number and threshold, when it was bad last.
        severity, summary: The rule's, filled in.
        bad_seconds: For how long the number had been bad before it fired.
        since: When it became bad, Unix nanoseconds.
        changed: When `state` last changed, Unix nanoseconds.
        told: What was last told of it, ``firing`` or ``resolved``; empty for nothing.
        told_at: When, Unix nanoseconds.
    """

    rule: str
    labels: str
    agent_id: str
    state: State
    value: float
    threshold: float
    severity: str
    summary: str
    bad_seconds: float
    since: int
    changed: int
    told: str = ""
    told_at: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other alert of its tenant."""
        return self.rule, self.labels

    @property
    def label_values(self) -> dict[str, str]:
        """The labels."""
        values: dict[str, str] = orjson.loads(self.labels)
        return values


def labels_of(row: Mapping[str, Any]) -> str:
    """The labels of a signal's row, as `Standing` has them."""
    labels = {name: each for name, each in row.items() if name != "value"}
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()


def advance(
    rule: AlertRule, row: Mapping[str, Any], before: Standing | None, now: int, passed: float
) -> Standing | None:
    """How an alert stands after its number was looked at.

    Args:
        rule: The rule.
        row: The number and its labels.
        before: How it stood; None for nothing.
        now: Unix nanoseconds.
        passed: Seconds since it was looked at before, by a clock that only passes.

    Returns:
        How it stands now; None where there is nothing to say.
    """
    value = float(row["value"])
    if not rule.is_bad(value):
        return settle(before, now)
    told: dict[str, Any] = {
        "value": value,
        "threshold": rule.threshold,
        "severity": rule.severity,
        "summary": rule.tell({name: str(each) for name, each in row.items() if name != "value"}, value),
    }
    if before is None or before.state is State.RESOLVED:
        return _begin(rule, row, before, now, told)
    if before.state is State.FIRING:
        return replace(before, **told)
    bad = before.bad_seconds + passed
    if bad >= rule.for_seconds:
        return replace(before, **told, bad_seconds=bad, state=State.FIRING, changed=now)
    return replace(before, **told, bad_seconds=bad)


def _begin(
    rule: AlertRule, row: Mapping[str, Any], before: Standing | None, now: int, told: dict[str, Any]
) -> Standing:
    """The first time that it is bad."""
    return Standing(
        rule=rule.id,
        labels=labels_of(row),
        agent_id=row.get("agent_id", ""),
        state=State.PENDING if rule.for_seconds else State.FIRING,
        bad_seconds=0.0,
        since=now,
        changed=now,
        told=before.told if before else "",
        told_at=before.told_at if before else None,
        **told,
    )


def settle(before: Standing | None, now: int) -> Standing | None:
    """How an alert stands whose number is good, or is not there any more."""
    if before is None:
        return None
    if before.state is State.FIRING:
        return replace(before, state=State.RESOLVED, changed=now)
    if before.state is State.PENDING:
        # It may have been told as firing before; that it is over is told still.
        return replace(before, state=State.RESOLVED, changed=now) if before.told == "firing" else None
    # A time in the future is of a clock that was set back.
    over = not 0 <= now - before.changed < FORGOTTEN
    return None if over and before.told != State.FIRING else before
