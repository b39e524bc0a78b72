"""What is an alert: the one definition, for the receiver's own alerts and for Grafana's.

Each rule compares one number with a threshold. The number is the answer of ``GET /api/v1/signals/<id>``: a
row for each set of labels, evaluated by the receiver in-process and asked for by Grafana. Never imported in
an agent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from promethios.governance.conditions.hints import did_you_mean
from promethios.governance.policies.document import Map, Text, Value, read
from promethios.governance.policies.fields import Fields
from promethios.governance.policies.problems import PolicyError, Problem, Problems
from promethios.governance.policies.state_readers import read_duration

Comparison = Literal["above", "below"]
Severity = Literal["critical", "warning", "info"]

#: How severe an alert may be, the worst first.
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
#: What a file of alerts may say; `load_rules` reads ``rules``, the receiver the rest.
KEYS: Final = ("rules", "channels", "repeat", "link", "allow_networks")
_CHANGES: Final = ("threshold", "for", "window", "severity", "enabled")
_MOST: Final = 1e15
_LONGEST: Final = 7 * 86_400
_FIELD: Final = re.compile(r"\{(\w+)\}")


class AlertingError(ValueError):
    """A file of alerts that cannot be used: its mistakes are in the message, each with line and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """A rule: when a number is an alert.

    Args:
        id: Its name, also of its route (``signals/<id>``) and in Grafana (uid ``promethios-<id>``).
        title: What it is called.
        summary: One line about one alert, with ``{value}`` and the names of labels in braces.
        description: What the number is, and what to do.
        labels: The names of the text columns that tell one alert from another.
        comparison: Whether the number is bad ``above`` the threshold or ``below`` it; at it, it is good.
        threshold: The threshold, in `unit`.
        for_seconds: For how long the number must be bad before the alert fires; 0 for at once.
        severity: How severe it is.
        unit: The number's unit: UCUM's or, in braces, what is counted; ``1`` for a ratio.
        window_seconds: Over how long the number is taken, the default range of its route. For a number that
            is of now, only how far back Grafana looks.
        no_data: What an answer without rows means.
        enabled: Whether it is evaluated.
    """

    id: str
    title: str
    summary: str
    description: str
    labels: tuple[str, ...]
    comparison: Comparison
    threshold: float
    for_seconds: int
    severity: Severity
    unit: str
    window_seconds: int
    no_data: Literal["ok", "alert"] = "ok"
    enabled: bool = True

    def is_bad(self, value: float) -> bool:
        """Whether a number is beyond the threshold."""
        return value > self.threshold if self.comparison == "above" else value < self.threshold

    def tell(self, labels: Mapping[str, str], value: float) -> str:
        """The summary of one alert. What labels contain is shown as it is, braces too."""
        known = {**labels, "value": f"{value:,.6g}", "threshold": f"{self.threshold:,.6g}"}
        return _FIELD.sub(lambda found: known.get(found[1], found[0]), self.summary)


_AGENT: Final = ("agent_id",)

#: Every rule with its defaults.
RULES: Final[tuple[AlertRule, ...]] = (
    AlertRule(
        id="heartbeat-lost",
        title="Heartbeat lost",
        summary="Agent {agent_id} has missed {value} heartbeats",
        description=(
            "Intervals that passed since the agent's last heartbeat. 0 for one that said goodbye, and for "
            "one that never sent a heartbeat. Look whether its process runs, and whether it reaches the "
            "receiver."
        ),
        labels=_AGENT,
        comparison="above",
        threshold=3,
        for_seconds=0,
        severity="critical",
        unit="{interval}",
        window_seconds=600,
    ),
    AlertRule(
        id="critical-violation",
        title="Critical violation",
        summary="Agent {agent_id} had {value} critical violations",
        description=(
            "Violations of policies with severity critical in the last ten minutes, also of policies in "
            "shadow mode. Look at the trace of each."
        ),
        labels=_AGENT,
        comparison="above",
        threshold=0,
        for_seconds=0,
        severity="critical",
        unit="{violation}",
        window_seconds=600,
    ),
    AlertRule(
        id="trust-low",
        title="Trust low",
        summary="Trust of agent {agent_id} is {value}",
        description=(
            "The agent's trust score, 0 to 1000. Below 300 it is restricted; a new agent has 405. Its page "
            "says which decisions moved it."
        ),
        labels=_AGENT,
        comparison="below",
        threshold=300,
        for_seconds=600,
        severity="warning",
        unit="{score}",
        window_seconds=600,
    ),
    AlertRule(
        id="denial-ratio",
        title="Many operations blocked",
        summary="{value} of the decisions about agent {agent_id} were blocks",
        description=(
            "The share of the last 15 minutes' decisions that were blocks, 0 to 1; 0 where there were "
            "fewer than 20 decisions. Either the agent misbehaves, or a policy is wrong."
        ),
        labels=_AGENT,
        comparison="above",
        threshold=0.2,
        for_seconds=300,
        severity="warning",
        unit="1",
        window_seconds=900,
    ),
    AlertRule(
        id="policy-latency",
        title="Policies are slow",
        summary="Decisions of agent {agent_id} take {value} µs (95th percentile)",
        description=(
            "The 95th percentile of how long the last 15 minutes' decisions took, in microseconds. Look at "
            "the policies with patterns of their own and at plug-ins."
        ),
        labels=_AGENT,
        comparison="above",
        threshold=5_000,
        for_seconds=600,
        severity="warning",
        unit="us",
        window_seconds=900,
    ),
    AlertRule(
        id="ungoverned-operations",
        title="Ungoverned operations",
        summary="Agent {agent_id} made {value} calls that no policy decided about",
        description=(
            "Calls of models and tools in the last 15 minutes about which nobody decided. Look which "
            "library made them, and whether its adapter is on."
        ),
        labels=_AGENT,
        comparison="above",
        threshold=0,
        for_seconds=300,
        severity="warning",
        unit="{call}",
        window_seconds=900,
    ),
    AlertRule(
        id="ingest-stale",
        title="Nothing comes in",
        summary="Nothing came from tenant {tenant} for {value} s",
        description=(
            "Seconds since the tenant's last data arrived; 0 where none ever did, and where every agent "
            "said goodbye. Look at the agents' network, their key, and the Collector in between."
        ),
        labels=("tenant",),
        comparison="above",
        threshold=600,
        for_seconds=0,
        severity="critical",
        unit="s",
        window_seconds=600,
        no_data="alert",
    ),
    AlertRule(
        id="token-budget",
        title="Token budget exceeded",
        summary="Agent {agent_id} used {value} tokens in a day",
        description="Input and output tokens of the last 24 hours.",
        labels=_AGENT,
        comparison="above",
        threshold=10_000_000,
        for_seconds=0,
        severity="warning",
        unit="{token}",
        window_seconds=86_400,
    ),
    AlertRule(
        id="evidence-gap",
        title="Evidence missing",
        summary="{value} decisions of agent {agent_id} are missing",
        description=(
            "Numbers that are missing in the numbering of the last hour's decisions. What waits in a spool "
            "fills the gap when it arrives; what does not is evidence lost."
        ),
        labels=_AGENT,
        comparison="above",
        threshold=0,
        for_seconds=600,
        severity="critical",
        unit="{decision}",
        window_seconds=3_600,
    ),
)


