"""Questions: what may be asked is a list, how much is bounded, and nothing that is asked becomes SQL."""

from __future__ import annotations

import ast
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import logs_request, record
from tests.support.receiver import RunningReceiver

from promethios.receiver import api
from promethios.receiver.api import ROUTES
from promethios.receiver.api.question import MOST_ROWS
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings, SettingsError
from promethios.receiver.store.connections import STATEMENT_SECONDS, Snapshots, reader_engine
from promethios.receiver.store.schema import metadata

FOLDER = Path(api.__file__).parents[1]
#: What takes SQL as text.
TEXTUAL = {"exec_driver_sql", "literal_column", "text"}
INJECTIONS = (
    "1; DROP TABLE spans", "' OR 1=1 --", '" OR ""="', "x') UNION SELECT secret_sha256 FROM api_keys --",
    "time_unix_nano DESC", "%27%20OR%201=1", "\\'; --", "$.a[0]", "*", "spans.tenant_id",
)  # fmt: skip


def address(path: str) -> str:
    return "/api/v1/" + path.replace("<trace_id>", "a" * 32).replace("<path:agent_id>", "clerk")


@pytest.mark.parametrize("name", ["order", "order_by", "group", "group_by", "filter", "fields", "where"])
def test_k15_there_is_no_parameter_that_names_a_column(client: FlaskClient, make_key: Any, name: str) -> None:
    headers = make_key("default", "read")
    for route in ROUTES:
        answer = client.get(address(route.path), query_string={name: "tenant_id"}, headers=headers)
        assert answer.status_code == 400, route.path
        assert answer.get_json()["detail"].startswith(f"unknown parameter {name!r}: this route knows ")


@pytest.mark.parametrize("text", INJECTIONS)
def test_k15_a_filter_is_a_value_and_never_a_part_of_a_statement(
    client: FlaskClient, make_key: Any, services: Services, text: str
) -> None:
    """It finds nothing, or it is refused as a value that the filter does not take."""
    headers = make_key("default", "read")
    for route in ROUTES:
        for name in sorted(route.filters | {"agent"}):
            answer = client.get(address(route.path), query_string={name: text}, headers=headers)
            said = answer.get_json().get("detail", "")
            refused = said.startswith((f"'{name}' must be", "a trace id has 32 hexadecimal digits"))
            assert answer.status_code in ((400,) if refused else (200, 404)), (route.path, name, said)
    for name in ("from", "to", "step", "limit", "cursor", "sort"):
        answer = client.get("/api/v1/decisions", query_string={name: text}, headers=headers)
        assert answer.status_code == 400, name
    with services.readers.connect() as connection:
        for table in metadata.tables:
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}")


def test_k15_no_sql_is_built_from_text_where_questions_are_answered() -> None:
    """What is given to the database as text is a constant: no f-string, no `%`, no `+`, no `format`."""
    built, seen = [], 0
    for file in [file for folder in ("api", "access") for file in (FOLDER / folder).rglob("*.py")]:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if getattr(call.func, "attr", getattr(call.func, "id", "")) in TEXTUAL:
                seen += 1
                if not isinstance(call.args[0], ast.Constant):
                    built.append(f"{file.name}:{call.lineno}")
    assert built == []
    assert seen > 0


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({"limit": "1001"}, f"'limit' must be a whole number from 1 to {MOST_ROWS}, not '1001'"),
        ({"limit": "0"}, f"'limit' must be a whole number from 1 to {MOST_ROWS}, not '0'"),
        ({"to": "9223372036855"}, "'to' must be a whole number from 0 to 9223372036853, not '9223372036855'"),
        ({"from": "9", "to": "1"}, "'from' (9) is after 'to' (1): both are Unix milliseconds"),
        ({"agent": "x" * 10_001}, "'agent' is longer than 10000 characters"),
        ({"cursor": "1-" + "9" * 20}, "'cursor' is not one that this route gave"),
    ],
)
def test_k16_pages_and_parameters_are_bounded(
    client: FlaskClient, make_key: Any, query: dict[str, str], detail: str
) -> None:
    answer = client.get("/api/v1/logs", query_string=query, headers=make_key("default", "read"))
    assert (answer.status_code, answer.get_json()["detail"]) == (400, detail)


def test_k16_a_series_has_a_bounded_number_of_steps(client: FlaskClient, make_key: Any) -> None:
    query = {"from": "0", "to": str(10**12), "step": "1000"}
    answer = client.get("/api/v1/series/decisions", query_string=query, headers=make_key("default", "read"))
    assert answer.status_code == 400
    assert "cuts the range into more than" in answer.get_json()["detail"]


def test_k16_a_page_has_no_more_rows_than_were_asked_for(client: FlaskClient, make_key: Any) -> None:
    sent = logs_request(*(record(f"line {number}") for number in range(150)))
    client.post(
        "/v1/logs", data=sent.SerializeToString(), content_type="application/x-protobuf",
        headers=make_key("default", "ingest"),
    )  # fmt: skip
    reader = make_key("default", "read")
    assert len(client.get("/api/v1/logs", headers=reader).get_json()["data"]) == 100
    assert len(client.get("/api/v1/logs?limit=7", headers=reader).get_json()["data"]) == 7


class Impatient(Snapshots):
    """Gives every statement a twentieth of a second."""

    def deadline(self, connection: sqlite3.Connection) -> float:
        return min(super().deadline(connection), time.monotonic() + 0.05)


def test_k16_a_statement_that_takes_too_long_is_interrupted(client: FlaskClient, services: Services) -> None:
    readers = reader_engine(services.settings.path, Impatient())

    def endless() -> str:
        with readers.connect() as connection:
            connection.exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
            )
        return "never"

    client.application.add_url_rule("/health/endless", "health.endless", endless)
    answer = client.get("/health/endless")
    readers.dispose()
    assert (answer.status_code, answer.get_json()["detail"]) == (
        503,
        "the question took too long: ask for a shorter range",
    )
    assert answer.headers["Retry-After"] == "3"


def test_k16_a_statement_has_twenty_seconds_at_most(services: Services) -> None:
    snapshots = Snapshots()
    driver = sqlite3.connect(services.settings.path)
    before = time.monotonic()
    assert before < snapshots.deadline(driver) <= time.monotonic() + STATEMENT_SECONDS
    driver.close()
    assert STATEMENT_SECONDS <= 20


def test_k16_connections_and_threads_are_bounded_by_default() -> None:
    settings = Settings()
    assert (settings.connections, settings.threads) == (512, 16)


@pytest.mark.parametrize(("name", "value"), [("connections", 0), ("threads", 0), ("idle_seconds", 0)])
def test_k16_no_bound_can_be_taken_away(name: str, value: int) -> None:
    with pytest.raises(SettingsError, match=f"{name} = 0: it must be at least "):
        Settings(**{name: value})  # type: ignore[arg-type]


def test_k16_more_requests_than_threads_wait_for_their_turn(tmp_path: Path) -> None:
    few = {"PROMETHIOS_THREADS": "1", "PROMETHIOS_CONNECTIONS": "16"}
    with RunningReceiver(tmp_path / "promethios.db", environment=few) as receiver:
        statuses: list[int] = []

        def run() -> None:
            statuses.append(receiver.get("/api/v1/agents").status)

        threads = [threading.Thread(target=run) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 24
