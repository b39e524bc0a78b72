"""The standings of one process: bounded, shared by threads, alive in forked children, and on their clock."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from promethios.governance.trust import NEW, TrustBook, advance, fade, steady_clock

SECOND = 10**9
DAY = 86_400 * SECOND
NOW = 1_760_000_000 * SECOND


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_agent_that_is_not_known_is_new(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    assert book.standing("clerk")[:3] == NEW[:3]
    assert book.standing("clerk").score == 405
    assert book.standings() == {}


def test_recording_advances_the_agent_alone(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    assert book.record("clerk", 1.0) == advance(NEW, 1.0, NOW) == book.standing("clerk")
    assert book.standing("other").score == 405


def test_a_decision_counts_at_its_own_time(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    book.record("clerk", 0.0, NOW - 20 * DAY)
    standing = book.record("clerk", 1.0, NOW - DAY)
    assert standing == advance(advance(NEW, 0.0, NOW - 20 * DAY), 1.0, NOW - DAY)


def test_a_standing_is_read_as_it_is_now(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    standing = book.record("clerk", 0.0)
    clock.now += 14 * DAY
    assert book.standing("clerk") == fade(standing, clock.now)
    assert book.standings() == {"clerk": fade(standing, clock.now)}


def test_a_decision_a_year_ahead_forgets_nothing(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    for _ in range(100):
        book.record("clerk", 0.0)
    before = book.standing("clerk")
    after = book.record("clerk", 0.0, NOW + 365 * DAY)
    assert after.last == NOW
    assert after.score >= before.score
    assert book.record("clerk", 1.0).last == NOW


def test_reading_neither_adds_an_agent_nor_keeps_it(clock: Clock) -> None:
    book = TrustBook(max_agents=2, clock=clock)
    book.record("first", 0.0)
    book.record("second", 0.0)
    book.standing("first")
    book.record("third", 0.0)
    assert set(book.standings()) == {"second", "third"}


def test_the_agent_that_decided_nothing_for_longest_goes_first(clock: Clock) -> None:
    book = TrustBook(max_agents=2, clock=clock)
    for agent in ("first", "second", "first", "third"):
        book.record(agent, 0.0)
    assert set(book.standings()) == {"first", "third"}


def test_a_book_of_one_agent_is_possible(clock: Clock) -> None:
    book = TrustBook(max_agents=1, clock=clock)
    book.record("first", 0.0)
    book.record("second", 0.0)
    assert set(book.standings()) == {"second"}


@pytest.mark.parametrize("size", [0, -1])
def test_a_book_keeps_at_least_one_agent(size: int) -> None:
    with pytest.raises(ValueError) as caught:
        TrustBook(max_agents=size)
    assert str(caught.value) == f"max_agents is {size}: a book keeps at least one agent"


def test_an_alarm_is_acknowledged(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    for _ in range(4):
        book.record("clerk", 1.0)
    assert book.standing("clerk").alarmed
    assert not book.acknowledge("clerk").alarmed
    assert not book.standing("clerk").alarmed


def test_acknowledging_an_unknown_agent_does_nothing(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    assert book.acknowledge("nobody").score == 405
    assert book.standings() == {}


def test_no_decision_is_lost_between_threads(clock: Clock) -> None:
    book = TrustBook(clock=clock)
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(500):
            book.record("clerk", 1.0)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    expected = NEW
    for _ in range(2000):
        expected = advance(expected, 1.0, NOW)
    assert book.standing("clerk") == expected


_FORK = """
import os, threading
from promethios.governance.trust import TrustBook
book = TrustBook()
book.record("clerk", 1.0)
book._lock.acquire()  # as another thread of the parent would hold it
if os.fork() == 0:
    book.after_fork()
    book.record("clerk", 1.0)
    os._exit(0 if book.standing("clerk").s > 1.9 else 1)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_with_what_is_known() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("0", 0), done.stderr


def test_the_clock_starts_with_the_walls_and_does_not_stand_still() -> None:
    clock = steady_clock()
    assert abs(clock() - time.time_ns()) < 60 * SECOND
    assert TrustBook().record("clerk", 0.0).last >= NOW
    first = clock()
    time.sleep(0.001)
    assert clock() > first
