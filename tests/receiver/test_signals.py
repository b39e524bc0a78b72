"""The numbers that alerts are made of: bad where something is wrong, and good where nothing is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.support.receiver import RunningReceiver
from tests.support.telemetry import Hit, model_call, reporting_agent, tool_call

from promethios.governance.alerting import RULES

SECOND = 10**9
CRITICAL = Hit("no-secrets", "critical", "block", "a secret")
HIGH = Hit("model-allowlist", "high", "block", "not on the list")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A receiver that two agents told of what they did: a good one, and one that does everything wrong."""
    with RunningReceiver(tmp_path_factory.mktemp("signals") / "promethios.db") as running:
        with reporting_agent("good", running.http, running.ingest_key) as good:
            for _ in range(25):
                good.run(60, model_call(tokens=(10, 5)))
        with reporting_agent("bad", running.http, running.ingest_key) as bad:
            for _ in range(15):
                bad.run(60, model_call(CRITICAL, tokens=(6_000_000, 5)))
            bad.run(60, *(tool_call("search") for _ in range(5)))
            bad.decisions += 3
            bad.run(60, tool_call("search", HIGH), model_call(decided=False))
        yield running


def values(receiver: RunningReceiver, rule: str, **query: object) -> dict[str, float]:
    return {row["agent_id"]: row["value"] for row in receiver.data(f"signals/{rule}", **query)}


def test_a_critical_violation_is_counted(told: RunningReceiver) -> None:
    assert values(told, "critical-violation") == {"bad": 15, "good": 0}


def test_trust_is_the_score(told: RunningReceiver) -> None:
    found = values(told, "trust-low")
    assert found == {row["agent_id"]: row["score"] for row in told.data("trust")}
    assert found["bad"] < 300 < found["good"]


def test_blocks_are_a_share_of_the_decisions(told: RunningReceiver) -> None:
    assert values(told, "denial-ratio") == {"bad": 16 / 21, "good": 0}


def test_a_share_of_few_decisions_says_nothing(told: RunningReceiver) -> None:
    with reporting_agent("few", told.http, told.ingest_key) as few:
        few.run(30, *(model_call(HIGH) for _ in range(19)))
    assert values(told, "denial-ratio", agent="few") == {"few": 0}


def test_the_latency_is_the_95th_percentile(told: RunningReceiver) -> None:
    assert values(told, "policy-latency", agent="good|bad") == {"bad": 80.5, "good": 80.5}


def test_calls_without_a_decision_are_counted(told: RunningReceiver) -> None:
    assert values(told, "ungoverned-operations", agent="good|bad") == {"bad": 1, "good": 0}


def test_tokens_of_a_day_are_summed(told: RunningReceiver) -> None:
    assert values(told, "token-budget", agent="good|bad")["good"] == 25 * 15
    assert values(told, "token-budget", agent="good|bad")["bad"] > 90_000_000


def test_missing_numbers_are_counted(told: RunningReceiver) -> None:
    assert values(told, "evidence-gap", agent="good|bad") == {"bad": 3, "good": 0}


def test_an_agent_that_never_said_that_it_lives_misses_nothing(told: RunningReceiver) -> None:
    assert values(told, "heartbeat-lost", agent="good|bad") == {"bad": 0, "good": 0}


def test_what_came_last_came_just_now(told: RunningReceiver) -> None:
    (row,) = told.data("signals/ingest-stale")
    assert row["tenant"] == "default"
    assert 0 <= row["value"] < 120


@pytest.mark.parametrize("rule", [rule.id for rule in RULES])
def test_each_signal_has_one_number_and_text_besides(told: RunningReceiver, rule: str) -> None:
    rows = told.data(f"signals/{rule}")
    assert rows
    for row in rows:
        assert isinstance(row.pop("value"), int | float)
        assert [type(each) for each in row.values()] == [str]


@pytest.mark.parametrize("rule", [rule.id for rule in RULES if rule.labels == ("agent_id",)])
def test_an_agent_that_nobody_knows_has_no_row(told: RunningReceiver, rule: str) -> None:
    assert told.data(f"signals/{rule}", agent="nobody") == []


def test_the_default_range_is_the_rules_window(told: RunningReceiver) -> None:
    with reporting_agent("old", told.http, told.ingest_key) as old:
        old.run(1_000, model_call(CRITICAL))
    now = int(time.time() * 1000)
    assert values(told, "critical-violation", agent="old") == {"old": 0}
    assert values(told, "critical-violation", agent="old", from_=now - 2_000_000) == {"old": 1}
    assert values(told, "critical-violation", agent="old", to=now - 900_000) == {"old": 1}
