"""``promethios trust``: explained from the database and through a receiver, acknowledged, and verified."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.otlp import decision_span, span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.receiver.cli.trust import trust
from promethios.receiver.store.sqlite import head


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A running receiver that has one agent with an alarm and one in order."""
    with RunningReceiver(tmp_path_factory.mktemp("trust") / "promethios.db", grpc="off") as running:
        now = time.time_ns() - 10**9
        told = [_told("clerk", now + number) for number in range(30)]
        told += [_told("clerk", now + 100 + number, bad=True) for number in range(4)]
        told += [_told("team/buyer", now + number) for number in range(80)]
        told.append(span(attributes={"gen_ai.agent.name": "idle"}))
        assert running.post("/v1/traces", trace_request(*told).SerializeToString()).status == 200
        yield running


def _told(agent: str, at: int, bad: bool = False) -> object:
    matches = ({"promethios.policy.severity": "critical"},) if bad else ()
    attributes = {"gen_ai.agent.name": agent}
    return decision_span(
        "block" if bad else "allow", matches, attributes, start_time_unix_nano=at, end_time_unix_nano=at
    )


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(trust, arguments, env={"COLUMNS": "160", **environment})


def test_the_command_is_one_of_promethios(receiver: RunningReceiver) -> None:
    done = run_promethios("trust", "explain", "team/buyer", "--db", str(receiver.db))
    assert (done.returncode, done.stderr) == (0, "")
    assert "trusted" in done.stdout


def test_a_score_is_explained_for_people(receiver: RunningReceiver) -> None:
    shown = run("explain", "clerk", "--db", str(receiver.db))
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("clerk  ")
    assert lines[0].endswith("restricted  alarmed: it changed suddenly")
    assert lines[1].startswith("34 decisions; remembered: ")
    assert lines[1].endswith("Change 8.1 of 8. Method promethios.beta-cusum/1.")
    assert lines[2].strip() == "What weighs on it"
    assert lines[3].split() == ["points", "weight", "decision", "policies", "reason"]
    assert [line.split()[1] for line in lines[4:8]] == ["5"] * 4
    assert "not on the list" in lines[4]
    assert lines[8].startswith("  → look into the alarm and acknowledge it: ")
    assert lines[9].startswith("  → 29 clean decisions in a row end the alarm too")


def test_what_agents_send_does_not_reach_the_terminal_as_a_command(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as running:
        match = {"gen_ai.guardrail.result.reason": "\x1b[2Jgone\nforged line"}
        told = decision_span("block", (match,), {"gen_ai.agent.name": "evil\x1b]0;title"})
        running.post("/v1/traces", trace_request(told).SerializeToString())
        shown = run("explain", "evil\x1b]0;title", "--db", str(running.db))
    assert (shown.exit_code, "\x1b" in shown.stdout) == (0, False)
    assert "�[2Jgone�forged line" in shown.stdout


def test_an_agent_that_decided_nothing_is_unknown(receiver: RunningReceiver) -> None:
    shown = run("explain", "idle", "--db", str(receiver.db))
    assert shown.stdout.startswith("idle  405  probation\n0 decisions; ")
    assert "nearly nothing is known about it" in shown.stdout


def test_the_database_and_the_receiver_say_the_same(receiver: RunningReceiver) -> None:
    from_database = run("explain", "team/buyer", "--db", str(receiver.db), "--json")
    asked = run(
        "explain", "team/buyer", "--endpoint", receiver.http, "--json", PROMETHIOS_READ_KEY=receiver.admin_key
    )
    one, other = json.loads(from_database.stdout), json.loads(asked.stdout)
    # Both are of the moment at which they are read.
    for name in ("bound", "evidence", "good", "bad"):
        assert one["data"][0].pop(name) == pytest.approx(other["data"][0].pop(name), abs=0.01)
    assert one == other
    assert one["data"][0]["tier"] == "trusted"


def test_every_score_is_what_the_decisions_say(receiver: RunningReceiver) -> None:
    done = run("verify", "--db", str(receiver.db))
    assert (done.exit_code, done.stdout) == (0, "2 agents: every score is what their decisions say\n")


def test_a_score_that_was_changed_by_hand_is_found(receiver: RunningReceiver, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(receiver.db)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("UPDATE trust_standings SET s = 0 WHERE agent_id = 'clerk'")
        target.commit()
    done = run("verify", "--db", str(copy))
    assert done.exit_code == 1
    assert done.stdout == "tenant 1, agent 'clerk': what is stored is not what its decisions say\n"
    assert done.stderr == "Error: 1 of 2 agents have another score than their decisions\n"


def test_an_alarm_is_acknowledged(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as running:
        now = time.time_ns() - 10**9
        told = [_told("clerk", now + number, bad=True) for number in range(4)]
        running.post("/v1/traces", trace_request(*told).SerializeToString())
        where = ("acknowledge", "clerk", "--endpoint", running.http)
        done = run(*where, "--note", "fixed", "--api-key", running.admin_key)
        assert (done.exit_code, done.stdout.split(":")[0]) == (0, "clerk")
        address = f"{running.http}/api/v1/trust/clerk/acknowledge"
        again = run(*where, PROMETHIOS_ADMIN_KEY=running.admin_key, PROMETHIOS_READ_KEY="another")
        assert (again.exit_code, again.stderr) == (
            1,
            f"Error: POST {address}: 409, agent 'clerk' has no alarm to acknowledge\n",
        )
        assert run("verify", "--db", str(running.db)).exit_code == 0


def test_what_cannot_be_explained_is_said(receiver: RunningReceiver, tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is no database, however long it is " * 100)
    nobody = f"{receiver.http}/api/v1/trust/nobody"
    for arguments, message in (
        (("nobody", "--db", str(receiver.db)), "there is no agent 'nobody' in the tenant 'default'"),
        (("clerk", "--db", str(receiver.db), "--tenant", "acme"), "there is no tenant 'acme'"),
        (("clerk", "--db", str(tmp_path / "none.db")), f"there is no database {tmp_path / 'none.db'}"),
        (("clerk", "--db", str(text)), f"cannot read {text}: file is not a database"),
        (
            ("clerk", "--endpoint", "localhost", "--api-key", "k"),
            "'localhost' is not an address like http://127.0.0.1:4318",
        ),
        (
            ("nobody", "--endpoint", receiver.http, "--api-key", receiver.admin_key),
            f"GET {nobody}: 404, there is no such agent: /api/v1/agents lists them",
        ),
    ):
        shown = run("explain", *arguments)
        assert (shown.exit_code, shown.stderr) == (1, f"Error: {message}\n")


def test_a_database_of_another_version_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("CREATE TABLE other (id)")
    shown = run("explain", "clerk", "--db", str(empty))
    assert shown.exit_code == 1
    assert shown.stderr == (
        f"Error: cannot read {empty}: it has schema None, this version reads {head()}; "
        "start this version's receiver on it once\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explain", "a", "--db", "x", "--url", "y"), "--db and --url exclude each other"),
        (
            ("explain", "a", "--endpoint", "http://127.0.0.1:1"),
            "--url needs a key: set PROMETHIOS_READ_KEY, or PROMETHIOS_ADMIN_KEY to acknowledge",
        ),
        (("acknowledge", "a"), "--url is needed: the receiver that holds the agent's score"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], message: str) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert f"Error: {message}\n" in shown.stderr
