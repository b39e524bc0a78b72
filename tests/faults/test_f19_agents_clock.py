"""F19 in the agent: its wall clock jumps by a year while it retries and while a flush waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.shim import Faults

YEAR = 365 * 86_400

#: Retries and waits while the clock is moved; says what the clock is, and what the flush said.
AGENT = """
import sys, threading, time
from tests.support.deliveries import batch, delivering
from promethios.exporter.testing import Answer, OtlpSink

results = []
with OtlpSink(default=Answer.busy(0)) as sink, delivering(sink.url) as delivery:
    delivery.submit(batch("a"))
    sink.wait(2)
    deadline = time.monotonic() + 90
    flush = threading.Thread(target=lambda: results.append(delivery.flush(deadline)))
    flush.start()
    print(time.time(), flush=True)
    sys.stdin.readline()
    print(time.time(), flush=True)
    sink.wait(len(sink.requests) + 3, 60)
    print(flush.is_alive(), flush=True)
    sink.default = Answer()
    flush.join(60)
    print(results, flush=True)
"""


@pytest.mark.parametrize("jump", [YEAR, -YEAR], ids=["forward", "back"])
def test_C12_f19_a_clock_that_jumps_ends_no_wait_and_prolongs_none(
    tmp_path: Path, faults: Faults, jump: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", AGENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **faults.environment},
    ) as agent:
        assert agent.stdin is not None
        assert agent.stdout is not None
        before = float(agent.stdout.readline())
        faults.jump(jump)
        said, _ = agent.communicate("go\n", timeout=100)
    after, alive, result = said.splitlines()
    assert abs(float(after) - before - jump) < YEAR / 2, "the clock was not moved"
    assert alive == "True"
    assert result == "[FlushResult(delivered=1, parked=0, dropped=0)]"
