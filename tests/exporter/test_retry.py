"""How long to wait before the next attempt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from promethios.exporter.retry import LONGEST_RETRY_AFTER, RetryPolicy, parse_retry_after

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("99999999", LONGEST_RETRY_AFTER),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("Sunday, 22-Nov-26 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 22 Nov 2044 12:00:30 GMT", LONGEST_RETRY_AFTER),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, None, NOW) == seconds


def test_waits_grow_to_a_limit_and_never_beyond() -> None:
    policy = RetryPolicy(initial=0.25, factor=2, longest=30, jitter=lambda: 1.0)
    assert [policy.delay(failures) for failures in (1, 2, 3, 8, 9, 5000)] == [0.25, 0.5, 1.0, 30, 30, 30]


def test_jitter_takes_up_to_half_of_a_wait() -> None:
    assert RetryPolicy(initial=4, jitter=lambda: 0.0).delay(1) == 2.0
    assert RetryPolicy(initial=4, jitter=lambda: 0.5).delay(1) == 3.0


def test_the_server_may_ask_for_more_but_not_for_less() -> None:
    policy = RetryPolicy(initial=4, jitter=lambda: 1.0)
    assert policy.delay(1, retry_after=60) == 66
    assert policy.delay(1, retry_after=1) == 4
