"""The rules: which number is an alert, from which threshold on, and for how long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from promethios.governance.conditions.hints import did_you_mean

Comparison = Literal["above", "below"]
Severity = Literal["critical", "warning", "info"]

#: How severe an alert may be, the worst first.
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info")
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
