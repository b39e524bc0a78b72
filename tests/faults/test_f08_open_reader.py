"""F08: somebody outside keeps a view of the database open. The log shrinks again when it is gone."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.faults.oracle import Client, Footprint, verify
from tests.support.receiver import RunningReceiver

from promethios.receiver.store.connections import JOURNAL_BYTES

MIB = 1 << 20


def test_f08_the_log_is_bounded_once_a_reader_has_gone(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        log = Path(f"{receiver.db}-wal")
        with Client(tmp_path, "http", receiver, batch=200) as client:
            client.wait_for_more()
            before = Footprint.of(receiver.process.pid)
            with closing(sqlite3.connect(receiver.db, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                seen = reader.execute("SELECT count(*) FROM spans").fetchone()
                client.wait_for_more(3_000)
                held = log.stat().st_size
                assert reader.execute("SELECT count(*) FROM spans").fetchone() == seen
                reader.execute("ROLLBACK")
            _wait_until_it_begins_anew(log, client)
            client.wait_for_more(3_000)
            client.drain()
        assert log.stat().st_size <= max(held, JOURNAL_BYTES) + 16 * MIB
        before.wait_back(receiver.process.pid)
        proven = verify(receiver.db, client)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert not proven.answers


def _wait_until_it_begins_anew(log: Path, client: Client) -> None:
    """A log that begins anew has another salt in its head (https://sqlite.org/fileformat.html#walformat)."""
    salt, deadline = _salt(log), time.monotonic() + 30
    while _salt(log) == salt:
        assert time.monotonic() < deadline, "the log goes on to grow"
        client.wait_for_more(1)


def _salt(log: Path) -> bytes:
    with log.open("rb") as file:
        return file.read(24)[16:]
