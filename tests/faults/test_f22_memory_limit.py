"""F22: the receiver may have 256 MiB and no more, and gets more than that to do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest
from tests.faults.oracle import Client, verify
from tests.faults.starved import REQUESTS
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver

_ROOT = Path(__file__).parents[2]
MIB = 1 << 20
LIMIT = 256 * MIB
_HIERARCHIES = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group that may have 256 MiB: what a container's memory limit is made of."""
    for root, limit in _HIERARCHIES:
        made = root / f"promethios-faults-{os.getpid()}"
        with suppress(OSError):
            made.mkdir()
            try:
                (made / limit).write_text(str(LIMIT))
                yield made
            finally:
                made.rmdir()
            return
    pytest.skip("no control group can be made here: it takes root and a writable /sys/fs/cgroup")


def _heavy() -> bytes:
    """10 MiB that are spans: their rows and messages take several times that."""
    return trace_request(*(span(attributes={"a": "x" * 900}) for _ in range(10_000))).SerializeToString()


def _press(receiver: RunningReceiver, times: int) -> set[int]:
    """Send large requests from many threads; 0 stands for a connection that broke."""

    def send(_: int) -> int:
        try:
            return receiver.post("/v1/traces", _heavy()).status
        except (OSError, HTTPException):
            return 0

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(send, range(times)))


def _carry_on(receiver: RunningReceiver, client: Client) -> RunningReceiver:
    """The receiver, or the one that takes its place where it was killed: then all is as with F01."""
    if receiver.process.poll() is None:
        return receiver
    receiver.ended()
    again = RunningReceiver(receiver.db)
    client.point_at(again.http, again.grpc)
    return again


def test_f22_in_a_container_of_256_mib_it_refuses_first(tmp_path: Path, group: Path) -> None:
    small = {"PROMETHIOS_MEMORY_BYTES": str(8 * MIB), "PROMETHIOS_THREADS": "4"}
    receiver = RunningReceiver(tmp_path / "promethios.db", environment=small)
    (group / "cgroup.procs").write_text(str(receiver.process.pid))
    with Client(tmp_path, "http", receiver, threads=1) as client:
        client.wait_for_more(1)
        answers = _press(receiver, 24)
        assert 503 in answers
        last = _carry_on(receiver, client)
        client.wait_for_more(1)
        client.drain()
    last.stop()
    proven = verify(receiver.db, client, only=client.ledger.emitted)
    assert proven.acknowledged == proven.emitted


def test_f22_what_cannot_be_decoded_for_want_of_memory_is_503_and_is_decoded_later() -> None:
    """Not 400, for which a client would drop it. A process of its own: the limit is the system's."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.faults.starved"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    starved, later = ended.stdout.splitlines()
    assert starved == "503: there is no memory for this request now"
    assert later == f"{REQUESTS} spans"
