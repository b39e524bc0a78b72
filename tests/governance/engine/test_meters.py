"""What a meter says of a window, against adding it all up."""

from __future__ import annotations

import random

import pytest

from promethios.governance.meters import MAX_WINDOW, Meter

DAY = 86400
WINDOWS = (1, 59, 119, 120, 121, 150, 179, 3600, 7199, 7200, 7201, 9000, DAY, 6 * DAY + 9000, 7 * DAY)


def step_of(window: int) -> int:
    """The steps that are documented: a second up to 2 minutes, a minute up to 2 hours, an hour above."""
    return 1 if window <= 120 else 60 if window <= 7200 else 3600


def added_up(events: list[tuple[int, int]], window: int, now: int) -> int:
    oldest = (now - window) // step_of(window) * step_of(window)
    return sum(amount for second, amount in events if second >= oldest)


@pytest.mark.parametrize("seed", range(4))
def test_every_window_is_what_was_added_in_its_steps_however_long_ago_it_was_thinned_out(seed: int) -> None:
    chance = random.Random(seed)
    meter, events, now = Meter(), list[tuple[int, int]](), 5
    for number in range(4000):
        now += chance.choice((0, 1, 1, 1, 2, 7, 50, 61, 400, 2500))
        events.append((now, chance.randint(1, 9)))
        meter.add(events[-1][1], now)
        if number % 40 == 0:
            assert [meter.within(window, now) for window in WINDOWS] == [
                added_up(events, window, now) for window in WINDOWS
            ]
    assert meter.total == sum(amount for _, amount in events)


def test_a_meter_that_runs_for_weeks_keeps_what_its_longest_window_asks_for_and_no_more() -> None:
    meter = Meter()
    for second in range(0, 30 * DAY, 97):
        meter.add(1, second)
        assert len(meter._begun) <= 560
    assert MAX_WINDOW == 7 * DAY
    assert meter._begun[0][0] >= 30 * DAY - 7 * DAY - 2 * 3600 - 560 * 97


def test_the_second_zero_of_a_clock_is_a_second_like_others() -> None:
    meter = Meter()
    meter.add(2, 0)
    meter.add(3, 0)
    assert meter.within(10, 5.0) == 5


def test_a_second_is_kept_once_however_often_it_is_added_to_or_stepped_back_behind() -> None:
    meter = Meter()
    for second in (50, 40, 50, 49) * 1000:
        meter.add(1, second)
    assert len(meter._begun) == 1
    assert meter.within(1, 50.0) == 4000
