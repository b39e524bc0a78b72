"""``promethios status``: how agents stand, for people in a hurry, for programs, in terminals of any width."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from tests.support.otlp import decision_span, trace_request
from tests.support.receiver import RunningReceiver, start_promethios

from promethios.receiver.cli.standing import Page, Standing
from promethios.receiver.cli.status import status

MAIN = "from promethios.governance.cli import main; main(prog_name='promethios')"
HOSTILE = "[bold red]x[/]\x1b[2J\u202egnp\r\nend"
NOW = 1_800_000_000_000


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that knows an agent in order and one with a hostile name that was blocked."""
    with RunningReceiver(tmp_path_factory.mktemp("status") / "promethios.db", grpc="off") as running:
        for agent, verdict in (("clerk", "allow"), (HOSTILE, "block")):
            span = decision_span(verdict, ({},) if verdict == "block" else ())
            span.start_time_unix_nano = span.end_time_unix_nano = time.time_ns()
            request = trace_request(span, resource={"gen_ai.agent.id": agent})
            assert running.post("/v1/traces", request.SerializeToString()).status == 200
        yield running


NONE = dict.fromkeys(("PROMETHIOS_URL", "PROMETHIOS_READ_KEY", "PROMETHIOS_ADMIN_KEY", "PROMETHIOS_API_KEY"))


def invoke(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(status, arguments, env={**NONE, **environment})


def run(receiver: RunningReceiver, *arguments: str, **environment: str) -> Result:
    return invoke(
        "--url", receiver.http, *arguments, **{"PROMETHIOS_READ_KEY": receiver.admin_key, **environment}
    )


def agent(name: str, **columns: Any) -> dict[str, Any]:
    row = {
        "agent_id": name,
        "status": "live",
        "trust": 729,
        "tier": "trusted",
        "violations": 0,
        "blocked": 0,
        "decisions": 50,
        "last_seen": NOW,
    }
    return {**row, **columns}


def standing(*agents: dict[str, Any], alerts: list[dict[str, Any]] | None = None, **stats: Any) -> Standing:
    numbers = {
        "agents_live": 1,
        "agents_stale": 0,
        "agents_down": 0,
        "decisions": 7,
        "blocked": 0,
        "violations": 0,
        "critical": 0,
        "coverage": None,
    }
    receiver = {"version": "1.2.3", "last_ingest": None}
    return Standing("http://localhost:4318", receiver, {**numbers, **stats}, agents, alerts)


def drawn(page: Page, width: int, **options: Any) -> str:
    text = StringIO()
    Console(file=text, width=width, highlight=False, **options).print(page)
    return text.getvalue()


def test_it_says_how_agents_stand(receiver: RunningReceiver) -> None:
    done = run(receiver, COLUMNS="120")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"Promethios {receiver.version} at {receiver.http}, last telemetry ")
    assert lines[1].startswith("2 live, 0 stale, 0 down, 2 decisions, 1 blocked, 1 violations, 0 critical")
    assert lines[2].split() == [
        "agent", "status", "trust", "violations", "blocked", "decisions", "last", "seen",
    ]  # fmt: skip
    (clerk,) = (line.split() for line in lines if line.startswith("clerk"))
    assert clerk[:2] + clerk[4:7] == ["clerk", "live", "0", "0", "1"]


def test_a_hostile_name_is_shown_and_does_nothing(receiver: RunningReceiver) -> None:
    shown = run(receiver, COLUMNS="160").stdout
    assert "[bold red]x[/]\ufffd[2J\ufffdgnp\ufffd\ufffdend" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_json_has_everything(receiver: RunningReceiver) -> None:
    found = json.loads(run(receiver, "--json").stdout)
    assert set(found) == {"receiver", "stats", "agents", "alerts"}
    assert {row["agent_id"] for row in found["agents"]} == {"clerk", HOSTILE}
    assert found["stats"]["blocked"] == 1
    assert found["alerts"] == []


@pytest.mark.parametrize("variable", ["PROMETHIOS_READ_KEY", "PROMETHIOS_ADMIN_KEY", "PROMETHIOS_API_KEY"])
def test_the_key_comes_from_the_environment(receiver: RunningReceiver, variable: str) -> None:
    done = invoke("--json", **{variable: receiver.admin_key, "PROMETHIOS_URL": receiver.http})
    assert done.exit_code == 0, done.stderr


def test_without_a_key_it_says_what_is_needed() -> None:
    done = invoke()
    assert done.exit_code == 2
    assert "a key that reads is needed: set PROMETHIOS_READ_KEY or give --api-key" in done.stderr


def test_a_key_that_may_not_read_is_told_so(receiver: RunningReceiver) -> None:
    done = run(receiver, PROMETHIOS_READ_KEY=receiver.ingest_key)
    assert done.exit_code == 1
    assert "403, this API key lacks the scope 'read': use a key that has it" in done.stderr


