"""F14: nothing answers, or nobody who may: the application goes on, and its end keeps to its budget."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.faults.agents import Agent, prove
from tests.support.receiver import RunningReceiver

from promethios.exporter.testing import Answer, DeadEnd, OtlpSink

#: Seconds for an end whose budget is 5: far more than that, for a machine under load, and less than the 30
#: that other exporters wait.
LONG = 25.0
NOBODY = "pmk_of_nobody"
OPERATIONS = 60


@dataclass(frozen=True)
class Silence:
    """An endpoint where nothing is to be had, what it needs, and what the log must say of it."""

    endpoint: str
    settings: dict[str, Any] = field(default_factory=dict)
    said: str = ""


@pytest.fixture
def silences(tmp_path: Path) -> Iterator[dict[str, Silence]]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)).configure_cert(context)
    with ExitStack() as stack:
        unread = stack.enter_context(DeadEnd())
        unreachable = stack.enter_context(DeadEnd(connects=False))
        mute = stack.enter_context(OtlpSink(default=Answer(hang=True)))
        dripping = stack.enter_context(OtlpSink(default=Answer(drip=0.5)))
        expired = stack.enter_context(OtlpSink(tls=context))
        yield {
            "what is sent is not read": Silence(unread.url),
            "no packet is answered": Silence(unreachable.url),
            "requests are not answered": Silence(mute.url),
            "answers drip": Silence(dripping.url),
            "the name is not known": Silence("http://receiver.invalid:4318"),
            "the certificate has expired": Silence(
                expired.url, {"certificate": tmp_path / "ca.pem"}, "SSLError (certificate has expired)"
            ),
        }


def test_f14_calls_return_in_silence_the_end_keeps_its_budget_and_the_next_process_delivers(
    tmp_path: Path, silences: dict[str, Silence]
) -> None:
    spool = tmp_path / "spool"
    with ExitStack() as stack:
        agents = {
            name: stack.enter_context(
                Agent(
                    tmp_path,
                    silence.endpoint,
                    NOBODY,
                    spool_dir=spool,
                    durable_decisions="all",
                    quiet=True,
                    **silence.settings,
                )
            )
            for name, silence in silences.items()
        }
        for name, agent in agents.items():
            # Nothing will ever be answered: that these calls return shows that no caller waits for it.
            agent.emit(OPERATIONS)
            if silences[name].said:
                wait_until_said(agent, silences[name].said)
        with ThreadPoolExecutor(len(agents)) as together:
            ends = dict(zip(agents, together.map(end_in_time, agents.values()), strict=True))
        for name, final in ends.items():
            assert final["parked"] >= 3 * OPERATIONS, name
            assert final["dropped"] == {}, name
            agents[name].final = None  # what it left behind is for the next process
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:
        settings = {"spool_dir": spool, "quiet": True}
        with Agent(tmp_path, receiver.http, receiver.ingest_key, **settings) as heir:
            heir.drain()
            heir.end()
        proven = prove(receiver.db, spool, *agents.values(), heir)
    everything = OPERATIONS * len(agents)
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), everything)


@pytest.mark.parametrize("connects", [True, False], ids=["not read", "no packet answered"])
def test_f14_without_a_spool_the_end_keeps_its_budget_too_and_the_loss_is_counted(
    tmp_path: Path, connects: bool
) -> None:
    with (
        DeadEnd(connects) as nowhere,
        Agent(tmp_path, nowhere.url, NOBODY, quiet=True, max_memory_bytes=64 * 1024) as agent,
    ):
        agent.emit(OPERATIONS)
        # More than memory may hold: not even a full backlog holds up the caller.
        assert agent.ask("fill", 400, 1000) == 400
        final = end_in_time(agent)
    assert final["parked"] == final["queued"] == final["spooled"] == 0
    assert sum(final["dropped"].values()) >= 3 * OPERATIONS + 400
    assert set(final["dropped"]) == {"memory_full", "shutdown"}


def end_in_time(agent: Agent) -> dict[str, Any]:
    before = time.monotonic()
    final = agent.end()
    assert time.monotonic() - before < LONG
    return final


def wait_until_said(agent: Agent, words: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while words not in agent.said:
        assert time.monotonic() < deadline, agent.said
        time.sleep(0.02)
