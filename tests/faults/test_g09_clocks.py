"""G09: an agent's wall clock jumps by a year, there and back; its heartbeats and its waits go by another."""

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

from tests.faults.shim import Faults
from tests.support.receiver import RunningReceiver

YEAR = 365 * 86_400
HALF = YEAR * 500  # milliseconds

#: Lives until its standard input ends. Each line of it is an operation, answered with what a flush says.
AGENT = """
import sys
from promethios.exporter import configure

with configure(service_name="clerk", heartbeat_interval=0.1, adapters=False) as agent:
    for line in sys.stdin:
        agent.tracer_provider.get_tracer("t").start_span("work").end()
        print(bool(agent.flush(30)), flush=True)
"""


def wait_for(receiver: RunningReceiver, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The agent's row, as soon as it is so."""
    deadline = time.monotonic() + 60
    row: dict[str, Any] = {}
    while time.monotonic() < deadline:
        for row in receiver.data("agents"):
            if row["processes"] and condition(row):
                return row
        time.sleep(0.2)
    raise AssertionError(f"it did not come to that: {row}")


def test_G09_a_clock_that_jumps_moves_no_heartbeat_and_no_deadline_and_is_told(
    tmp_path: Path, faults: Faults
) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        environment = {
            **os.environ,
            **faults.environment,
            "PROMETHIOS_ENDPOINT": receiver.http,
            "PROMETHIOS_API_KEY": receiver.ingest_key,
        }
        with subprocess.Popen(
            [sys.executable, "-c", AGENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        ) as agent:
            assert agent.stdin is not None
            assert agent.stdout is not None
            wait_for(receiver, lambda row: abs(row["clock_offset"]) < HALF)
            for jump in (YEAR, -YEAR, 0):
                faults.jump(jump)
                wait_for(receiver, lambda row, jump=jump: abs(row["clock_offset"] - jump * 1000) < HALF)
                agent.stdin.write("work\n")
                agent.stdin.flush()
                assert agent.stdout.readline() == "True\n"
            agent.stdin.close()
            assert agent.wait(60) == 0
        (row,) = receiver.data("agents")
        assert row["state"] == "stopped"
    with closing(sqlite3.connect(tmp_path / "promethios.db")) as connection:
        told = connection.execute(
            "SELECT uptime_seconds, time_unix_nano - received_unix_nano - clock_offset_nano, "
            "clock_offset_nano FROM heartbeats WHERE sequence_num IS NOT NULL ORDER BY sequence_num"
        ).fetchall()
    uptimes = [uptime for uptime, _, _ in told]
    assert uptimes == sorted(uptimes)
    assert uptimes[-1] < YEAR / 2
    assert {difference for _, difference, _ in told} == {0}
    offsets = [offset // 10**9 for _, _, offset in told]
    assert max(offsets) > YEAR / 2
    assert min(offsets) < -YEAR / 2
