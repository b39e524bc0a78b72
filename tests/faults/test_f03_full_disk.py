"""F03: the disk is full. The receiver says so, keeps what it has, and goes on when there is room."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.oracle import Client, Footprint, verify
from tests.faults.shim import Action, Faults, Operation
from tests.support.receiver import RunningReceiver


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk; the same is tested with writes that fail")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "faults", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def wait_for_ready(receiver: RunningReceiver, status: int, seconds: float = 30) -> None:
    """Wait until ``/health/ready`` answers so."""
    deadline = time.monotonic() + seconds
    while (answer := receiver.get("/health/ready", headers={})).status != status:
        assert time.monotonic() < deadline, answer.body
        time.sleep(0.05)


def test_f03_a_full_disk_is_503_and_it_recovers_without_a_restart(small_disk: Path, tmp_path: Path) -> None:
    room = {"PROMETHIOS_MIN_FREE_BYTES": str(4 << 20)}
    with RunningReceiver(small_disk / "promethios.db", environment=room) as receiver:
        with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
            for client in (http, grpc):
                client.wait_for_more()
            before = Footprint.of(receiver.process.pid)
            ballast = small_disk / "ballast"
            with (
                pytest.raises(OSError, match="No space left") as full,
                ballast.open("wb", buffering=0) as file,
            ):
                while file.write(bytes(65_536)):
                    pass
            assert full.value.errno == errno.ENOSPC
            http.wait_for_answer("503")
            grpc.wait_for_answer("UNAVAILABLE")
            # Writes may fail some moments before the guard looks at the disk.
            wait_for_ready(receiver, 503)
            assert receiver.get("/health/live", headers={}).status == 200
            assert receiver.data("status"), "reading goes on"
            ballast.unlink()
            for client in (http, grpc):
                client.wait_for_more()
                client.drain()
        wait_for_ready(receiver, 200)
        before.wait_back(receiver.process.pid)
        proven = verify(receiver.db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted


@pytest.mark.parametrize("files", ["*/promethios.db-wal", "*/promethios.db"], ids=["log", "checkpoint"])
def test_f03_writes_that_find_no_room_lose_nothing(tmp_path: Path, faults: Faults, files: str) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=faults.environment) as receiver:
        with Client(tmp_path, "http", receiver, batch=100) as client:
            for _ in range(3):
                client.wait_for_more()
                faults.arm(Operation.WRITE, Action.FAIL, files, error=errno.ENOSPC, after=3)
                faults.wait(3)
                faults.disarm()
            client.wait_for_more()
            client.drain()
        proven = verify(receiver.db, client)
    assert proven.acknowledged == proven.stored == proven.emitted
