"""The formula: the figures that the documentation states, forgetting, the alarm, and times that are wrong."""

from __future__ import annotations

import math
import random

import pytest
from tests.benchmarks.trust import MANNERS, Manner, figures, row

from promethios.governance.trust import (
    MAX_WEIGHT,
    METHOD,
    NEW,
    TIERS,
    Standing,
    acknowledge,
    advance,
    believable,
    fade,
    outweighed,
    tier_of,
)

SECOND = 10**9
DAY = 86_400 * SECOND
NOW = 1_760_000_000 * SECOND


def after(*weights: float, start: Standing = NEW, gap: int = SECOND) -> Standing:
    """The standing after decisions of these weights, one each `gap`."""
    standing, at = start, start.last or NOW
    for weight in weights:
        at += gap
        standing = advance(standing, weight, at)
    return standing


def reference(history: list[tuple[float, int]]) -> tuple[float, float, float]:
    """r, s and g as the design writes them, one decision after the other in the order of their times."""
    r = s = g = 0.0
    last = history[0][1]
    for weight, at in history:
        days = (at - last) / DAY
        r, s, last = r * 0.5 ** (days / 14), s * 0.5 ** (days / 30), at
        r, s = r * (1 - 1 / 200), s * (1 - 1 / 200)
        if weight == 0:
            r, g = r + 1, max(0.0, g + math.log(0.85 / 0.98))
        else:
            s, g = s + weight, g + min(weight, 1) * math.log(0.15 / 0.02)
    return r, s, g


def test_the_method_is_named_with_its_version() -> None:
    assert METHOD == "promethios.beta-cusum/1"


def test_a_new_agent_has_405() -> None:
    assert (NEW.score, NEW.tier, NEW.evidence, NEW.alarmed) == (405, "probation", 50, False)
    assert NEW.bound == pytest.approx(0.0606, abs=1e-4)


def test_of_a_new_agent_nothing_is_remembered() -> None:
    assert NEW == Standing() == (0.0, 0.0, 0.0, 0, False)


def test_fifty_clean_decisions_make_an_agent_trusted() -> None:
    # Without forgetting it would be 729; of 50 decisions 44.3 are remembered.
    standing = after(*[0.0] * 50)
    assert (standing.score, standing.tier) == (705, "trusted")
    assert Standing(r=50).score == 729


def test_steady_agents_have_the_scores_that_are_documented() -> None:
    found = dict(figures(agents=200))
    assert (found["new"], found["50 clean decisions"]) == (405, 705)
    assert found["a steady 1%, on average"] == pytest.approx(816, abs=8)
    assert found["a steady 5%, on average"] == pytest.approx(391, abs=8)
    assert found["a steady 20%, on average"] == pytest.approx(63, abs=3)


def test_it_is_what_the_formula_says() -> None:
    draw = random.Random(7)
    at, history, standing = NOW, [], NEW
    for _ in range(500):
        at += int(draw.expovariate(1 / 3) * DAY / 10)
        weight = draw.choice([0, 0, 0, 0.1, 0.3, 1, 5])
        history.append((weight, at))
        standing = advance(standing, weight, at)
    assert standing[:3] == pytest.approx(reference(history))


def test_the_score_is_made_of_the_upper_bound() -> None:
    standing = Standing(r=10, s=4)
    mean = 5.5 / 64
    bound = mean + 1.28 * math.sqrt(mean * (1 - mean) / 65)
    assert standing.evidence == 64
    assert standing.bound == pytest.approx(bound)
    assert standing.score == math.floor(1000 / (1 + (bound / 0.05) ** 2))


@pytest.mark.parametrize("weight", [1.0, 5.0])
@pytest.mark.parametrize("clean", [0, 50, 1000])
def test_the_fourth_bad_decision_in_a_row_raises_the_alarm(clean: int, weight: float) -> None:
    third = after(*[0.0] * clean, *[weight] * 3)
    assert not third.alarmed
    fourth = after(weight, start=third)
    assert fourth.alarmed
    assert fourth.score <= 299
    assert fourth.tier == "restricted"


