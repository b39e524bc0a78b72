"""What is told of alerts: what changed, one message for each tenant and rule; silenced ones are left out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import orjson

from promethios.governance.alerting import AlertRule
from promethios.receiver.alerts.standing import Standing, State

#: The version of a message's form.
VERSION: Final = 1
#: What changes so soon after a message about the same rule waits for the next, seconds.
TOGETHER: Final = 60
#: So many alerts are in one message; `count` says how many there are.
MOST: Final = 100
_SECOND: Final = 10**9


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not told.

    Args:
        rule: Of which rule; empty for every one.
        agent_id: Of which agent; empty for every one.
        until: Until when, Unix nanoseconds.
    """

    rule: str
    agent_id: str
    until: int

    def covers(self, rule: str, agent_id: str, now: int) -> bool:
        """Whether an alert is not told now."""
        return now < self.until and self.rule in ("", rule) and self.agent_id in ("", agent_id)


def due(
    standings: Iterable[Standing], silences: Sequence[Silence], now: int, repeat: int
) -> Iterator[tuple[str, list[Standing]]]:
    """For each rule the alerts that are to be told now.

    Args:
        standings: Every alert of a tenant.
        silences: What is not told.
        now: Unix nanoseconds.
        repeat: After how many seconds an alert that still fires is told again.
    """
    rules: dict[str, list[Standing]] = defaultdict(list)
    for each in standings:
        rules[each.rule].append(each)
    for rule, alerts in rules.items():
        last = max((each.told_at or 0 for each in alerts), default=0)
        if 0 <= now - last < TOGETHER * _SECOND:
            continue
        wanted = [
            each
            for each in alerts
            if _is_due(each, now, repeat)
            and not any(silence.covers(each.rule, each.agent_id, now) for silence in silences)
        ]
        if wanted:
            yield rule, wanted


def _is_due(alert: Standing, now: int, repeat: int) -> bool:
    if alert.state is State.RESOLVED:
        return alert.told == State.FIRING
    if alert.state is not State.FIRING:
        return False
    passed = now - (alert.told_at or 0)
    # A time in the future is of a clock that was set back.
    return alert.told != State.FIRING or not 0 <= passed < repeat * _SECOND


def told(alert: Standing, now: int) -> Standing:
    """The alert after a message about it."""
    return replace(alert, told=str(alert.state), told_at=now)


def message(tenant: str, rule: AlertRule, alerts: Sequence[Standing], now: int, link: str) -> dict[str, Any]:
    """One message about alerts of a rule.

    Args:
        tenant: The tenant's name.
        rule: The rule.
        alerts: Those to tell; the worst number first.
        now: Unix nanoseconds.
        link: The console's address; empty for none.
    """
    firing = [each for each in alerts if each.state is State.FIRING]
    ordered = sorted(firing, key=lambda each: each.value, reverse=rule.comparison == "above")
    ordered += [each for each in alerts if each.state is not State.FIRING]
    return {
        "version": VERSION,
        "id": uuid4().hex,
        "time": now // 1_000_000,
        "tenant": tenant,
        "rule": rule.id,
        "title": rule.title,
        "description": rule.description,
        "severity": rule.severity,
        "status": "firing" if firing else "resolved",
        "count": len(alerts),
        "alerts": [_told(each, link) for each in ordered[:MOST]],
        "link": link,
    }


def _told(alert: Standing, link: str) -> dict[str, Any]:
    page = f"{link}/#/d/promethios-agent?var-agent={quote(alert.agent_id, safe='')}"
    return {
        "key": hashlib.sha256(f"{alert.rule}\0{alert.labels}".encode()).hexdigest()[:32],
        "state": str(alert.state),
        "labels": alert.label_values,
        "value": alert.value,
        "threshold": alert.threshold,
        "since": alert.since // 1_000_000,
        "changed": alert.changed // 1_000_000,
        "summary": alert.summary,
        "link": page if link and alert.agent_id else "",
    }


def encode(content: dict[str, Any]) -> str:
    """A message as it is stored and sent."""
    return orjson.dumps(content).decode()
