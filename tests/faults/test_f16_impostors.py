"""F16: what answers is no receiver. The data is parked, memory stays flat, and all arrives in the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.agents import Agent, prove
from tests.faults.oracle import peak_memory
from tests.faults.slow_network import SlowNetwork
from tests.support.receiver import RunningReceiver

from promethios.exporter.testing import Answer, OtlpSink

GIB = 1 << 30
#: How much more memory an agent may ever have held than before, bytes.
FLAT = 48 << 20

IMPOSTORS = {
    "302": Answer.redirect("https://sign-in.example.com/"),
    "a page": Answer.page(),
    "204": Answer(204),
    "garbage": Answer(200, bytes(range(255, 0, -1)) * 100),
    "a page that says it is OTLP": Answer(200, b"<html>", {"Content-Type": "application/x-protobuf"}),
    "1 GiB": Answer.huge(GIB),
    "1 GiB in chunks": Answer.huge(GIB, chunked=True),
    "1 GiB of a page": Answer(200, Answer.huge(GIB).body, {"Content-Type": "text/html"}),
    "a gzip bomb": Answer.gzip_bomb(GIB),
    "a gzip bomb with 503": Answer.gzip_bomb(GIB, status=503),
    "a name without an end in gzip": Answer(
        200,
        lambda: iter([b"\x1f\x8b\x08\x08" + bytes(6), *[b"x" * 65536] * 256]),
        {"Content-Encoding": "gzip"},
    ),
}


def test_f16_whatever_answers_in_place_of_a_receiver_parks_and_memory_stays_flat(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with (
        RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver,
        OtlpSink() as impostor,
        SlowNetwork(receiver.http) as network,
        Agent(
            tmp_path, network.url, receiver.ingest_key, spool_dir=spool, durable_decisions="all", quiet=True
        ) as agent,
    ):
        agent.emit(20)
        assert agent.flush()["parked"] == 0
        before = peak_memory(agent.process.pid)
        network.point_at(impostor.url)
        for number, (name, answer) in enumerate(IMPOSTORS.items(), 1):
            impostor.default = answer
            agent.emit(10)
            seen = len(impostor.requests)
            agent.ask("again", receiver.ingest_key)
            impostor.wait(seen + 1, 60)
            flushed = agent.flush(60)
            assert flushed["parked"] >= 30 * number, name
            assert flushed["delivered"] == flushed["dropped"] == 0, name
            assert peak_memory(agent.process.pid) - before < FLAT, name
        assert agent.said.count("telemetry is parked") >= 1
        network.point_at(receiver.http)
        agent.drain()
        assert agent.end()["dropped"] == {}
        proven = prove(receiver.db, spool, agent)
    assert proven.stored == dict.fromkeys(("decisions", "spans", "logs"), 20 + 10 * len(IMPOSTORS))


@pytest.mark.parametrize("raw", [b"\x00" * 5000, b"SSH-2.0-OpenSSH_9.2\r\n", b"\r\n"])
def test_f16_what_speaks_another_protocol_is_tried_again(tmp_path: Path, raw: bytes) -> None:
    with (
        OtlpSink(default=Answer(raw=raw)) as impostor,
        Agent(tmp_path, impostor.url, "pmk_key", spool_dir=tmp_path / "spool", quiet=True) as agent,
    ):
        agent.emit(4)
        impostor.wait(2, 60)
        assert agent.end()["parked"] >= 12
