"""``/compliance``: which controls the policies that matched stand for."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.told import NOW, Ask, Tell, decided, rows


def match(policy: str, *controls: str, **further: Any) -> dict[str, Any]:
    named = {f"promethios.policy.{name}": value for name, value in further.items()}
    return {"gen_ai.guardrail.policy.id": policy, "promethios.policy.controls": list(controls), **named}


def test_a_control_has_its_policies_and_its_evidence(tell: Tell, ask: Ask) -> None:
    tell(
        decided(1, "block", (match("budget", "EU-AI-Act/Art.15", "SOC2"), match("pii", "EU-AI-Act/Art.15"))),
        decided(2, "flag", (match("pii", "EU-AI-Act/Art.15", mode="shadow"),)),
    )
    at_ = NOW // 1_000_000
    assert rows(ask("compliance")) == [
        {
            "framework": framework,
            "control": control,
            "policies": policies,
            "evidence": evidence,
            "enforced": enforced,
            "status": "enforced",
            "last_seen": at_ + last,
        }
        for framework, control, policies, evidence, enforced, last in (
            ("", "SOC2", "budget", 1, 1, 1_000),
            ("EU-AI-Act", "Art.15", "budget, pii", 3, 2, 2_000),
        )
    ]


@pytest.mark.parametrize(
    ("further", "status"),
    [({}, "enforced"), ({"mode": "shadow"}, "shadow"), ({"failed": True}, "failing")],
    ids=["enforced", "shadow", "failing"],
)
def test_a_control_says_how_it_stands(tell: Tell, ask: Ask, further: dict[str, Any], status: str) -> None:
    tell(decided(1, "flag", (match("pii", "A/1", **further),)))
    assert [row["status"] for row in rows(ask("compliance"))] == [status]


def test_one_policy_that_fails_fails_the_control(tell: Tell, ask: Ask) -> None:
    tell(decided(1, "flag", (match("pii", "A/1"), match("budget", "A/1", failed=True))))
    assert [row["status"] for row in rows(ask("compliance"))] == ["failing"]


def test_hostile_controls_are_text_or_nothing_k17(tell: Tell, ask: Ask) -> None:
    hostile = "<script>alert(1)</script>/=cmd|' /C calc'!A0"
    wrong = {"gen_ai.guardrail.policy.id": "pii", "promethios.policy.controls": 7}
    tell(decided(1, "flag", (match("pii", hostile, "", "x" * 5_000), wrong)))
    first, second = rows(ask("compliance"))
    assert (first["framework"], first["control"]) == ("", "x" * 5_000)
    assert f"{second['framework']}/{second['control']}" == hostile


def test_another_agents_controls_are_left_out(tell: Tell, ask: Ask) -> None:
    tell(decided(1, "flag", (match("pii", "A/1"),)))
    tell(decided(2, "flag", (match("pii", "A/2"),)), agent="guest")
    assert [row["control"] for row in rows(ask("compliance", agent="guest"))] == ["2"]
    assert rows(ask("compliance", agent="nobody")) == []