def test_a_good_agents_alarm_holds_its_score_down() -> None:
    standing = after(*[0.0] * 1000, *[1.0] * 4)
    assert standing.score == 299
    assert standing._replace(alarmed=False).score > 299


def test_mild_violations_raise_the_alarm_later() -> None:
    # min(w, 1) * 2.015 a decision: 0.3 needs 14 in a row.
    assert not after(*[0.3] * 13).alarmed
    assert after(*[0.3] * 14).alarmed


def test_the_alarm_calms_down_below_four() -> None:
    alarmed = after(*[1.0] * 4)
    steps = math.ceil((alarmed.g - 4) / -math.log(0.85 / 0.98))
    calmer = after(*[0.0] * (steps - 1), start=alarmed)
    assert (calmer.alarmed, calmer.g > 4) == (True, True)
    calm = after(0.0, start=calmer)
    assert (calm.alarmed, calm.g < 4) == (False, True)


def test_what_is_between_four_and_eight_raises_no_alarm() -> None:
    assert not after(1.0, 1.0, 1.0).alarmed
    assert after(1.0, 1.0, 1.0).g > 4


def test_at_exactly_four_an_alarm_stays_and_at_exactly_eight_none_is_raised() -> None:
    step = math.log(0.85 / 0.98)
    assert advance(Standing(g=4 - step, alarmed=True), 0.0, 0).alarmed
    assert not advance(Standing(g=8 - step), 0.0, 0).alarmed


def test_who_acknowledges_an_alarm_begins_the_watch_anew() -> None:
    alarmed = after(*[0.0] * 500, *[1.0] * 5)
    calm = acknowledge(alarmed)
    assert (calm.alarmed, calm.g) == (False, 0.0)
    assert calm[:2] == alarmed[:2]
    assert calm.score > alarmed.score
    assert not after(*[1.0] * 3, start=calm).alarmed
    assert after(*[1.0] * 4, start=calm).alarmed


def test_an_idle_agent_fades_to_unknown() -> None:
    good, bad = after(*[0.0] * 300), after(*[1.0] * 2, *[0.0] * 20)
    for standing in (good, bad):
        years_later = fade(standing, standing.last + 3 * 365 * DAY)
        assert years_later.score == NEW.score
        assert years_later.evidence == pytest.approx(50)
    assert good.score > fade(good, good.last + 30 * DAY).score > NEW.score
    assert bad.score < fade(bad, bad.last + 90 * DAY).score


@pytest.mark.parametrize(("place", "days"), [(0, 14), (1, 30)])
def test_half_of_the_good_is_forgotten_in_14_days_and_of_the_bad_in_30(place: int, days: int) -> None:
    later = fade(Standing(r=8, s=8, last=NOW), NOW + days * DAY)
    assert later[place] == pytest.approx(4)
    assert later.last == NOW + days * DAY


def test_reading_in_between_changes_nothing() -> None:
    standing = after(0.0, 1.0, 0.0)
    later = standing.last + 5 * DAY
    half = fade(standing, standing.last + 2 * DAY)
    assert advance(half, 0.3, later)[:3] == pytest.approx(advance(standing, 0.3, later)[:3])


def test_reading_an_earlier_time_changes_nothing() -> None:
    standing = after(0.0, 1.0, 0.0)
    assert fade(standing, standing.last - DAY) is standing
    assert fade(standing, standing.last) is standing


def test_the_alarm_and_the_sum_do_not_fade() -> None:
    alarmed = after(*[1.0] * 4)
    later = fade(alarmed, alarmed.last + 365 * DAY)
    assert (later.g, later.alarmed, later.score) == (alarmed.g, True, 299)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_late_decision_counts_what_it_would_count_by_now(weight: float) -> None:
    start = Standing(r=100, s=3, last=NOW)
    in_time = advance(advance(start, weight, NOW + DAY), 0.0, NOW + 8 * DAY)
    late = advance(advance(start, 0.0, NOW + 8 * DAY), weight, NOW + DAY)
    # Only the forgetting for each decision, half a per cent, depends on the order of arrival.
    assert late[:2] == pytest.approx(in_time[:2], rel=0.006)
    assert late.last == NOW + 8 * DAY


