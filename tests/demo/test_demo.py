"""The demonstration, end to end: the real receiver, real agents, and a database to look into."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MAIN = "from promethios.governance.cli import main; main(prog_name='promethios')"
COMMAND = [sys.executable, "-c", MAIN, "demo"]
CARD = (b"4111 1111 1111 1111", b"4111111111111111", b"4111-1111-1111-1111")


@dataclass(frozen=True)
class Ended:
    folder: Path
    status: int
    stdout: str
    stderr: str

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self.stdout)
        return summary

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self.folder / 'demo.db'}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """One run that all tests of its outcome share."""
    folder = tmp_path_factory.mktemp("demo")
    run = subprocess.run(
        [*COMMAND, "--exit", "--json", "--db", str(folder / "demo.db"), "--http", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        # What the surroundings configure must not reach the demonstration.
        env={**os.environ, "PROMETHIOS_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
        timeout=90,
    )
    return Ended(folder, run.returncode, run.stdout, run.stderr)


def test_everything_is_stored_and_the_status_says_so(ended: Ended) -> None:
    assert (ended.status, ended.stderr) == (0, "")
    assert ended.summary["complete"] is True
    assert ended.query("SELECT count(*) FROM decisions") == [(ended.summary["told"],)]


def test_standard_output_is_one_json_object(ended: Ended) -> None:
    assert ended.stdout.count("\n") == 1
    assert sorted(ended.summary["agents"]) == ["billing-clerk", "mail-triage", "order-desk"]
    assert ended.summary["database"] == str(ended.folder / "demo.db")


@pytest.mark.parametrize(
    ("agent", "enforced"),
    [
        ("order-desk", {"allow": 10}),
        ("mail-triage", {"allow": 5, "flag": 1, "block": 1}),
        ("billing-clerk", {"allow": 15, "redact": 2, "block": 2}),
    ],
)
def test_each_agent_got_its_decisions(ended: Ended, agent: str, enforced: dict[str, int]) -> None:
    rows = ended.query(f"SELECT enforced FROM decisions WHERE agent_id = '{agent}'")
    assert Counter(row[0] for row in rows) == enforced


def test_each_policy_decided_something(ended: Ended) -> None:
    rows = ended.query("SELECT policy_id, severity, count(*) FROM violations GROUP BY 1, 2 ORDER BY 1")
    assert rows == [
        ("indirect-injection", "high", 1),
        ("model-allowlist", "high", 1),
        ("no-card-numbers", "critical", 2),
        ("no-deletions-by-agents", "critical", 1),
        ("token-budget", "medium", 1),
    ]


def test_a_block_has_its_reason_and_is_on_the_operations_trace(ended: Ended) -> None:
    rows = ended.query(
        "SELECT v.reason, s.name FROM decisions d"
        " JOIN violations v USING (decision_id)"
        " JOIN spans s ON s.trace_id = d.trace_id AND s.span_id = d.span_id"
        " WHERE d.enforced = 'block' ORDER BY 2, 1"
    )
    assert rows == [
        ("the conversation has spent its budget of 4,000 tokens", "chat gpt-4o-mini"),
        ("model 'gpt-unapproved' is not on the list of approved models", "chat gpt-unapproved"),
        ("agents may not delete: a person has to", "execute_tool delete_customer"),
    ]


def test_what_was_blocked_never_happened(ended: Ended) -> None:
    assert ended.summary["deletions"] == 0
    assert ended.summary["tools_run"] == {
        "lookup_order": 1,
        "estimate_delivery": 1,
        "read_mail": 1,
        "read_customer": 1,
    }
    allowed = ended.query(
        "SELECT count(*) FROM decisions WHERE point = 'model.before' AND enforced <> 'block'"
    )
    assert allowed == [(ended.summary["llm_requests"],)]


def test_the_numbers_of_the_decisions_have_no_gaps(ended: Ended) -> None:
    for agent in ended.summary["agents"]:
        rows = ended.query(f"SELECT seq FROM decisions WHERE agent_id = '{agent}' ORDER BY seq")
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))


def test_all_three_signals_arrived(ended: Ended) -> None:
    for table in ("spans", "metric_points", "logs", "agents"):
        assert ended.query(f"SELECT count(*) FROM {table}")[0][0] > 0


def test_the_card_number_is_nowhere(ended: Ended) -> None:
    contents = {path.name: path.read_bytes() for path in ended.folder.iterdir()}
    contents["stdout"], contents["stderr"] = ended.stdout.encode(), ended.stderr.encode()
    assert "demo.db" in contents
    assert [name for name, content in contents.items() if any(card in content for card in CARD)] == []
    assert ended.summary["card_found"] == []


def test_the_redacted_text_is_what_was_stored_instead(ended: Ended) -> None:
    captured = ended.query("SELECT count(*) FROM spans WHERE attributes LIKE '%[REDACTED:pii.card]%'")
    logged = ended.query("SELECT count(*) FROM logs WHERE body LIKE '%[REDACTED:pii.card]%'")
    assert captured[0][0] > 0
    assert logged[0][0] > 0


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "--json", "--http", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_of_it(
    staying: subprocess.Popen[str], tmp_path: Path, number: signal.Signals, status: int
) -> None:
    assert staying.stdout
    summary = json.loads(staying.stdout.readline())
    host, port = summary["console"].removeprefix("http://").split(":")
    socket.create_connection((host, int(port)), 5).close()
    staying.send_signal(number)
    _, errors = staying.communicate(timeout=30)
    assert (staying.returncode, errors) == (status, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 5)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("promethios-demo")] == []


def test_an_address_in_use_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run = subprocess.run(
            [*COMMAND, "--exit", "--http", address, "--db", str(tmp_path / "demo.db")],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.startswith("Error: the demonstration cannot go on: the receiver ended with status 1: ")
    assert address in run.stderr


def test_a_database_that_cannot_be_one_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "demo.db").write_bytes(b"this is a text, and no database" * 100)
    run = subprocess.run(
        [*COMMAND, "--exit", "--http", "127.0.0.1:0", "--db", str(tmp_path / "demo.db")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("Error: the demonstration cannot go on: ")
    assert str(tmp_path / "demo.db") in run.stderr
    assert "Traceback" not in run.stderr


def test_a_missing_extra_is_named() -> None:
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'openai': raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from promethios.receiver.demo.cli import demo; demo(prog_name='promethios demo')\n"
    )
    run = subprocess.run([sys.executable, "-c", code, "--exit"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert run.stderr == (
        "Error: cannot run `promethios demo`: openai not installed;"
        " install with: pip install 'promethios[demo]'\n"
    )
