"""What a match weighs: by its policy's severity, and nothing where it says nothing about the agent."""

from __future__ import annotations

import math

import pytest

from promethios.governance.policies.model import SEVERITIES
from promethios.governance.trust import MAX_WEIGHT, WEIGHTS, weight_of

OUTPUT = ("pii.card", "output[0].content")
INPUT = ("pii.card", "input[1].content")
GUESS = ("injection.override", "result")


def test_every_severity_has_its_weight() -> None:
    assert dict(WEIGHTS) == {"low": 0.1, "medium": 0.3, "high": 1.0, "critical": 5.0}
    assert set(WEIGHTS) == set(SEVERITIES)
    assert [weight_of(severity) for severity in SEVERITIES] == [0.1, 0.3, 1.0, 5.0]


def test_an_unknown_severity_weighs_nothing() -> None:
    assert weight_of("dreadful") == 0


def test_a_policy_may_have_a_weight_of_its_own() -> None:
    assert weight_of("critical", policy_weight=0) == 0
    assert weight_of("low", policy_weight=2.5) == 2.5
    assert weight_of("dreadful", policy_weight=1) == 1


@pytest.mark.parametrize(
    ("given", "held"),
    [(-1, 0), (math.nan, 0), (-math.inf, 0), (math.inf, MAX_WEIGHT), (1e300, MAX_WEIGHT), (0.01, 0.01)],
)
def test_a_weight_is_held_within_its_limits(given: float, held: float) -> None:
    assert weight_of("high", policy_weight=given) == held


@pytest.mark.parametrize("weight", [None, 3.0])
def test_a_policy_in_shadow_weighs_nothing(weight: float | None) -> None:
    assert weight_of("critical", mode="shadow", policy_weight=weight) == 0


@pytest.mark.parametrize("weight", [None, 3.0])
def test_a_policy_without_an_answer_weighs_nothing(weight: float | None) -> None:
    assert weight_of("critical", failed=True, policy_weight=weight) == 0


@pytest.mark.parametrize(
    ("found", "weight"),
    [
        ([OUTPUT], 1.0),
        ([("pii.card", "arguments.note")], 1.0),
        ([("pii.card", "result")], 1.0),
        ([("pii.card", "arguments.input")], 1.0),
        ([("pii.card", "inputs")], 1.0),
        ([INPUT], 0.0),
        ([("pii.card", "input")], 0.0),
        ([("pii.card", "input.text")], 0.0),
        ([GUESS], 0.0),
        ([("injections", "output")], 1.0),
        ([INPUT, GUESS], 0.0),
        ([INPUT, OUTPUT], 1.0),
        ([GUESS, OUTPUT], 1.0),
    ],
)
def test_what_users_type_and_what_heuristics_guess_does_not_count(
    found: list[tuple[str, str]], weight: float
) -> None:
    assert weight_of("high", found=found) == weight
    assert weight_of("high", found=iter(found), policy_weight=2) == 2 * weight
