"""Heartbeats of real agents at a real receiver: it tells who works, who is idle, who ended and who died."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.policies import no_deletions
from tests.support.receiver import RunningReceiver

from promethios.exporter import configure
from promethios.governance import Governor

#: Says its sign of life, does one operation for each line it is given, and lives until there are no more.
AGENT = """
import sys
from promethios.exporter import configure
from opentelemetry import trace

agent = configure(service_name=sys.argv[1], heartbeat_interval=0.2, adapters=False)
print("ready", flush=True)
for line in sys.stdin:
    with trace.get_tracer("t").start_as_current_span("execute_tool read") as span:
        pass
    agent.flush()
    print("done", flush=True)
"""


def begin(receiver: RunningReceiver, name: str) -> subprocess.Popen[str]:
    given = {"PROMETHIOS_ENDPOINT": receiver.http, "PROMETHIOS_API_KEY": receiver.ingest_key}
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **given},
    )
    assert agent.stdout is not None
    assert agent.stdout.readline() == "ready\n"
    return agent


def states(receiver: RunningReceiver) -> dict[str, str]:
    return {row["agent_id"]: row["state"] for row in receiver.data("agents")}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def age(db: Path, seconds: int) -> None:
    """Make all that a receiver heard so much older, while it does not run."""
    with closing(sqlite3.connect(db)) as connection, connection:
        for table, columns in {
            "heartbeats": ("time_unix_nano", "received_unix_nano"),
            "agents": ("first_seen_unix_nano", "last_seen_unix_nano"),
        }.items():
            older = ", ".join(f"{column} = {column} - {seconds * 10**9}" for column in columns)
            connection.execute(f"UPDATE {table} SET {older}")


def test_who_works_who_is_idle_who_ended_and_who_died_are_told_apart(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db) as receiver:
        agents = {name: begin(receiver, name) for name in ("busy", "idle", "ended")}
        until(lambda: states(receiver) == dict.fromkeys(agents, "silent"))
        busy = agents["busy"]
        assert busy.stdin and busy.stdout
        busy.stdin.write("work\n")
        busy.stdin.flush()
        assert busy.stdout.readline() == "done\n"
        until(lambda: states(receiver)["busy"] == "alive")
        assert agents["ended"].communicate("", timeout=60) == ("", None)
        assert states(receiver) == {"busy": "alive", "idle": "silent", "ended": "stopped"}
        for name in ("busy", "idle"):
            agents[name].kill()
            agents[name].communicate(timeout=60)
        reader = receiver.admin_key
    age(db, 700)
    with RunningReceiver(db) as receiver:
        receiver.admin_key = reader  # it is told at the first start only
        assert states(receiver) == {"busy": "dead", "idle": "dead", "ended": "stopped"}


def test_a_governed_agent_shows_its_policies_and_other_ones_as_soon_as_they_are_in_force(
    tmp_path: Path,
) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(no_deletions(version="1"))
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        given: dict[str, Any] = {"set_global": False, "adapters": False, "heartbeat_interval": 3600.0}
        agent = configure(receiver.http, receiver.ingest_key, str(path), "clerk", **given)
        with agent:
            assert agent.governor

            def version() -> Any:
                return [row["bundle_version"] for row in receiver.data("agents")]

            until(lambda: version() == ["1"])
            agent.governor.use(Governor.from_text(no_deletions(version="2")).bundle)
            until(lambda: version() == ["2"])
            (row,) = receiver.data("agents")
            assert row["bundle_hash"] == agent.governor.bundle.id.hash
            assert (row["bundle_name"], row["mode"], row["state"]) == ("house", "enforce", "silent")
        answer = receiver.get("/api/v1/agents/clerk").json()
        (process,) = answer["processes"]
        assert (process["state"], process["dropped"], answer["dropped"]) == ("stopped", 0, [])
        assert process["instance_id"] == agent.tracer_provider.resource.attributes["service.instance.id"]
        assert process["sent"] >= 1
