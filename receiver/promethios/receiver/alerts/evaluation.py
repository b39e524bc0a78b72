"""One look at all rules of one tenant: numbers in, alerts and messages out, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from promethios.governance.alerting import AlertRule
from promethios.receiver.alerts import store
from promethios.receiver.alerts.configuration import Alerting
from promethios.receiver.alerts.messages import due, encode, message, told
from promethios.receiver.alerts.standing import Standing, State, advance, labels_of, settle

_log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
#: From a rule to the rows of its signal.
Ask = Callable[[AlertRule], Rows]
_Key = tuple[str, str]

#: Told when a rule itself cannot be evaluated: silence would look as if all were well.
FAILED: Final = AlertRule(
    id="rule-failed",
    title="Rule cannot be evaluated",
    summary="Rule {rule} cannot be evaluated: the receiver's log says why",
    description="A rule whose number cannot be asked for keeps its alerts as they are, and would not fire.",
    labels=("rule",),
    comparison="above",
    threshold=0,
    for_seconds=60,
    severity="critical",
    unit="1",
    window_seconds=600,
)


@dataclass(slots=True)
class Outcome:
    """What a look came to.

    Args:
        standings: How every alert stands.
        changed: Those that differ from before.
        gone: Those that are forgotten.
        turned: Those that fired or were resolved just now.
        failed: The rules that could not be evaluated.
    """

    standings: dict[_Key, Standing] = field(default_factory=dict)
    changed: dict[_Key, Standing] = field(default_factory=dict)
    gone: list[_Key] = field(default_factory=list)
    turned: list[Standing] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def firing(self) -> int:
        """How many alerts fire."""
        return sum(each.state is State.FIRING for each in self.standings.values())


def look(
    rules: Sequence[AlertRule], ask: Ask, before: dict[_Key, Standing], now: int, passed: float
) -> Outcome:
    """Evaluate rules.

    Args:
        rules: Every rule; alerts of those that are off are resolved.
        ask: Asks for the numbers of one.
        before: How alerts stood.
        now: Unix nanoseconds.
        passed: Seconds since the last look.
    """
    outcome = Outcome()
    known: dict[str, dict[str, Standing]] = {rule.id: {} for rule in (*rules, FAILED)}
    for (rule_id, labels), standing in before.items():
        known.setdefault(rule_id, {})[labels] = standing
    broken: Rows = []
    for rule in rules:
        rows = _rows(rule, ask)
        broken.append({"rule": rule.id, "value": int(rows is None)})
        after = known[rule.id] if rows is None else _advanced(rule, rows, known[rule.id], now, passed)
        _compare(outcome, known[rule.id], after)
    _compare(outcome, known[FAILED.id], _advanced(FAILED, broken, known[FAILED.id], now, passed))
    for rule_id in known.keys() - {rule.id for rule in (*rules, FAILED)}:
        _compare(outcome, known[rule_id], {})
    outcome.failed = [row["rule"] for row in broken if row["value"]]
    return outcome


def _rows(rule: AlertRule, ask: Ask) -> Rows | None:
    """The numbers of a rule: none where it is off, None where nobody knows."""
    if not rule.enabled:
        return []
    try:
        return ask(rule)
    except Exception as error:
        # Whatever it is, the other rules are evaluated, and this one is told of.
        _log.error("rule %s cannot be evaluated: %s", rule.id, error, exc_info=error)
        return None


def _advanced(
    rule: AlertRule, rows: Rows, before: dict[str, Standing], now: int, passed: float
) -> dict[str, Standing]:
    after: dict[str, Standing | None] = {labels: settle(each, now) for labels, each in before.items()}
    for row in rows:
        labels = labels_of(row)
        after[labels] = advance(rule, row, before.get(labels), now, passed)
    kept = [(labels, each) for labels, each in after.items() if each is not None]
    return dict(kept[: store.MOST_ALERTS])


def _compare(outcome: Outcome, before: dict[str, Standing], after: dict[str, Standing]) -> None:
    outcome.gone += [each.key for labels, each in before.items() if labels not in after]
    for labels, each in after.items():
        outcome.standings[each.key] = each
        was = before.get(labels)
        if each != was:
            outcome.changed[each.key] = each
        fired = was is not None and was.state is State.FIRING
        if each.state is (State.RESOLVED if fired else State.FIRING):
            outcome.turned.append(each)


@dataclass(frozen=True, slots=True)
class Telling:
    """Writes what a look came to, with the messages about it, in one transaction: both or neither.

    Args:
        alerting: Who is told.
        tenant_id, tenant: Whose alerts they are.
        now: Unix nanoseconds.
    """

    alerting: Alerting
    tenant_id: int
    tenant: str
    now: int

    def anything(self, outcome: Outcome) -> bool:
        """Whether there is anything to write: mostly all is well, and the database is left alone."""
        repeat = self.alerting.repeat_seconds
        changed = outcome.changed or outcome.gone
        return bool(changed) or any(True for _ in due(outcome.standings.values(), [], self.now, repeat))

    def write(self, connection: Connection, outcome: Outcome) -> list[str]:
        """Write it; return the channels that had no room for a message, once for each."""
        full: list[str] = []
        changed = dict(outcome.changed)
        silences = store.read_silences(connection, self.tenant_id, self.now)
        for rule, alerts, channels in self._messages(outcome, silences):
            content = message(self.tenant, rule, alerts, self.now, self.alerting.link)
            left = store.put(connection, self.tenant_id, content["id"], encode(content), channels, self.now)
            full += left
            if len(left) < len(channels):
                changed.update({each.key: told(each, self.now) for each in alerts})
        store.write_standings(connection, self.tenant_id, changed.values(), outcome.gone)
        store.note_changes(connection, self.tenant_id, outcome.turned)
        return full

    def _messages(
        self, outcome: Outcome, silences: list[Any]
    ) -> Iterator[tuple[AlertRule, list[Standing], list[str]]]:
        """Each rule of which something is to be told, with what and to whom."""
        repeat = self.alerting.repeat_seconds
        for rule_id, alerts in due(outcome.standings.values(), silences, self.now, repeat):
            rule = FAILED if rule_id == FAILED.id else self.alerting.rule(rule_id)
            if rule is None:
                continue
            wanted = [
                channel.name
                for channel in self.alerting.channels
                if channel.wants(self.tenant, rule.id, rule.severity)
            ]
            if wanted:
                yield rule, alerts, wanted
