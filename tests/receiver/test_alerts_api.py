"""Alerts and silences through the API and the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.hooks import HookServer
from tests.support.otlp import decision_span, trace_request
from tests.support.receiver import RunningReceiver, run_promethios

from promethios.governance.alerting import AlertingError
from promethios.receiver.alerts.configuration import load_alerting
from promethios.receiver.alerts.service import Alerts
from promethios.receiver.alerts.store import MOST_SILENCES
from promethios.receiver.api.alerts import LONGEST
from promethios.receiver.services import Services

SECRET = "0123456789abcdef0123456789abcdef"
CRITICAL = {"gen_ai.guardrail.policy.id": "no-secrets", "promethios.policy.severity": "critical"}
SILENCES = "/api/v1/alerts/silences"


@pytest.fixture
def violated(client: FlaskClient, services: Services, make_key: Any) -> None:
    """Two agents violated something critical, one of another tenant too, and all was evaluated."""
    for tenant, agent in (("default", "clerk"), ("default", "<b>{{7*7}}"), ("acme", "secret")):
        headers = {**make_key(tenant, "ingest"), "Content-Type": "application/x-protobuf"}
        request = trace_request(decision_span("block", (CRITICAL,)), resource={"service.name": agent})
        assert client.post("/v1/traces", data=request.SerializeToString(), headers=headers).status_code == 200
    Alerts(services).evaluator.turn()


@pytest.fixture
def ask(client: FlaskClient, make_key: Any) -> Any:
    """Ask for rows as somebody of a tenant."""

    def rows(path: str, tenant: str = "default", bound: str | None = None, **query: object) -> Any:
        answer = client.get(
            f"/api/v1/{path}", query_string=query, headers=make_key(tenant, "read", agent=bound)
        )
        assert answer.status_code == 200, answer.data
        return answer.get_json()["data"]

    return rows


def fired(rows: list[dict[str, Any]]) -> set[str]:
    return {row["agent_id"] for row in rows if row["rule"] == "critical-violation"}


@pytest.mark.usefixtures("violated")
def test_alerts_are_seen_by_their_tenant_and_a_bound_key_sees_its_agents(ask: Any) -> None:
    assert fired(ask("alerts")) == {"clerk", "<b>{{7*7}}"}
    assert fired(ask("alerts", "acme")) == {"secret"}
    assert fired(ask("alerts", bound="clerk")) == {"clerk"}


@pytest.mark.usefixtures("violated")
def test_k17_a_hostile_name_is_shown_as_it_is(ask: Any) -> None:
    (row,) = ask("alerts", rule="critical-violation", agent="<b>{{7*7}}")
    assert json.loads(row["labels"]) == {"agent_id": "<b>{{7*7}}"}
    assert row["summary"] == "Agent <b>{{7*7}} had 1 critical violations"


@pytest.mark.usefixtures("violated")
def test_an_alert_says_what_it_is(ask: Any) -> None:
    (row,) = (row for row in ask("alerts", rule="critical-violation") if row["agent_id"] == "clerk")
    assert {name: row[name] for name in ("title", "severity", "state", "value", "threshold", "silenced")} == {
        "title": "Critical violation",
        "severity": "critical",
        "state": "firing",
        "value": 1,
        "threshold": 0,
        "silenced": False,
    }
    assert row["since"] == row["last_change"]


@pytest.mark.usefixtures("violated")
def test_alerts_can_be_filtered(ask: Any) -> None:
    assert ask("alerts", state="resolved") == []
    assert fired(ask("alerts", state="firing", severity="critical")) == {"clerk", "<b>{{7*7}}"}
    assert fired(ask("alerts", rule="trust-low")) == set()


def silence(client: FlaskClient, headers: Any, **body: Any) -> Any:
    return client.post(SILENCES, json=body, headers=headers)


@pytest.mark.usefixtures("violated")
def test_a_silence_covers_its_tenants_alerts_until_it_is_ended(
    client: FlaskClient, make_key: Any, ask: Any
) -> None:
    admin = make_key("default", "admin")
    made = silence(client, admin, agent="clerk", reason="deploying", author="ann", seconds=60)
    assert made.status_code == 201
    (row,) = made.get_json()["data"]
    assert (row["agent_id"], row["rule"], row["reason"]) == ("clerk", "", "deploying")
    assert row["author"].startswith("ann (key ")
    assert row["until"] - row["created"] == 60_000
    assert ask("alerts/silences") == [row]
    assert ask("alerts/silences", "acme") == []
    quiet = {each["agent_id"]: each["silenced"] for each in ask("alerts", rule="critical-violation")}
    assert quiet == {"clerk": True, "<b>{{7*7}}": False}
    address = f"{SILENCES}/{row['silence_id']}"
    assert client.delete(address, headers=make_key("acme", "admin")).status_code == 404
    assert client.delete(address, headers=make_key("default", "read")).status_code == 403
    assert client.delete(address, headers=admin).status_code == 204
    assert client.delete(address, headers=admin).status_code == 404
    assert ask("alerts/silences") == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"rule": "trust-low"}, "a silence needs a 'reason'"),
        ({"reason": " ", "rule": "trust-low"}, "a silence needs a 'reason'"),
        (
            {"reason": "why"},
            "a silence needs a 'rule' or an 'agent': to silence everything, silence each rule",
        ),
        ({"reason": "why", "rule": "trustlow"}, "there is no rule 'trustlow': did you mean 'trust-low'?"),
        (
            {"reason": "why", "agent": "a", "seconds": 0},
            f"'seconds' must be a whole number from 1 to {LONGEST}",
        ),
        (
            {"reason": "why", "agent": "a", "seconds": True},
            f"'seconds' must be a whole number from 1 to {LONGEST}",
        ),
        ({"reason": "why", "agent": 5}, "'agent' must be text of at most 500 characters"),
        ({"reason": "x" * 501, "agent": "a"}, "'reason' must be text of at most 500 characters"),
        (
            {"reason": "why", "agents": "a"},
            "unknown field 'agents': a silence has rule, agent, seconds, reason, author",
        ),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused(
    client: FlaskClient, make_key: Any, body: dict[str, Any], said: str
) -> None:
    answer = silence(client, make_key("default", "admin"), **body)
    assert (answer.status_code, answer.get_json()["detail"]) == (400, said)


def test_only_an_administrator_silences(client: FlaskClient, make_key: Any) -> None:
    assert silence(client, make_key("default", "read"), agent="a", reason="why").status_code == 403
    assert silence(client, make_key("default", "ingest"), agent="a", reason="why").status_code == 403
    assert silence(client, {}, agent="a", reason="why").status_code == 401


def test_silences_are_bounded(client: FlaskClient, services: Services, make_key: Any) -> None:
    admin = make_key("default", "admin")
    assert silence(client, admin, agent="a", reason="why").status_code == 201
    services.writer.do(
        lambda connection: connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO alert_silences (tenant_id, rule, agent_id, reason, author, created_unix_nano, "
            "until_unix_nano) SELECT tenant_id, '', 'a', '', '', 0, until_unix_nano FROM n, alert_silences",
            (MOST_SILENCES - 1,),
        )
    )
    answer = silence(client, admin, agent="a", reason="why")
    assert (answer.status_code, answer.get_json()["detail"]) == (
        409,
        "there are 1000 silences: end some of them",
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that evaluates every second, in which something critical happened."""
    with RunningReceiver(
        tmp_path_factory.mktemp("served") / "promethios.db", environment={"PROMETHIOS_ALERT_SECONDS": "1"}
    ) as running:
        body = trace_request(decision_span("block", (CRITICAL,))).SerializeToString()
        assert running.post("/v1/traces", body).status == 200
        yield running


