"""F06: a second receiver on the same database refuses, under load, by whatever name it is given the file."""

from __future__ import annotations

from pathlib import Path

from tests.faults.oracle import Client, verify
from tests.support.receiver import RunningReceiver, run_promethios


def test_f06_a_second_receiver_refuses_and_the_first_goes_on(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        link.symlink_to(receiver.db)
        with Client(tmp_path, "http", receiver) as client:
            client.wait_for_more()
            for name in (str(receiver.db), str(link), f"sqlite:///{receiver.db}"):
                ended = run_promethios("serve", "--db", name, "--http", "127.0.0.1:0", "--grpc", "off")
                assert ended.returncode == 1
                assert f"another receiver holds it (process {receiver.process.pid})" in ended.stderr
            client.wait_for_more()
            client.drain()
        proven = verify(receiver.db, client)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert not proven.answers


def test_f06_the_lock_of_a_receiver_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as first:
        first.kill()
    with RunningReceiver(first.db) as second:
        assert second.get("/health/ready", headers={}).status == 200