def load_rules(path: str | Path) -> tuple[AlertRule, ...]:
    """The rules with what a file changes in them, as in ``rules: {trust-low: {threshold: 500, for: 5m}}``.

    What the file says besides, for the receiver, is not looked at. Rules that are off are there too.

    Args:
        path: A YAML file.

    Raises:
        AlertingError: The file cannot be read or has mistakes; all of them are in the message.
    """
    problems = Problems()
    try:
        fields = read_alerting(path, problems)
        rules = read_rules(fields.get("rules"), problems)
    except PolicyError as error:
        raise AlertingError(str(error)) from None
    refuse(path, problems)
    return rules


def read_alerting(path: str | Path, problems: Problems) -> Fields:
    """The keys of a file of alerts; an empty file has none.

    Raises:
        AlertingError: The file cannot be read.
        PolicyError: It is no YAML.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise AlertingError(f"{path}: cannot be read: {reason}") from None
    document = read(text, str(path), problems)
    return Fields(document or Map(1, 1, {}), "the file", KEYS, problems)


def refuse(path: str | Path, problems: Problems) -> None:
    """Raise what was found wrong in a file.

    Raises:
        AlertingError: Something was.
    """
    if problems.found:
        found: list[Problem] = problems.found
        raise AlertingError(str(PolicyError(str(path), found)))


def read_rules(value: Value | None, problems: Problems) -> tuple[AlertRule, ...]:
    """The rules with the changes below ``rules``; None changes nothing."""
    if value is None:
        return RULES
    changes = Fields(value, "'rules'", (rule.id for rule in RULES), problems)
    return tuple(_changed(rule, changes.get(rule.id), problems) for rule in RULES)


def _changed(rule: AlertRule, value: Value | None, problems: Problems) -> AlertRule:
    if value is None:
        return rule
    fields = Fields(value, f"rule '{rule.id}'", _CHANGES, problems)
    changes: dict[str, Any] = {
        "threshold": fields.number("threshold", _MOST),
        "for_seconds": _for(fields),
        "window_seconds": read_seconds(fields, "window", _LONGEST),
        "severity": fields.choice("severity", SEVERITIES) or None,
        "enabled": None if fields.get("enabled") is None else fields.flag("enabled"),
    }
    given: dict[str, Any] = {name: each for name, each in changes.items() if each is not None}
    return replace(rule, **given)


def _for(fields: Fields) -> int | None:
    """A duration; here ``0s`` is one too: at once."""
    value = fields.get("for")
    if isinstance(value, Text) and value.value == "0s":
        return 0
    return read_seconds(fields, "for", _LONGEST)


def read_seconds(fields: Fields, key: str, longest: int) -> int | None:
    """The seconds of a time such as ``10m``; None where there is none, or a wrong one."""
    seconds = read_duration(fields, key, longest)
    return None if seconds is None else int(seconds)


def rule_named(rule_id: str, rules: tuple[AlertRule, ...] = RULES) -> AlertRule:
    """The rule with an id.

    Raises:
        AlertingError: There is none.
    """
    for rule in rules:
        if rule.id == rule_id:
            return rule
    names = [rule.id for rule in rules]
    hint = did_you_mean(rule_id, names) or f"there is {', '.join(names)}"
    raise AlertingError(f"there is no rule {rule_id!r}: {hint}")