def wait_for_alert(receiver: RunningReceiver) -> dict[str, Any]:
    """The alert about the violation, as soon as it fires."""
    for _ in range(600):
        if rows := receiver.data("alerts", state="firing"):
            return rows[0]
        time.sleep(0.05)
    raise AssertionError("nothing fired")


def command(receiver: RunningReceiver, *arguments: str) -> Any:
    name, *further = arguments
    return run_promethios(
        "alerts", name, "--url", receiver.http, *further,
        environment={"PROMETHIOS_ADMIN_KEY": receiver.admin_key},
    )  # fmt: skip


def test_the_command_line_silences_and_lists(served: RunningReceiver) -> None:
    made = command(served, "silence", "--agent", "shop", "--reason", "a test", "--for", "30m", "--json")
    row = json.loads(made.stdout)
    assert (row["agent_id"], row["until"] - row["created"]) == ("shop", 1_800_000)
    listed = command(served, "list", "--silences")
    assert listed.stdout.startswith(f"{row['silence_id']}  every rule  agent shop  until ")
    alert = wait_for_alert(served)
    found = json.loads(command(served, "list", "--json").stdout)
    assert [(each["rule"], each["since"]) for each in found if each["state"] == "firing"] == [
        ("critical-violation", alert["since"])
    ]
    ended = command(served, "unsilence", str(row["silence_id"]))
    assert ended.stdout == f"Ended {row['silence_id']}.\n"
    again = command(served, "unsilence", str(row["silence_id"]))
    assert again.returncode == 1
    assert "there is no such silence" in again.stderr


