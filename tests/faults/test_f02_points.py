"""F02: the receiver is killed at points that are chosen, by a library that counts its calls of the system."""

from __future__ import annotations

from pathlib import Path

from tests.faults.oracle import Client, verify
from tests.faults.shim import Action, Faults, Operation
from tests.support.receiver import RunningReceiver

_LOG, _DATABASE = "*/promethios.db-wal", "*/promethios.db"

#: Where to kill it: the operation, when, on which files, and how many pass before.
Point = tuple[Operation, Action, str, int]

COMMITS: dict[str, Point] = {
    "before the commit is on disk": (Operation.SYNC, Action.KILL_BEFORE, _LOG, 3),
    "after the commit, before anybody hears of it": (Operation.SYNC, Action.KILL_AFTER, _LOG, 3),
    "in the middle of writing the log": (Operation.WRITE, Action.TEAR, _LOG, 31),
    "before a response": (Operation.SEND, Action.KILL_BEFORE, "socket:*", 7),
}
CHECKPOINTS: dict[str, Point] = {
    "before the first page of a checkpoint": (Operation.WRITE, Action.KILL_BEFORE, _DATABASE, 0),
    "in the middle of a page of a checkpoint": (Operation.WRITE, Action.TEAR, _DATABASE, 17),
    "before a checkpoint is on disk": (Operation.SYNC, Action.KILL_BEFORE, _DATABASE, 0),
    "after a checkpoint is on disk": (Operation.SYNC, Action.KILL_AFTER, _DATABASE, 0),
}


def test_f02_killed_around_a_commit_it_loses_and_doubles_nothing(tmp_path: Path, faults: Faults) -> None:
    _kill_at(COMMITS, tmp_path, faults, batch=20)


def test_f02_killed_in_a_checkpoint_it_loses_and_doubles_nothing(tmp_path: Path, faults: Faults) -> None:
    _kill_at(CHECKPOINTS, tmp_path, faults, batch=200)


def _kill_at(points: dict[str, Point], folder: Path, faults: Faults, batch: int) -> None:
    db = folder / "promethios.db"
    receiver = RunningReceiver(db, environment=faults.environment)
    assert faults.loaded
    with (
        Client(folder, "http", receiver, batch=batch) as http,
        Client(folder, "grpc", receiver, batch=batch) as grpc,
    ):
        for name, (operation, action, files, after) in points.items():
            for client in (http, grpc):
                client.wait_for_more(1)
            faults.arm(operation, action, files, after=after)
            assert receiver.ended() == -9, name
            faults.disarm()
            receiver = RunningReceiver(db, environment=faults.environment)
            for client in (http, grpc):
                client.point_at(receiver.http, receiver.grpc)
        for client in (http, grpc):
            client.drain()
    receiver.stop()
    proven = verify(db, http, grpc)
    assert proven.acknowledged == proven.stored == proven.emitted
