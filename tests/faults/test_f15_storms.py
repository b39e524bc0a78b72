"""F15: storms of 429 and 503 that say when to come back, in every sensible and senseless way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.faults.agents import Agent, prove
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

from promethios.exporter.testing import Answer, OtlpSink

#: What asks for more time than the test has: an hour is the most that it gets.
HELD = {
    "a huge number": Answer.busy(10**12),
    "more digits than a float has": Answer.busy("9" * 400, status=429),
    "the end of time": Answer.busy(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "in the body": Answer.retry_info(3_000_000_000, status=429),
}
#: What asks for nothing that could be meant: the agent's own pauses apply.
FREE = {
    "nothing": Answer.busy(),
    "no time": Answer.busy(0, status=429),
    "negative": Answer.busy("-30"),
    "the past": Answer.busy(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC), status=429),
    "no such date": Answer.busy("+99999999 Nov 99999999999999999999 1.2.3 99"),
    "words": Answer.busy("in a while", status=429),
    "a page": Answer.page(503),
    "502": Answer(502),
    "504 cut off": Answer(504, b"gateway", cut=2),
}


def survives(folder: Path, answers: tuple[Answer, ...], requests: int) -> int:
    """Put an agent through a storm, until so many requests came; how many had come when it ended."""
    spool = folder / "spool"
    with (
        RunningReceiver(folder / "promethios.db", grpc="off") as receiver,
        OtlpSink() as storm,
        SlowNetwork(storm.url) as network,
        Agent(
            folder, network.url, receiver.ingest_key, spool_dir=spool, durable_decisions="all", quiet=True
        ) as agent,
    ):
        storm.script(*answers)
        storm.default = answers[-1]
        for _ in range(4):
            agent.emit(10)
            agent.flush(0.2)
        storm.wait(requests, 60)
        came = len(storm.requests)
        network.point_at(receiver.http)
        agent.drain()
        assert agent.end()["dropped"] == {}
        proven = prove(receiver.db, spool, agent)
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 40)
    return came


@pytest.mark.parametrize("answer", HELD.values(), ids=HELD.keys())
def test_f15_who_asks_for_time_is_left_alone_and_nothing_is_lost(tmp_path: Path, answer: Answer) -> None:
    assert survives(tmp_path, (answer,), requests=1) == 1


def test_f15_senseless_requests_to_wait_are_met_with_the_agents_own_pauses(tmp_path: Path) -> None:
    """Nine storms in one: each answer is another, and after the last it goes on as that one."""
    came = survives(tmp_path, tuple(FREE.values()), requests=len(FREE) - 2)
    # The pauses double from a quarter of a second: without them there would be thousands of requests.
    assert came < 100
