"""A receiver's life: what it says when it starts, what it keeps, and how it ends."""

from __future__ import annotations

import secrets
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest
from tests.support.otlp import (
    decision_span,
    gauge,
    logs_request,
    metrics_request,
    record,
    span,
    trace_request,
)
from tests.support.receiver import RunningReceiver, run_promethios, start_promethios
from tests.support.wire import post, read_all, status_of

PROTOBUF = {"Content-Type": "application/x-protobuf"}


def query(db: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(sql).fetchall()


def test_it_says_where_it_listens_and_ends_with_status_0(tmp_path: Path) -> None:
    receiver = RunningReceiver(tmp_path / "promethios.db")
    assert receiver.http.startswith("http://127.0.0.1:")
    assert not receiver.http.endswith(":0")
    assert receiver.grpc is not None and receiver.grpc.startswith("127.0.0.1:")
    assert receiver.get("/health/ready", headers={}).json() == {"status": "ok"}
    assert receiver.stop() == 0


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run_promethios("serve", "--db", str(tmp_path / "a.db"), "--http", f"127.0.0.1:{port}")
    assert (ended.returncode, ended.stderr) == (
        1,
        f"Error: http = 127.0.0.1:{port}: cannot listen there: Address already in use\n",
    )


def test_the_first_keys_are_shown_once(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db) as first:
        assert first.stderr.startswith("New database, tenant 'default'. Its keys are shown this once:\n")
        assert first.data("status")[0]["spans"] == 0
    with RunningReceiver(db) as second:
        assert second.stderr == ""
        assert second.get("/api/v1/status", headers=first.admin).status == 200


def test_no_secret_is_in_the_database_file(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db) as receiver:
        receiver.post("/v1/traces", trace_request(span()).SerializeToString())
    secrets_ = [key.split("_")[3].encode() for key in (receiver.admin_key, receiver.ingest_key)]
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert not any(secret in files for secret in secrets_)


def test_keys_that_could_not_be_shown_are_not_kept(tmp_path: Path) -> None:
    """Killed between making and showing them, a receiver would leave a database whose keys nobody knows."""
    db = tmp_path / "promethios.db"
    process = start_promethios("serve", "--db", str(db), "--http", "127.0.0.1:0", "--grpc", "off")
    assert process.stdout is not None and process.stderr is not None
    process.stderr.close()
    process.stdout.read()
    process.stdout.close()
    assert process.wait(60) != 0
    assert query(db, "SELECT count(*) FROM api_keys") == [(0,)]
    with RunningReceiver(db, grpc="off") as again:
        assert "Its keys are shown this once:" in again.stderr


def test_sigterm_while_it_starts_ends_it_in_order(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    code = (
        "import os, signal, threading, sys\n"
        "from promethios.governance.cli import main\n"
        "def end():\n"
        f"    while not os.path.exists({str(db)!r}):\n"
        "        pass\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "threading.Thread(target=end, daemon=True).start()\n"
        "main(prog_name='promethios')\n"
    )
    command = [sys.executable, "-c", code, "serve", "--db", str(db), "--http", "127.0.0.1:0", "--grpc", "off"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    with RunningReceiver(db, grpc="off") as again:
        assert again.get("/health/ready", headers={}).status == 200


def test_d02_it_says_which_sqlite_it_has(tmp_path: Path) -> None:
    process = start_promethios(
        "serve", "--db", str(tmp_path / "promethios.db"), "--http", "127.0.0.1:0", "--grpc", "off"
    )
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()
    process.stderr.close()
    assert f"(SQLite {sqlite3.sqlite_version}): OTLP/HTTP, API and console on http://127.0.0.1:" in line


def test_d06_a_receiver_that_was_killed_is_noticed(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    RunningReceiver(db, grpc="off").kill()
    with RunningReceiver(db, grpc="off") as again:
        assert f"{db} was not closed in order the last time; what was acknowledged is there" in again.stderr
    assert again.process.returncode == 0
    with RunningReceiver(db, grpc="off") as third:
        assert third.stderr == ""


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    with RunningReceiver(db) as receiver:
        receiver.post("/v1/traces", trace_request(span(), decision_span(matches=({},))).SerializeToString())
        receiver.post("/v1/metrics", metrics_request(gauge("requests", 3)).SerializeToString())
        receiver.post("/v1/logs", logs_request(record()).SerializeToString())
        before = receiver.data("status")[0]
    assert before["spans"] == 2
    names = ("metric_points", "logs", "decisions", "violations", "agents")
    assert [before[name] for name in names] == [1] * 5
    with RunningReceiver(db) as again:
        after = again.get("/api/v1/status", headers=receiver.admin).json()["data"][0]
    assert {**after, "started": 0} == {**before, "started": 0}


def test_a_second_receiver_on_the_same_file_refuses(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    link = tmp_path / "link.db"
    link.symlink_to(db)
    with RunningReceiver(db) as receiver:
        for name in (db, link):
            ended = run_promethios("serve", "--db", str(name), "--http", "127.0.0.1:0", "--grpc", "off")
            assert ended.returncode == 1
            assert ended.stderr == (
                f"Error: cannot open {name}: another receiver holds it (process {receiver.process.pid}); "
                "stop that one first, or choose another database\n"
            )


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    db.write_bytes(b"this is a letter, not a database" * 100)
    ended = run_promethios("serve", "--db", str(db), "--http", "127.0.0.1:0", "--grpc", "off")
    assert (ended.returncode, ended.stderr) == (
        1,
        f"Error: cannot open {db}: file is not a database; it is left as it is\n",
    )
    assert db.read_bytes() == b"this is a letter, not a database" * 100


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("not a folder")
    db = tmp_path / "letter" / "data" / "promethios.db"
    for command in (
        ["serve", "--http", "127.0.0.1:0", "--grpc", "off"],
        ["keys", "create", "--scope", "read"],
    ):
        ended = run_promethios(*command, "--db", str(db))
        assert (ended.returncode, ended.stderr) == (
            1,
            (
                f"Error: cannot open {db}: cannot make its folder: Not a directory; "
                "choose another file with --db\n"
            ),
        )


def test_a_lock_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    (tmp_path / "promethios.db.lock").mkdir()
    ended = run_promethios("serve", "--db", str(db), "--http", "127.0.0.1:0", "--grpc", "off")
    assert (ended.returncode, ended.stderr) == (
        1,
        f"Error: cannot open {db}: cannot lock {db}.lock: Is a directory; choose another file with --db\n",
    )


def test_files_and_folder_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with RunningReceiver(folder / "promethios.db") as receiver:
        receiver.post("/v1/traces", trace_request(span()).SerializeToString())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes.keys() >= {f"promethios.db{end}" for end in ("", "-wal", "-shm", ".lock")}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_unknown_setting_stops_the_start(tmp_path: Path) -> None:
    ended = run_promethios("serve", environment={"PROMETHIOS_THREDS": "1"})
    assert (ended.returncode, ended.stderr) == (
        1,
        "Error: unknown setting PROMETHIOS_THREDS; did you mean 'PROMETHIOS_THREADS'?\n",
    )


def test_a_file_of_settings_is_read(tmp_path: Path) -> None:
    config = tmp_path / "receiver.toml"
    config.write_text("max_body_bytes = 10\n")
    with RunningReceiver(tmp_path / "promethios.db", "--config", str(config), grpc="off") as receiver:
        assert receiver.grpc is None
        assert receiver.post("/v1/traces", bytes(11)).status == 413


def test_a_request_in_flight_is_answered_when_it_ends(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    receiver = RunningReceiver(db, grpc="off")
    parts = urlsplit(receiver.http)
    body = trace_request(*(span(attributes={"filling": "x" * 50}) for _ in range(5_000))).SerializeToString()
    headers = [("Content-Type", "application/x-protobuf"), ("Content-Length", str(len(body)))]
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(post("/v1/traces", [*headers, *receiver.ingest.items()], body))
        assert receiver.get("/health/live", headers={}).status == 200
        ending = threading.Thread(target=receiver.stop)
        ending.start()
        response = read_all(connection)
        ending.join()
    assert receiver.process.returncode == 0
    assert status_of(response) == 200
    assert query(db, "SELECT count(*) FROM spans") == [(5_000,)]


def test_idle_connections_do_not_hold_up_the_end(tmp_path: Path) -> None:
    receiver = RunningReceiver(tmp_path / "promethios.db")
    parts = urlsplit(receiver.http)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert receiver.get("/health/live", headers={}).status == 200
        assert receiver.stop() == 0
        assert connection.recv(1) == b""


def test_slow_clients_do_not_hold_up_others(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver, ExitStack() as slow:
        parts = urlsplit(receiver.http)
        for half in (b"", b"GET / HT", b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"):
            for _ in range(30):
                connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
                slow.enter_context(connection).sendall(half)
        assert receiver.post("/v1/traces", trace_request(span()).SerializeToString()).status == 200


class Ledger:
    """Sends batches of spans until the receiver is gone, and notes which were acknowledged."""

    def __init__(self, receiver: RunningReceiver, headers: dict[str, str]) -> None:
        self._receiver = receiver
        self._headers = {**PROTOBUF, **headers}
        self.acknowledged: list[bytes] = []
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        while True:
            spans = [span(span_id=secrets.token_bytes(8)) for _ in range(5)]
            body = trace_request(*spans).SerializeToString()
            self.requests.append(body)
            try:
                answer = self._receiver.post("/v1/traces", body, self._headers)
            except (URLError, OSError):
                return
            if answer.status == 200:
                self.acknowledged += [each.span_id for each in spans]

    def join(self) -> None:
        self._thread.join()


@pytest.mark.parametrize("rounds", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_kill_9_loses_no_acknowledged_span_and_resending_adds_none(tmp_path: Path, rounds: int) -> None:
    db = tmp_path / "promethios.db"
    headers: dict[str, str] = {}
    acknowledged: list[bytes] = []
    requests: list[bytes] = []
    for _ in range(rounds):
        receiver = RunningReceiver(db, grpc="off")
        headers = headers or receiver.ingest
        ledgers = [Ledger(receiver, headers) for _ in range(3)]
        time.sleep(0.2)
        receiver.kill()
        for ledger in ledgers:
            ledger.join()
            acknowledged += ledger.acknowledged
            requests += ledger.requests
    with RunningReceiver(db, grpc="off") as last:
        stored = {span_id for (span_id,) in query(db, "SELECT span_id FROM spans")}
        assert acknowledged
        assert set(acknowledged) <= stored
        for request in requests * 2:
            assert last.post("/v1/traces", request, {**PROTOBUF, **headers}).status == 200
    counted = query(db, "SELECT count(*), count(DISTINCT span_id) FROM spans")
    assert counted == [(5 * len(requests), 5 * len(requests))]