@pytest.mark.parametrize(("weight", "kept"), [(0.3, 0.3), (1e300, MAX_WEIGHT)])
def test_what_is_left_of_a_decision_can_be_told(weight: float, kept: float) -> None:
    standing = after(weight, *[0.0] * 20, gap=DAY)
    first = NOW + DAY
    assert standing.s == pytest.approx(kept * 0.995**20 * 0.5 ** (20 / 30))
    assert outweighed(weight, first, standing.last, 20) == pytest.approx(standing.s)
    assert outweighed(weight, standing.last + DAY, standing.last, 0) == kept


@pytest.mark.parametrize("at", [0, NOW - 365 * DAY, NOW - 14 * DAY])
def test_a_clock_that_is_far_behind_does_not_make_decisions_weightless(at: int) -> None:
    start = Standing(last=NOW)
    assert advance(start, 0.0, at).r == pytest.approx(0.5)
    assert advance(start, 1.0, at).s == pytest.approx(2 ** (-14 / 30))


def test_a_clock_that_is_set_back_forgets_nothing() -> None:
    start = Standing(r=100, s=3, last=NOW)
    standing = start
    for _ in range(10):
        standing = advance(standing, 0.0, NOW - 7 * DAY)
    assert standing.last == NOW
    assert standing.s == pytest.approx(3 * (1 - 1 / 200) ** 10)


def test_a_decision_from_the_future_is_taken_as_of_now() -> None:
    minutes = 60 * SECOND
    assert believable(NOW + 365 * DAY, NOW) == NOW
    assert believable(NOW + 5 * minutes + 1, NOW) == NOW
    assert believable(NOW + 5 * minutes, NOW) == NOW + 5 * minutes
    assert believable(NOW - 365 * DAY, NOW) == NOW - 365 * DAY


@pytest.mark.parametrize("weight", [math.nan, -1.0, -math.inf, 0])
def test_what_is_no_weight_is_none(weight: float) -> None:
    assert advance(NEW, weight, NOW) == advance(NEW, 0.0, NOW)


@pytest.mark.parametrize("weight", [math.inf, 1e300, MAX_WEIGHT + 1])
def test_a_weight_has_a_limit(weight: float) -> None:
    assert advance(NEW, weight, NOW) == advance(NEW, MAX_WEIGHT, NOW)
    assert advance(NEW, MAX_WEIGHT, NOW).s == MAX_WEIGHT == 100.0


def test_more_weight_is_never_more_trust() -> None:
    scores = [after(0.0, weight, 0.0).score for weight in (0.0, 0.1, 0.3, 1.0, 5.0, 20.0)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


def test_scores_stay_between_0_and_1000() -> None:
    assert after(*[MAX_WEIGHT] * 1000).score >= 0
    assert after(*[0.0] * 10_000).score <= 1000


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        (1000, "trusted"),
        (700, "trusted"),
        (699, "standard"),
        (500, "standard"),
        (499, "probation"),
        (300, "probation"),
        (299, "restricted"),
        (0, "restricted"),
    ],
)
def test_tiers(score: int, tier: str) -> None:
    assert tier_of(score) == tier
    assert tier in dict(TIERS)


@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.name)
def test_agents_of_a_known_manner_end_where_they_belong(manner: Manner) -> None:
    seen = row(manner, agents=40)
    if manner.turns_after is not None:
        assert seen.seen is not None and seen.seen > 0.9
        assert seen.scores[1] <= 299
    elif manner.rate <= 0.01:
        assert seen.false == 0
        assert seen.scores[1] > 500
    elif manner.rate >= 0.2:
        assert seen.scores[2] <= 299
