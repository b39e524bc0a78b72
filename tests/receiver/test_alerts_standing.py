"""How an alert goes from pending to firing to resolved, and what is told of it; time is handed in."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from promethios.governance.alerting import AlertRule, rule_named
from promethios.receiver.alerts.evaluation import FAILED, look
from promethios.receiver.alerts.messages import MOST, Silence, due, message, told
from promethios.receiver.alerts.standing import FORGOTTEN, Standing, State, advance

SECOND = 10**9
NOW = 1_800_000_000 * SECOND
HOUR = 3_600
RULE = replace(rule_named("denial-ratio"), for_seconds=60)
AT_ONCE = rule_named("critical-violation")
BAD, GOOD = 0.9, 0.1


def row(value: float = BAD, agent: str = "clerk") -> dict[str, Any]:
    return {"agent_id": agent, "value": value}


def followed(*values: float, rule: AlertRule = RULE, step: int = 15) -> list[str]:
    """The states that an alert goes through, seen every `step` seconds."""
    standing: Standing | None = None
    states = []
    for number, value in enumerate(values):
        standing = advance(rule, row(value), standing, NOW + number * step * SECOND, step)
        states.append(str(standing.state) if standing else "")
    return states


def firing(agent: str = "clerk", **changed: Any) -> Standing:
    standing = advance(AT_ONCE, row(3, agent), None, NOW, 0)
    assert standing is not None
    return replace(standing, **changed)


def test_it_fires_when_it_was_bad_for_long_enough() -> None:
    assert followed(*[BAD] * 6) == ["pending", "pending", "pending", "pending", "firing", "firing"]


def test_it_begins_anew_when_it_was_good_in_between() -> None:
    assert followed(BAD, BAD, BAD, GOOD, BAD, BAD, BAD, BAD, BAD) == [
        *("pending", "pending", "pending", ""),
        *("pending", "pending", "pending", "pending", "firing"),
    ]


def test_a_rule_without_a_time_fires_at_once() -> None:
    assert followed(1, 1, 0, 1, rule=AT_ONCE) == ["firing", "firing", "resolved", "firing"]


def test_what_is_good_has_no_alert() -> None:
    assert followed(GOOD, GOOD) == ["", ""]


def test_it_is_resolved_when_it_is_good_again_and_forgotten_after_a_day() -> None:
    over = advance(AT_ONCE, row(0), firing(told="firing"), NOW + SECOND, 1)
    assert over is not None and over.state is State.RESOLVED and over.changed == NOW + SECOND
    assert over.value == 3
    for_a_while = advance(AT_ONCE, row(0), over, NOW + FORGOTTEN, 1)
    assert for_a_while == over
    assert advance(AT_ONCE, row(0), replace(over, told="resolved"), NOW + 2 * FORGOTTEN, 1) is None
    # Until somebody was told that it is over it is not forgotten.
    assert advance(AT_ONCE, row(0), over, NOW + 2 * FORGOTTEN, 1) == over


def test_since_is_when_the_number_became_bad() -> None:
    standing = advance(RULE, row(), None, NOW, 0)
    standing = advance(RULE, row(0.8), standing, NOW + 70 * SECOND, 70)
    assert standing is not None
    assert (standing.state, standing.since, standing.changed) == (State.FIRING, NOW, NOW + 70 * SECOND)
    assert standing.value == 0.8


@pytest.mark.parametrize("jump", [-10 * HOUR, 10 * HOUR])
def test_a_clock_that_is_set_neither_fires_nor_keeps_from_firing(jump: int) -> None:
    standing = advance(RULE, row(), None, NOW, 0)
    states = []
    for number in range(1, 6):
        standing = advance(RULE, row(), standing, NOW + (jump + 15 * number) * SECOND, 15)
        assert standing is not None
        states.append(str(standing.state))
    assert states == ["pending", "pending", "pending", "firing", "firing"]


def looked(
    rows: list[dict[str, Any]] | Exception, before: Any = (), now: int = NOW, passed: float = 15
) -> Any:
    def ask(_: AlertRule) -> list[dict[str, Any]]:
        if isinstance(rows, Exception):
            raise rows
        return rows

    return look([AT_ONCE], ask, {each.key: each for each in before}, now, passed)


def states(outcome: Any) -> dict[tuple[str, str], str]:
    return {(each.rule, each.labels): str(each.state) for each in outcome.standings.values()}


def test_each_agent_has_an_alert_of_its_own() -> None:
    assert states(looked([row(1, "a"), row(0, "b"), row(2, "c")])) == {
        (AT_ONCE.id, '{"agent_id":"a"}'): "firing",
        (AT_ONCE.id, '{"agent_id":"c"}'): "firing",
    }


def test_what_has_not_changed_is_not_written() -> None:
    first = looked([row(1)])
    assert len(first.changed) == len(first.turned) == 1
    again = looked([row(1)], first.standings.values())
    assert (again.changed, again.turned, again.gone) == ({}, [], [])


def test_an_agent_that_is_gone_is_resolved() -> None:
    outcome = looked([], [firing()])
    assert set(states(outcome).values()) == {"resolved"}
    assert len(outcome.turned) == 1


def test_a_rule_that_is_off_resolves_its_alerts() -> None:
    off = replace(AT_ONCE, enabled=False)
    outcome = look([off], lambda _: [row(1)], {firing().key: firing()}, NOW, 15)
    assert set(states(outcome).values()) == {"resolved"}


def test_a_rule_that_cannot_be_evaluated_keeps_its_alerts_and_is_told_itself() -> None:
    outcome = looked(ZeroDivisionError("by zero"), [firing()])
    failed = (FAILED.id, f'{{"rule":"{AT_ONCE.id}"}}')
    assert states(outcome) == {firing().key: "firing", failed: "pending"}
    assert outcome.failed == [AT_ONCE.id]
    later = looked(ZeroDivisionError("by zero"), outcome.standings.values(), passed=FAILED.for_seconds)
    assert states(later)[failed] == "firing"
    well = looked([row(1)], later.standings.values())
    assert states(well) == {firing().key: "firing", failed: "resolved"}


def wanted(*standings: Standing, silences: Any = (), now: int = NOW, repeat: int = HOUR) -> list[str]:
    return [each.agent_id for _, alerts in due(standings, list(silences), now, repeat) for each in alerts]


def test_what_fires_is_told_once_and_again_after_a_while() -> None:
    once = told(firing(), NOW)
    assert wanted(firing()) == ["clerk"]
    assert wanted(once, now=NOW + 60 * SECOND) == []
    assert wanted(once, now=NOW + (HOUR - 1) * SECOND) == []
    assert wanted(once, now=NOW + HOUR * SECOND) == ["clerk"]


def test_what_is_pending_is_not_told() -> None:
    assert wanted(firing(state=State.PENDING)) == []


def test_that_it_is_over_is_told_where_it_was_told_that_it_began() -> None:
    assert wanted(firing(state=State.RESOLVED, told="firing")) == ["clerk"]
    assert wanted(firing(state=State.RESOLVED, told="")) == []
    assert wanted(firing(state=State.RESOLVED, told="resolved")) == []


def test_alerts_of_a_rule_are_told_together() -> None:
    (group,) = due([firing("a"), firing("b"), firing("c")], [], NOW, HOUR)
    assert group[0] == AT_ONCE.id
    assert [each.agent_id for each in group[1]] == ["a", "b", "c"]


def test_what_comes_soon_after_waits_for_the_next_message() -> None:
    first = told(firing("a"), NOW)
    assert wanted(first, firing("b"), now=NOW + 30 * SECOND) == []
    assert wanted(first, firing("b"), now=NOW + 60 * SECOND) == ["b"]


def test_a_clock_that_was_set_back_does_not_keep_back_what_fires() -> None:
    ahead = told(firing("a"), NOW + 10 * HOUR * SECOND)
    assert wanted(ahead, firing("b"), now=NOW) == ["a", "b"]


@pytest.mark.parametrize(
    ("rule", "agent", "left"),
    [
        ("", "a", ["b"]),
        (AT_ONCE.id, "", []),
        (AT_ONCE.id, "a", ["b"]),
        ("trust-low", "", ["a", "b"]),
        ("trust-low", "a", ["a", "b"]),
    ],
)
def test_what_is_silenced_is_not_told(rule: str, agent: str, left: list[str]) -> None:
    silence = Silence(rule, agent, NOW + 10 * SECOND)
    assert wanted(firing("a"), firing("b"), silences=[silence]) == left
    assert wanted(firing("a"), firing("b"), silences=[silence], now=NOW + 10 * SECOND) == ["a", "b"]


def test_a_message_has_the_worst_first_and_says_how_many_there_are() -> None:
    alerts = [firing(f"a{number}", value=float(number)) for number in range(MOST + 5)]
    content = message("acme", AT_ONCE, [*alerts, firing("z", state=State.RESOLVED)], NOW, "https://c")
    assert (content["version"], content["tenant"], content["rule"]) == (1, "acme", AT_ONCE.id)
    assert (content["status"], content["count"], len(content["alerts"])) == ("firing", MOST + 6, MOST)
    assert content["alerts"][0]["value"] == MOST + 4
    assert content["alerts"][0]["link"] == f"https://c/#/d/promethios-agent?var-agent=a{MOST + 4}"
    assert content["alerts"][0]["labels"] == {"agent_id": f"a{MOST + 4}"}


def test_a_message_about_what_is_over_says_so() -> None:
    content = message("acme", AT_ONCE, [firing(state=State.RESOLVED)], NOW, "")
    assert (content["status"], content["alerts"][0]["state"], content["alerts"][0]["link"]) == (
        *("resolved", "resolved"),
        "",
    )


def test_nobody_is_told_twice_of_the_same_whatever_the_numbers_do() -> None:
    """Random numbers, random restarts: firing and resolved are told in turn, and never one of them twice."""
    chance = random.Random(7)
    rule = replace(RULE, for_seconds=30)
    for _ in range(200):
        standing: Standing | None = None
        heard: list[str] = []
        now = NOW
        for _ in range(60):
            now += 15 * SECOND
            passed = chance.choice([15, 15, 15, 0])
            standing = advance(rule, row(chance.choice([BAD, BAD, GOOD])), standing, now, passed)
            for _, alerts in due([standing] if standing else [], [], now, 10**6):
                heard += [str(each.state) for each in alerts]
                standing = told(alerts[0], now)
        assert heard == ["firing", "resolved"] * (len(heard) // 2) + ["firing"] * (len(heard) % 2)
