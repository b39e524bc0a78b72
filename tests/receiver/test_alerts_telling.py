"""Alerts are told: through webhooks and Apprise, once, after a restart too, and again when it failed."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.hooks import HookServer
from tests.support.otlp import decision_span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.alerts import store
from promethios.receiver.alerts.letters import text
from promethios.receiver.alerts.service import Alerts
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"
SECOND = 10**9
CRITICAL = {"gen_ai.guardrail.policy.id": "no-secrets", "promethios.policy.severity": "critical"}


@pytest.fixture
def hook() -> Iterator[HookServer]:
    with HookServer() as server:
        yield server


def written(folder: Path, hook: HookServer, channel: str = "", further: str = "") -> Path:
    """A file of alerts with a webhook; trust is off, so that a critical violation is one alert."""
    path = folder / "alerts.yaml"
    channel = channel or f"{{name: hook, webhook: '{hook.url}', secret_env: HOOK_SECRET}}"
    rules = "rules: {trust-low: {enabled: false}}\nallow_networks: [127.0.0.0/8]\n"
    path.write_text(f"{rules}channels:\n  - {channel}\n{further}")
    return path


def violation() -> bytes:
    body: bytes = trace_request(decision_span("block", (CRITICAL,))).SerializeToString()
    return body


class World:
    """A receiver's parts over one database, opened and closed as often as is wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now, self.moment = time.time_ns(), 0.0
        self.services: Services
        self.alerts: Alerts

    def open(self) -> None:
        path = self.folder / "alerts.yaml"
        self.services = Services.open(
            Settings(db=str(self.folder / "promethios.db"), commit_ms=0, alerts=str(path))
        )
        self.alerts = Alerts(self.services)

    def close(self) -> None:
        self.services.close()

    def violate(self) -> None:
        key = self.services.writer.do(
            lambda connection: create_key(connection, KeyRequest("default", frozenset({Scope.INGEST})))
        )
        client = create_app(self.services, Budget(10**8)).test_client()
        headers = {"x-api-key": key.reveal(), "Content-Type": "application/x-protobuf"}
        assert client.post("/v1/traces", data=violation(), headers=headers).status_code == 200
        # However long it took until now: the next turn is after it.
        self.now = max(self.now, time.time_ns())

    def turn(self, seconds: float = 15) -> Any:
        """Evaluate after so many seconds."""
        self.now += int(seconds * SECOND)
        self.moment += seconds
        tenant = Principal("alerts", 1, frozenset(), None, "default")
        return self.alerts.evaluator.evaluate(tenant, self.now, self.moment)

    def waiting(self) -> list[dict[str, Any]]:
        with self.services.readers.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM alert_outbox ORDER BY id").mappings()
            return [dict(row) for row in rows]


