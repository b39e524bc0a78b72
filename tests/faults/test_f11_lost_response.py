"""F11: the receiver commits, and the network loses its answer; what is sent again is stored once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.faults.lossy import LossyNetwork
from tests.faults.oracle import Client, Footprint, verify
from tests.support.receiver import RunningReceiver


@pytest.mark.parametrize("transport", ["http", "grpc"])
def test_f11_what_is_sent_again_after_a_lost_answer_is_stored_once(tmp_path: Path, transport: str) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        there = {"http": receiver.http, "grpc": str(receiver.grpc)}
        with (
            LossyNetwork(there[transport]) as network,
            Client(tmp_path, transport, receiver, at=network.target) as client,
        ):
            client.wait_for_more()
            before = Footprint.of(receiver.process.pid)
            for _ in range(5):
                network.lose(True)
                seen = network.lost
                while network.lost < seen + 4:
                    time.sleep(0.01)
                network.lose(False)
                client.wait_for_more()
            client.drain()
        before.wait_back(receiver.process.pid)
        proven = verify(receiver.db, client)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert sum(proven.answers.values()) >= 20
