"""Who is in the fleet (`fleet.py`): agents with a character each, and the policies that they meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that may match, and what it does then."""

    name: str
    severity: str
    action: str
    point: str
    reason: str
    control: str
    mode: str = "enforce"
    tool: str = ""

    def match(self, version: str) -> dict[str, Any]:
        """What its event says."""
        return {
            "gen_ai.guardrail.policy.id": self.name,
            "gen_ai.guardrail.policy.version": version,
            "gen_ai.guardrail.policy.rule.id": "detect" if self.action == "redact" else "when",
            "gen_ai.guardrail.result.type": self.action,
            "gen_ai.guardrail.result.value": self.action if self.mode == "enforce" else "allow",
            "gen_ai.guardrail.result.reason": self.reason,
            "promethios.policy.severity": self.severity,
            "promethios.policy.controls": [self.control],
            "promethios.policy.mode": self.mode,
        }


POLICIES: Final = {
    policy.name: policy
    for policy in (
        Policy(
            "tool-allowlist",
            "critical",
            "block",
            "tool.before",
            "tool 'shell.exec' is not on the list",
            "EU-AI-Act/Art.15",
            tool="shell.exec",
        ),
        Policy(
            "spend-limit",
            "medium",
            "block",
            "model.before",
            "the conversation has used 2 USD",
            "ISO-42001/A.6",
        ),
        Policy("card-numbers", "high", "redact", "model.before", "pii.card in input", "PCI-DSS/3.4"),
        Policy(
            "indirect-injection",
            "low",
            "flag",
            "tool.after",
            "injection.override in result",
            "OWASP-ASI/ASI01",
        ),
        Policy(
            "model-allowlist",
            "high",
            "block",
            "model.before",
            "model 'gpt-4' is not on the list",
            "EU-AI-Act/Art.15",
            "shadow",
        ),
        Policy(
            "large-refunds",
            "medium",
            "block",
            "tool.before",
            "refunds above 500 need a person",
            "ISO-42001/A.9",
            tool="refund",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Character:
    """How an agent behaves.

    Args:
        name: Its name.
        model: The model that it asks.
        tools: What it uses.
        every: Seconds between two of its runs.
        breaks: The policies that it meets, and how often in a run.
        silences: When it is silent: from, to, as parts of the range.
        spoilt: From which part of the range on it breaks rules four times as often; 1 for never.
        ungoverned: How often a call has no decision.
    """

    name: str
    model: str
    tools: tuple[str, ...]
    every: float
    breaks: dict[str, float]
    silences: tuple[tuple[float, float], ...] = ()
    spoilt: float = 1.0
    ungoverned: float = 0.0
    stops: bool = False
    owner: str = "platform"


FLEET: Final = (
    Character(
        "billing-bot", "gpt-4o-mini", ("read_invoice", "refund"), 40, {"large-refunds": 0.03}, owner="fin"
    ),
    Character(
        "support-triage",
        "claude-sonnet-4",
        ("search_tickets", "send_email"),
        25,
        {"card-numbers": 0.05, "indirect-injection": 0.04},
        ((0.12, 0.17), (0.29, 0.36)),
        owner="cx",
    ),
    Character("code-reviewer", "gpt-4o", ("read_file", "comment"), 55, {"spend-limit": 0.01}, owner="eng"),
    Character(
        "sre-copilot",
        "gpt-4o-mini",
        ("query_logs", "restart"),
        70,
        {"tool-allowlist": 0.02},
        ((0.72, 0.75),),
        spoilt=0.6,
        owner="sre",
    ),
    Character(
        "kyc-screener",
        "gpt-4",
        ("read_customer", "shell.exec"),
        45,
        {"tool-allowlist": 0.09, "card-numbers": 0.12, "model-allowlist": 0.25},
        ((0.3, 0.34), (0.66, 0.69)),
        ungoverned=0.03,
        owner="risk",
    ),
    Character(
        "research-crew",
        "claude-sonnet-4",
        ("search_web", "read_page"),
        18,
        {"indirect-injection": 0.06, "spend-limit": 0.012},
        owner="r&d",
    ),
    Character(
        "nightly-report", "gpt-4o-mini", ("read_invoice",), 120, {}, ((0.55, 1.0),), stops=True, owner="fin"
    ),
)
