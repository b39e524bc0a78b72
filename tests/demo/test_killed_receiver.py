"""`kill -9` of the receiver under the load of real agents: what was acknowledged is stored, once."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.demo.relay import Relay
from tests.support.receiver import RunningReceiver

from promethios.receiver.demo.llm import StandIn
from promethios.receiver.demo.scenes import SCENES
from promethios.receiver.demo.stage import POLICIES

TABLES = ("spans", "decisions", "violations", "metric_points", "logs", "agents")
# From before the commit of what is on its way until after its answer.
LATEST_KILL_SECONDS = 0.03


@pytest.fixture
def relay() -> Iterator[Relay]:
    running = Relay()
    yield running
    running.stop()


class Playing:
    """One of the demonstration's agents, in a process that plays on and on."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self._lines = folder / f"{name}.jsonl"
        foreign = ("PROMETHIOS_", "OTEL_", "OPENAI_")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        with self._lines.open("wb") as lines:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.demo.restless_agent", name],
                cwd=Path(__file__).parents[2],
                env={**inherited, **environment},
                stdin=subprocess.PIPE,
                stdout=lines,
                stderr=subprocess.DEVNULL,
            )

    def __enter__(self) -> Playing:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def finish(self) -> list[str]:
        """Let it end; the ids of its decisions, all of which it says are delivered."""
        self.process.communicate(timeout=90)
        assert self.process.returncode == 0
        lines = [json.loads(line) for line in self._lines.read_text().splitlines()]
        return [line["decision_id"] for line in lines if "decision_id" in line]


def killed_again_and_again(db: Path, relay: Relay, rounds: int) -> None:
    """Restart the receiver and kill it, each time while a request is on its way."""
    for _ in range(rounds):
        receiver = RunningReceiver(db, grpc="off")
        relay.target = receiver.http
        relay.wait_for(random.randint(4, 12))
        time.sleep(random.uniform(0, LATEST_KILL_SECONDS))
        receiver.kill()


def counts(db: Path) -> dict[str, int]:
    with closing(sqlite3.connect(db)) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


@pytest.mark.parametrize("rounds", [3, pytest.param(10, marks=pytest.mark.slow)])
@pytest.mark.timeout(300)
def test_a_killed_receiver_has_each_decision_of_its_agents_once(
    tmp_path: Path, relay: Relay, rounds: int
) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db, grpc="off") as first:
        key = first.ingest_key
    with ExitStack() as stack:
        environment = {
            "PROMETHIOS_ENDPOINT": relay.url,
            "PROMETHIOS_API_KEY": key,
            "PROMETHIOS_POLICIES": str(POLICIES),
            "PROMETHIOS_SPOOL_DIR": str(tmp_path / "spool"),
            "OPENAI_BASE_URL": stack.enter_context(StandIn()).url,
            "OPENAI_API_KEY": "the stand-in asks for none",
        }
        agents = [stack.enter_context(Playing(scene.name, tmp_path, environment)) for scene in SCENES]
        killed_again_and_again(db, relay, rounds)
        last = stack.enter_context(RunningReceiver(db, grpc="off"))
        relay.target = last.http
        made = [decision for agent in agents for decision in agent.finish()]
        before = counts(db)
        with closing(sqlite3.connect(db)) as connection:
            spans = set(connection.execute("SELECT trace_id, span_id FROM spans"))
            decisions = [row[0] for row in connection.execute("SELECT decision_id FROM decisions")]
        assert sorted(decisions) == sorted(made)
        assert {span for sent in relay.sent if sent.acknowledged for span in sent.spans()} <= spans
        assert not all(sent.acknowledged for sent in relay.sent)
        for sent in relay.sent:
            assert last.request("POST", sent.path, sent.body, sent.headers).status == 200
        assert counts(db) == before