@pytest.fixture
def world(tmp_path: Path, hook: HookServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    written(tmp_path, hook)
    made = World(tmp_path)
    made.open()
    yield made
    made.close()


def test_what_fires_is_put_into_the_outbox_once_and_stays_over_a_restart(world: World) -> None:
    world.violate()
    assert len(world.turn().turned) == 1
    (row,) = world.waiting()
    content = json.loads(row["body"])
    assert (content["rule"], content["status"], content["count"]) == ("critical-violation", "firing", 1)
    assert row["message_id"] == content["id"]
    since = next(iter(world.turn().standings.values())).since
    for _ in range(3):
        world.close()
        world.open()
        outcome = world.turn(60)
        assert (outcome.turned, [each.since for each in outcome.standings.values()]) == ([], [since])
    assert world.waiting() == [row]


def test_it_is_told_when_it_is_over(world: World) -> None:
    world.violate()
    world.turn()
    world.turn(700)
    assert [json.loads(row["body"])["status"] for row in world.waiting()] == ["firing", "resolved"]
    with world.services.readers.connect() as connection:
        changes = connection.exec_driver_sql("SELECT state, agent_id FROM alert_changes ORDER BY id").all()
    assert [tuple(change) for change in changes] == [
        ("firing", "shop"),
        ("resolved", "shop"),
    ]


def test_a_tenant_in_which_all_is_well_costs_no_write(world: World) -> None:
    world.violate()
    world.turn()
    world.turn(700)
    world.turn(60)
    before = world.services.writer.figures().commits
    world.turn()
    assert world.services.writer.figures().commits == before


def test_an_outbox_that_is_full_drops_and_says_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.violate()
    for number in range(store.MOST_WAITING):
        row = ("1", f"m{number}", "hook", "{}", world.now, world.now + 10**15, 0, 0, "")
        world.services.writer.do(
            lambda connection, row=row: connection.exec_driver_sql(
                "INSERT INTO alert_outbox (tenant_id, message_id, channel, body, created_unix_nano, "
                "due_unix_nano, attempts, dead, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        )
    world.turn()
    assert len(world.waiting()) == store.MOST_WAITING
    assert world.services.alert_counts.look().dropped == 1
    assert "channel hook: 1000 messages wait: further ones are dropped" in caplog.text
    world.services.writer.do(lambda connection: connection.exec_driver_sql("DELETE FROM alert_outbox"))
    world.turn()
    assert [json.loads(row["body"])["status"] for row in world.waiting()] == ["firing"]


def test_what_is_for_a_channel_that_is_gone_is_given_up(world: World, hook: HookServer) -> None:
    world.violate()
    world.turn()
    world.close()
    written(world.folder, hook, f"{{name: new, webhook: '{hook.url}', secret_env: HOOK_SECRET}}")
    world.open()
    (row,) = world.waiting()
    assert (row["dead"], row["error"]) == (1, "the channel is not configured any more")
    assert world.services.alert_counts.look().dropped == 1


def test_old_rows_are_deleted_and_the_newest_change_stays(world: World) -> None:
    world.violate()
    world.turn()
    world.turn(700)
    later = world.now + store.KEPT + SECOND
    world.services.writer.do(lambda connection: store.tidy(connection, later))
    with world.services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT id FROM alert_changes").all() == [(2,)]


def test_every_tenant_is_evaluated_by_itself(world: World) -> None:
    world.violate()
    world.services.writer.do(
        lambda connection: create_key(connection, KeyRequest("acme", frozenset({Scope.INGEST})))
    )
    world.alerts.evaluator.turn()
    assert [json.loads(row["body"])["tenant"] for row in world.waiting()] == ["default"]
    figures = world.services.alert_counts.look()
    assert (figures.evaluations, figures.failed_evaluations, figures.firing) == (1, 0, 1)


Start = Callable[..., RunningReceiver]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a receiver that evaluates every second, on the same database each time."""
    running: list[RunningReceiver] = []

    def begin(*arguments: str) -> RunningReceiver:
        receiver = RunningReceiver(
            tmp_path / "promethios.db",
            *("--alerts", str(tmp_path / "alerts.yaml"), *arguments),
            environment={"HOOK_SECRET": SECRET, "PROMETHIOS_ALERT_SECONDS": "1"},
            grpc="off",
        )
        running.append(receiver)
        return receiver

    yield begin
    for receiver in running:
        if receiver.process.poll() is None:
            receiver.stop()


def test_a_violation_is_told_through_a_webhook_and_through_apprise(
    tmp_path: Path, hook: HookServer, start: Start
) -> None:
    with HookServer(200) as people:
        further = (
            f"  - {{name: people, url: 'json://127.0.0.1:{people.port}/', severities: [critical]}}\n"
            f"  - {{name: never, url: 'json://127.0.0.1:{people.port}/never', rules: [trust-low]}}\n"
            "link: https://promethios.example.com\n"
        )
        written(tmp_path, hook, further=further)
        receiver = start()
        assert receiver.post("/v1/traces", violation()).status == 200
        (got,) = hook.wait(1)
        (letter,) = people.wait(1)
        (alert,) = receiver.data("alerts")
        metrics = _settled(receiver, "promethios_receiver_alerts_messages_sent_total 2")
    assert got.message["alerts"][0]["labels"] == {"agent_id": alert["agent_id"]}
    assert got.message["id"] == got.headers["X-Promethios-Id"]
    assert letter.message["title"] == "[FIRING] Critical violation"
    assert "Agent shop had 1 critical violations" in letter.message["message"]
    assert "https://promethios.example.com" in letter.message["message"]
    assert letter.message["type"] == "failure"
    assert (alert["state"], alert["silenced"], alert["value"]) == ("firing", False, 1)
    assert "promethios_receiver_alerts_firing 1" in metrics


def _settled(receiver: RunningReceiver, line: str) -> str:
    """The metrics, as soon as they have a line."""
    for _ in range(200):
        metrics = receiver.get("/metrics").body.decode()
        if line in metrics:
            return metrics
        time.sleep(0.05)
    raise AssertionError(metrics)


def test_a_message_that_failed_is_sent_again_with_the_same_id(
    tmp_path: Path, hook: HookServer, start: Start
) -> None:
    written(tmp_path, hook)
    hook.status = 503
    receiver = start()
    receiver.post("/v1/traces", violation())
    (first,) = hook.wait(1)
    hook.status = 204
    second = hook.wait(2)[1]
    assert first.body == second.body
    assert first.headers["X-Promethios-Id"] == second.headers["X-Promethios-Id"]
    _settled(receiver, "promethios_receiver_alerts_messages_failed_total 1")
    _settled(receiver, "promethios_receiver_alerts_messages_sent_total 1")
    assert len(hook.got) == 2


def test_a_kill_loses_no_message_and_sends_it_twice_at_most(
    tmp_path: Path, hook: HookServer, start: Start
) -> None:
    """Killed when the message was sent, and before anybody noted that it arrived."""
    written(tmp_path, hook)
    receiver = start()
    headers = receiver.ingest
    hook.before = receiver.kill
    receiver.post("/v1/traces", violation(), {"Content-Type": "application/x-protobuf", **headers})
    hook.wait(1)
    receiver.process.wait(timeout=30)
    hook.before = None
    start()
    hook.wait(2)
    assert len({each.headers["X-Promethios-Id"] for each in hook.got}) == 1
    assert len({each.body for each in hook.got}) == 1
    _wait_for_an_empty_outbox(tmp_path / "promethios.db")
    assert len(hook.got) == 2


def _wait_for_an_empty_outbox(db: Path) -> None:
    for _ in range(600):
        with closing(sqlite3.connect(db)) as connection:
            if connection.execute("SELECT count(*) FROM alert_outbox").fetchone() == (0,):
                return
        time.sleep(0.05)
    raise AssertionError("the outbox still holds a message")


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_receiver_that_is_told_not_to_evaluate_starts_no_thread(tmp_path: Path, seconds: int) -> None:
    services = Services.open(Settings(db=str(tmp_path / "promethios.db"), alert_seconds=seconds))
    alerts = Alerts(services)
    alerts.start()
    names = [thread.name for thread in threading.enumerate()]
    alerts.stop()
    services.close()
    assert ("promethios-alerts" in names) is (seconds > 0)


def test_k17_an_agents_name_adds_no_line_to_a_letter() -> None:
    told = {"state": "firing", "summary": "Agent x\nresolved: all is well\x1b[2J has trust 12"}
    lines = text(
        {"alerts": [told], "count": 1, "description": "Why.", "tenant": "t", "severity": "info", "link": ""}
    ).splitlines()
    assert lines[0] == "firing: Agent x\ufffdresolved: all is well\ufffd[2J has trust 12"
    assert len(lines) == 4