def test_the_command_line_reads_a_database_that_nobody_holds(tmp_path: Path) -> None:
    db = str(tmp_path / "promethios.db")
    missing = run_promethios("alerts", "list", "--db", db)
    assert (missing.returncode, missing.stderr) == (1, f"Error: there is no database {db}\n")
    RunningReceiver(Path(db)).stop()
    made = run_promethios("alerts", "silence", "--db", db, "--rule", "trust-low", "--reason", "a test")
    assert made.stdout.startswith("1  trust-low  agent any  until ")
    wrong = run_promethios("alerts", "silence", "--db", db, "--rule", "trust", "--reason", "a test")
    assert wrong.stderr == "Error: there is no rule 'trust': did you mean 'trust-low'?\n"


def test_a_file_is_checked_and_its_channels_are_tried(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    with HookServer(200) as hook:
        file.write_text(
            "allow_networks: [127.0.0.0/8]\nrules: {trust-low: {enabled: false}}\nchannels:\n"
            f"  - {{name: hook, webhook: '{hook.url}', secret_env: HOOK}}\n"
            f"  - {{name: people, url: 'json://127.0.0.1:{hook.port}/${{TOKEN}}'}}\n"
        )
        secrets = {"HOOK": SECRET, "TOKEN": "t0k3n"}
        checked = run_promethios("alerts", "check", str(file), environment=secrets)
        tried = run_promethios("alerts", "test", str(file), environment=secrets)
        assert sorted(got.path for got in hook.got) == ["/hook", "/t0k3n"]
        hook.status = 500
        failed = run_promethios("alerts", "test", str(file), "--json", environment=secrets)
    assert "trust-low               warning   off" in checked.stdout
    assert "channel hook: http://127.0.0.1, critical, warning, info" in checked.stdout
    assert tried.stdout == "hook: sent\npeople: sent\n"
    assert failed.returncode == 1
    assert json.loads(failed.stdout) == {
        "hook": "it answered 500",
        "people": "Apprise could not send it",
    }
    assert "t0k3n" not in checked.stdout + tried.stdout + tried.stderr + failed.stdout + failed.stderr


def test_an_address_that_apprise_does_not_know_is_told(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("channels: [{name: odd, url: 'nonsense://x'}]\n")
    done = run_promethios("alerts", "check", str(file))
    assert done.stderr == f"Error: {file}: channel 'odd': Apprise does not know this address\n"


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("{url: 'json://x'}", "1:12: channel 1 has no 'name'"),
        (
            "{name: a b, url: 'json://x'}",
            "1:19: 'name' must be letters, digits, '.', '_' and '-', 64 at most",
        ),
        ("{name: a}", "1:12: channel 1 needs either 'url' or 'webhook'"),
        ("{name: a, url: 'json://${NONE}'}", "1:27: 'url' names ${NONE}, which is not set"),
        (
            "{name: a, webhook: 'ftp://x', secret_env: HOOK}",
            "1:31: 'webhook' must be an address such as https://hooks.example.com/alerts",
        ),
        (
            "{name: a, webhook: 'https://u:p@x', secret_env: HOOK}",
            "1:31: 'webhook' must have no user and no password; the signature is enough",
        ),
        (
            "{name: a, webhook: 'https://x'}",
            "1:12: channel 1 has no 'secret_env'; name a variable that holds 32 random characters or more",
        ),
        (
            "{name: a, webhook: 'https://x', secret_env: NONE}",
            "1:56: 'secret_env' names NONE, which is not set",
        ),
        (
            "{name: a, webhook: 'https://x', secret_env: SHORT}",
            "1:56: 'secret_env' names SHORT, which has fewer than 32 characters",
        ),
        ("{name: a, url: 'json://x'}, {name: a, url: 'json://x'}", "1:40: there are two channels named 'a'"),
        (
            "{name: a, url: 'json://x', severities: [high]}",
            "1:52: 'severities' is 'high', but must be one of critical, warning, info",
        ),
    ],
)
def test_a_mistake_in_a_channel_is_named_with_its_place(tmp_path: Path, channel: str, said: str) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(f"channels: [{channel}]\n")
    with pytest.raises(AlertingError) as caught:
        load_alerting(str(file), {"HOOK": SECRET, "SHORT": "short"})
    assert str(caught.value) == f"{file}:{said}"
    assert "short" not in str(caught.value)
