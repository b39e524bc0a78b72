"""F24: up and down by one version while agents send, and a migration that is killed half-way."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from tests.faults.oracle import Client, verify
from tests.faults.shim import Action, Faults, Operation
from tests.support.migrating import migrate, migrations
from tests.support.receiver import RunningReceiver


def test_f24_down_and_up_by_one_version_under_load_loses_nothing(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    receiver = RunningReceiver(db)
    with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
        for _ in range(2):
            for client in (http, grpc):
                client.wait_for_more()
            assert receiver.stop() == 0
            migrate(db, command.downgrade, "-1")  # what an operator does who goes back a version
            receiver = RunningReceiver(db)
            for client in (http, grpc):
                client.point_at(receiver.http, receiver.grpc)
        for client in (http, grpc):
            client.wait_for_more()
            client.drain()
    receiver.stop()
    proven = verify(db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted


@pytest.mark.parametrize("action", [Action.TEAR, Action.KILL_AFTER])
def test_f24_a_migration_that_is_killed_is_done_again(tmp_path: Path, faults: Faults, action: Action) -> None:
    db = tmp_path / "promethios.db"
    receiver = RunningReceiver(db)
    with Client(tmp_path, "http", receiver) as client:
        client.wait_for_more()
        assert receiver.stop() == 0
        migrate(db, command.downgrade, "-1")
        faults.arm(Operation.WRITE, action, "*/promethios.db-wal", after=2)
        with pytest.raises(RuntimeError, match="the receiver did not start"):
            RunningReceiver(db, environment=faults.environment)
        assert faults.happened == 1
        with RunningReceiver(db) as again:
            client.point_at(again.http, again.grpc)
            client.drain()
            schema = again.request("GET", "/api/v1/status", headers=receiver.admin).json()["data"][0][
                "schema"
            ]
    assert schema == ScriptDirectory.from_config(migrations()).get_current_head()
    proven = verify(db, client)
    assert proven.acknowledged == proven.stored == proven.emitted