def test_a_receiver_that_is_not_there_is_an_error() -> None:
    done = invoke("--url", "http://127.0.0.1:9", PROMETHIOS_READ_KEY="pmk_x")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: cannot reach http://127.0.0.1:9/api/v1/status: ")


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_k12_a_redirect_does_not_carry_the_key_away(code: int) -> None:
    asked: list[str] = []

    class Redirects(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Redirects) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        result = invoke("--url", url, "--api-key", "secret")
        server.shutdown()
    assert result.exit_code == 1
    words = "which redirects: give the address that it leads to"
    assert result.stderr == f"Error: GET {url}/api/v1/status: {code}, {words}\n"
    assert asked == ["/api/v1/status"]


@pytest.mark.parametrize("seconds", ["0", "-1", "x", "nan"])
def test_a_pause_that_is_none_is_wrong_usage(receiver: RunningReceiver, seconds: str) -> None:
    assert run(receiver, f"--watch={seconds}").exit_code == 2


def test_a_watch_checks_nothing(receiver: RunningReceiver) -> None:
    done = run(receiver, "--watch", "--check")
    assert done.exit_code == 2
    assert "--check and --watch exclude each other" in done.stderr


def test_a_check_is_content_with_what_is_well(receiver: RunningReceiver) -> None:
    done = run(receiver, "--check")
    assert (done.exit_code, done.stderr) == (0, "")


def test_what_is_down_and_what_fires_is_trouble() -> None:
    fires = {"rule": "trust-low", "title": "Trust is low", "severity": "warning", "agent_id": "a"}
    found = standing(agent("a"), agent("b", status="down"), agent("c", status="stopped"), alerts=[fires])
    assert found.troubles == ["agent 'b' is down", "alert 'Trust is low' fires"]
    assert standing(agent("a", status="stale"), alerts=None).troubles == []


def test_a_watch_writes_a_line_each_time_and_ends_well(receiver: RunningReceiver) -> None:
    with start_promethios(
        "status", "--url", receiver.http, "--json", "--watch", "0.2",
        environment={"PROMETHIOS_READ_KEY": receiver.admin_key},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert [len(line["agents"]) for line in lines] == [2, 2, 2]
    assert (process.returncode, stderr) == (0, "")


def test_a_watch_outlives_the_receiver_that_it_watches(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as running:
        process = start_promethios(
            "status", "--url", running.http, "--json", "--watch", "0.2",
            environment={"PROMETHIOS_READ_KEY": running.admin_key},
        )  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
    assert process.stderr.readline().startswith("cannot reach ")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_in_a_terminal_a_watch_draws_and_gives_the_screen_back(receiver: RunningReceiver) -> None:
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHIOS_")}
    screen = {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "status", "--url", receiver.http, "--watch=0.2"],
        env={**clean, "PROMETHIOS_READ_KEY": receiver.admin_key, **screen},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while seen.count(b"clerk") < 2:
        seen += os.read(ours, 65_536)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            read = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            break
        if not read:
            break
        seen += read
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert b"\x1b[?1049h" in seen, "another screen is taken"
    assert b"\x1b[?1049l" in seen, "and given back"
    assert b"Traceback" not in seen


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_it_fits_any_width(width: int) -> None:
    rows = [agent("an-agent-with-a-rather-long-name-" * 3, status="stopped"), agent("b", violations=12)]
    for line in drawn(Page(standing(*rows)), width).splitlines():
        assert len(line) <= width


def test_a_narrow_terminal_has_the_columns_that_matter() -> None:
    heads = [drawn(Page(standing(agent("a"))), width) for width in (40, 50, 100)]
    assert ["violations" in each.split("agent")[-1] for each in heads] == [False, True, True]
    assert all("status" in each and "trust" in each for each in heads)
    assert ["last seen" in each for each in heads] == [False, False, True]


def test_the_worst_comes_first(receiver: RunningReceiver) -> None:
    found = Standing.ask(receiver.http, receiver.admin_key)
    assert [row["agent_id"] for row in found.agents] == [HOSTILE, "clerk"]


def test_what_does_not_fit_is_counted() -> None:
    shown = drawn(Page(standing(*(agent(f"agent-{number}") for number in range(9))), rows=4), 80)
    assert "agent-3" in shown
    assert "agent-4" not in shown
    assert shown.rstrip().endswith("and 5 more")


def test_colours_are_for_terminals() -> None:
    page = Page(standing(agent("a", status="down"), agents_down=1))
    assert "\x1b[" not in drawn(page, 80)
    assert "\x1b[1;31m" in drawn(page, 80, force_terminal=True, color_system="standard", no_color=False)


def test_an_alert_is_told_with_its_agent() -> None:
    fires = {"title": "Trust is [red]low", "severity": "critical", "agent_id": "a\x07b"}
    shown = drawn(Page(standing(alerts=[fires])), 80)
    assert "critical: Trust is [red]low a\ufffdb" in shown
    assert "No agent has been heard of yet." in shown


def test_what_share_of_calls_is_governed_is_said_where_there_are_calls() -> None:
    assert "97% of calls governed" in drawn(Page(standing(coverage=0.97)), 120)
    assert "governed" not in drawn(Page(standing()), 120)
