"""Each alert rule of the provisioned file, asked as Grafana asks: it fires on bad data, and not on good."""

from __future__ import annotations

import json
import operator
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.support.golang import NotBuilt
from tests.support.infinity import Infinity
from tests.support.infinity_backend.running import InfinityBackend
from tests.support.receiver import RunningReceiver, read_key
from tests.support.telemetry import Hit, model_call, reporting_agent, tool_call

_FILE = resources.files("promethios.dashboards") / "provisioning/alerting/promethios.yaml"
PROVISIONED: dict[str, dict[str, Any]] = {
    rule["uid"]: rule for rule in YAML(typ="safe").load(_FILE.read_bytes())["groups"][0]["rules"]
}
_STALE = "promethios-ingest-stale"
_EVALUATORS = {"gt": operator.gt, "lt": operator.lt}
_CRITICAL = Hit("no-secrets", "critical", "block", "a secret")

#: From the uid of a rule to its alerts: their labels and numbers.
_Numbers = Mapping[str, Mapping[str, float]]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Numbers]:
    """What Grafana gets of a good agent and a bad one, and of a tenant before and after a long silence."""
    db = tmp_path_factory.mktemp("alerts") / "promethios.db"
    with RunningReceiver(db) as receiver:
        key = read_key(receiver)
        _tell(receiver)
        found = {uid: dict(_asked(receiver, key, uid)) for uid in PROVISIONED}
    _be_silent(db)
    with RunningReceiver(db) as receiver:
        found[_STALE] = {
            "good": found[_STALE]["default"],
            "bad": dict(_asked(receiver, key, _STALE))["default"],
        }
    yield found


def _tell(receiver: RunningReceiver) -> None:
    with reporting_agent("good", receiver.http, receiver.ingest_key) as good:
        for _ in range(50):
            good.run(60, model_call(tokens=(10, 5)))
    with reporting_agent("bad", receiver.http, receiver.ingest_key) as bad:
        for _ in range(20):
            bad.run(60, replace(model_call(_CRITICAL, tokens=(6_000_000, 5)), took=80_000.0))
        bad.lose()
        bad.run(60, tool_call("search"), model_call(decided=False))
    now = int(time.time() * 1000)
    for agent, ago in (("good", 1_000), ("bad", 480_000)):
        beat = json.dumps({"agent_id": agent, "value": 1, "time": now - ago}).encode()
        headers = {"Content-Type": "application/json", "x-api-key": receiver.ingest_key}
        answer = receiver.post("/api/v1/heartbeat", beat, headers)
        assert answer.status == 200, answer.body


def _be_silent(db: Path) -> None:
    long_ago = time.time_ns() - 900 * 10**9
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE tenants SET last_ingest_unix_nano = ?", (long_ago,))
    connection.close()


def _asked(receiver: RunningReceiver, key: str, uid: str) -> Iterator[tuple[str, float]]:
    query, _ = PROVISIONED[uid]["data"]
    try:
        backend = InfinityBackend(receiver.http, key)
    except NotBuilt as reason:
        pytest.skip(str(reason))
    with backend:
        made = backend.ask(query["model"], Infinity(receiver.http, key, {}))
    assert made.alerts
    (label,) = [field for field in made.frame.fields if field.kind == "string"]
    yield from zip(label.values, made.frame.field("value").values, strict=True)


def _fires(uid: str, value: float) -> bool:
    _, condition = PROVISIONED[uid]["data"]
    assert PROVISIONED[uid]["condition"] == condition["refId"]
    evaluator = condition["model"]["conditions"][0]["evaluator"]
    return bool(_EVALUATORS[evaluator["type"]](value, *evaluator["params"]))


@pytest.mark.parametrize("uid", sorted(PROVISIONED))
def test_rule_fires_on_bad_data(uid: str, numbers: _Numbers) -> None:
    assert _fires(uid, numbers[uid]["bad"]), numbers[uid]


@pytest.mark.parametrize("uid", sorted(PROVISIONED))
def test_rule_does_not_fire_on_good_data(uid: str, numbers: _Numbers) -> None:
    assert not _fires(uid, numbers[uid]["good"]), numbers[uid]


@pytest.mark.parametrize("uid", sorted(set(PROVISIONED) - {_STALE}))
def test_each_agent_has_its_own_alert(uid: str, numbers: _Numbers) -> None:
    assert set(numbers[uid]) == {"good", "bad"}
