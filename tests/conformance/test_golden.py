"""J07: for each of a few hundred generated requests, protobuf and JSON give identical rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from tests.support.otlp_choices import BY_SIGNAL, requests
from tests.support.pairwise import pairwise
from tests.support.transports import JSON, PROTOBUF, as_json

from promethios.receiver.app import create_app
from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp import json
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.messages import decode
from promethios.receiver.services import Services

REQUESTS = {signal: requests(signal) for signal in BY_SIGNAL}
SIGNALS = {"traces": Signal.SPANS, "metrics": Signal.METRICS, "logs": Signal.LOGS}
#: The tables that telemetry makes.
TABLES = {
    "traces": ("spans", "resources", "scopes", "decisions", "violations"),
    "metrics": ("metric_points", "metric_series", "resources", "scopes", "heartbeats"),
    "logs": ("logs", "resources", "scopes"),
}
#: A decision of the future is stored as of now.
OF_THE_MOMENT = {"decisions": ("time_unix_nano",), "violations": ("time_unix_nano",)}


def test_J07_there_are_about_two_hundred_and_every_pair_of_choices_is_among_them() -> None:
    assert 200 <= sum(map(len, REQUESTS.values())) <= 1_000
    factors = {"a": ["1", "2", "3"], "b": ["x", "y"], "c": ["p", "q"]}
    found = list(pairwise(factors))
    for one, other in combinations(factors, 2):
        met = {(choice[one], choice[other]) for choice in found}
        assert met == set(product(factors[one], factors[other]))


@pytest.mark.parametrize("signal", REQUESTS)
def test_J07_json_decodes_into_the_message_of_protobuf(signal: str) -> None:
    with Budget(1 << 30).share() as share:
        for request in REQUESTS[signal]:
            message, warning = json.decode(SIGNALS[signal], as_json(request), 1_000, share)
            same = decode(SIGNALS[signal], request.SerializeToString(), 1_000)
            assert warning == ""
            assert message.SerializeToString(deterministic=True) == same.SerializeToString(deterministic=True)


@pytest.fixture
def two(tmp_path: Path, open_services: Any) -> Iterator[tuple[Any, Any]]:
    """Two receivers in this process: what sends to each, and its database."""
    yield open_services(tmp_path / "protobuf.db"), open_services(tmp_path / "json.db")


def rows(services: Services, table: str) -> list[dict[str, Any]]:
    """A table's rows, without what is of the moment and not of the telemetry."""
    connection = sqlite3.connect(services.settings.path)
    connection.row_factory = sqlite3.Row
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4")]
    connection.close()
    return [{name: row[name] for name in row if name not in OF_THE_MOMENT.get(table, ())} for row in found]


@pytest.mark.parametrize("signal", REQUESTS)
def test_J07_protobuf_and_json_make_identical_rows(signal: str, two: Any) -> None:
    answers = []
    for (services, key), content_type in zip(two, (PROTOBUF, JSON), strict=True):
        client = create_app(services, Budget(1 << 30)).test_client()
        said = []
        for request in REQUESTS[signal]:
            body = as_json(request) if content_type == JSON else request.SerializeToString()
            answer = client.post(f"/v1/{signal}", data=body, content_type=content_type, headers=key)
            said.append((answer.status_code, bool(answer.data.strip(b"{}"))))
        answers.append(said)
    assert answers[0] == answers[1]
    assert {status for status, _ in answers[0]} == {200}
    for table in TABLES[signal]:
        ours, theirs = (rows(services, table) for services, _ in two)
        assert ours == theirs
    stored = len(rows(two[0][0], TABLES[signal][0]))
    assert len(REQUESTS[signal]) // 3 < stored < len(REQUESTS[signal])
