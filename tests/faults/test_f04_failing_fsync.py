"""F04: the disk fails to sync. Nothing is acknowledged, and no later sync is taken for that one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tests.faults.oracle import Client, Footprint, verify
from tests.faults.shim import Action, Faults, Operation
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver

_LOG, _DATABASE = "*/promethios.db-wal", "*/promethios.db"


def _one(receiver: RunningReceiver) -> int:
    return receiver.post("/v1/traces", trace_request(span()).SerializeToString()).status


def test_f04_while_syncs_fail_nothing_is_acknowledged(tmp_path: Path, faults: Faults) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=faults.environment) as receiver:
        assert _one(receiver) == 200
        before = Footprint.of(receiver.process.pid)
        faults.arm(Operation.SYNC, Action.FAIL, _LOG, error=errno.EIO)
        assert [_one(receiver) for _ in range(5)] == [503] * 5
        assert receiver.get("/health/ready", headers={}).status == 503
        assert receiver.get("/health/live", headers={}).status == 200
        assert faults.happened > 1
        faults.disarm()
        with Client(tmp_path, "http", receiver) as client:
            client.wait_for_more()
            client.stop()
        assert receiver.get("/health/ready", headers={}).status == 200
        before.wait_back(receiver.process.pid)
        assert "disk I/O error" in receiver.stderr


@pytest.mark.parametrize("files", [_LOG, _DATABASE], ids=["log", "checkpoint"])
def test_f04_one_sync_that_fails_loses_and_doubles_nothing(
    tmp_path: Path, faults: Faults, files: str
) -> None:
    """What was written is gone, and the next sync succeeds all the same: as on Linux, it proves nothing."""
    with RunningReceiver(tmp_path / "promethios.db", environment=faults.environment) as receiver:
        with (
            Client(tmp_path, "http", receiver, batch=100) as http,
            Client(tmp_path, "grpc", receiver, batch=100) as grpc,
        ):
            for after in (0, 3):
                for client in (http, grpc):
                    client.wait_for_more()
                faults.arm(Operation.SYNC, Action.LOSE, files, error=errno.EIO, after=after, times=1)
                faults.wait()
                faults.disarm()
            for client in (http, grpc):
                client.wait_for_more()
                client.drain()
        # A checkpoint that fails leaves the log as it is, and is done again from it; a commit is lost.
        if files == _LOG:
            assert "the database was opened anew, and is whole" in receiver.stderr
        assert verify(receiver.db, http, grpc).dropped == 0
        receiver.kill()
    with RunningReceiver(receiver.db):
        proven = verify(receiver.db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted


def test_f04_writes_that_fail_are_told_alike(tmp_path: Path, faults: Faults) -> None:
    with RunningReceiver(tmp_path / "promethios.db", environment=faults.environment) as receiver:
        faults.arm(Operation.WRITE, Action.FAIL, _LOG, error=errno.EIO)
        assert [_one(receiver) for _ in range(3)] == [503] * 3
        faults.disarm()
        with Client(tmp_path, "grpc", receiver) as client:
            client.wait_for_more()
            client.stop()
