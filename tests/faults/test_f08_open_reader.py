"""F08: somebody outside keeps a view of the database open. The log shrinks again when it is gone."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.faults.oracle import Client, Footprint, verify
from tests.support.receiver import RunningReceiver

from promethios.receiver.maintenance.log import MOST_BYTES
from promethios.receiver.store.connections import JOURNAL_BYTES

MIB = 1 << 20


@contextmanager
def _reading(db: Path) -> Iterator[sqlite3.Connection]:
    """A reader outside that keeps its view."""
    with closing(sqlite3.connect(db, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM spans").fetchone()
        yield reader
        reader.execute("ROLLBACK")


def test_f08_the_log_is_bounded_once_a_reader_has_gone(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        log = Path(f"{receiver.db}-wal")
        with Client(tmp_path, "http", receiver, batch=200) as client:
            client.wait_for_more()
            before = Footprint.of(receiver.process.pid)
            with _reading(receiver.db) as reader:
                seen = reader.execute("SELECT count(*) FROM spans").fetchone()
                client.wait_for_more(3_000)
                held = log.stat().st_size
                assert reader.execute("SELECT count(*) FROM spans").fetchone() == seen
            _wait_until_it_begins_anew(log, client)
            client.wait_for_more(3_000)
            client.drain()
        assert log.stat().st_size <= max(held, JOURNAL_BYTES) + 16 * MIB
        before.wait_back(receiver.process.pid)
        proven = verify(receiver.db, client)
    assert proven.acknowledged == proven.stored == proven.emitted
    assert not proven.answers


def test_f08_a_log_of_4_gib_stops_what_makes_it_grow_until_the_reader_has_gone(tmp_path: Path) -> None:
    """It is made so long by hand: what goes by its size cannot tell, and SQLite reads to its last commit."""
    with RunningReceiver(tmp_path / "promethios.db") as receiver:
        log = Path(f"{receiver.db}-wal")
        with Client(tmp_path, "http", receiver) as http, Client(tmp_path, "grpc", receiver) as grpc:
            with _reading(receiver.db):
                for client in (http, grpc):
                    client.wait_for_more()
                os.truncate(log, MOST_BYTES + MIB)
                http.wait_for_answer("503")
                grpc.wait_for_answer("UNAVAILABLE")
                held = receiver.get("/health/ready", headers={})
                assert held.status == 503
                assert receiver.data("status"), "reading goes on"
            for client in (http, grpc):
                client.wait_for_more()
                client.drain()
        assert receiver.get("/health/ready", headers={}).status == 200
        proven = verify(receiver.db, http, grpc)
        assert log.stat().st_size <= JOURNAL_BYTES + 16 * MIB
        assert "nothing is taken: a program outside the receiver reads the database" in receiver.stderr
    assert proven.acknowledged == proven.stored == proven.emitted
    assert proven.answers.keys() == {"503", "UNAVAILABLE"}


def _wait_until_it_begins_anew(log: Path, client: Client) -> None:
    """A log that begins anew has another salt in its head (https://sqlite.org/fileformat.html#walformat)."""
    salt, deadline = _salt(log), time.monotonic() + 30
    while _salt(log) == salt:
        assert time.monotonic() < deadline, "the log goes on to grow"
        client.wait_for_more(1)


def _salt(log: Path) -> bytes:
    with log.open("rb") as file:
        return file.read(24)[16:]
