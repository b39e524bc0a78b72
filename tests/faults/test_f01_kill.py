"""F01: the receiver is killed at any moment, again and again."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path

import pytest
from tests.faults.conftest import rounds
from tests.faults.oracle import Client, verify
from tests.support.receiver import RunningReceiver, run_promethios

#: How soon a receiver that was killed must listen again, seconds.
BACK = 5.0
_ROUNDS = rounds(12, 30)


@pytest.mark.timeout(60 + 15 * _ROUNDS)
def test_f01_killed_at_any_moment_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    db, chance = tmp_path / "promethios.db", random.Random(1)
    receiver = RunningReceiver(db)
    starts = []
    with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
        for _ in range(_ROUNDS):
            chance.choice((http, grpc)).wait_for_more(1)
            time.sleep(chance.uniform(0, 0.2))
            receiver.kill()
            began = time.monotonic()
            receiver = RunningReceiver(db)
            starts.append(time.monotonic() - began)
            for client in (http, grpc):
                client.point_at(receiver.http, receiver.grpc)
        for client in (http, grpc):
            client.wait_for_more(1)
            client.drain()
    receiver.stop()
    proven = verify(db, http, grpc)
    assert proven.parked == proven.dropped == 0
    assert proven.acknowledged == proven.stored == proven.emitted
    # The middle one: a machine that is busy with other tests may stop for a while.
    assert statistics.median(starts) < BACK
    assert run_promethios("trust", "verify", "--db", str(db)).returncode == 0
