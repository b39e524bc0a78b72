"""Answers as CSV and as lines of JSON: whole or refused, harmless in a spreadsheet, never half of one."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from tests.support.otlp import decision_span, trace_request

from promethios.receiver.access.gate import Principal
from promethios.receiver.api import ROUTES, answering
from promethios.receiver.api.formats import encoder, headers
from promethios.receiver.openapi.rows import ROWS
from promethios.receiver.refusal import Refusal
from promethios.receiver.services import Services
from promethios.receiver.store import schema

Ask = Callable[..., Any]
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0")


@pytest.fixture
def told(client: FlaskClient, make_key: Any) -> None:
    """Three decisions, one of them about a model that is called like a formula."""
    ingest = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}
    models = ("=1+1", 'a,"b";\nc', None)
    spans = [
        decision_span("block", ({},), {"gen_ai.request.model": model} if model else {}) for model in models
    ]
    for place, each in enumerate(spans):
        each.start_time_unix_nano = each.end_time_unix_nano = time.time_ns() - place * 1_000_000_000
    assert (
        client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=ingest).data == b""
    )


@pytest.fixture
def many(services: Services, make_key: Any) -> int:
    """More decisions of `acme` than an export reads at once; how many."""
    make_key("acme", "read")
    number = 2 * answering.PAGE + 7
    columns = {
        column.name: (b"" if "id" in column.name and column.type.python_type is bytes else "")
        for column in schema.decisions.c
        if not column.nullable and column.name != "id"
    }

    def work(connection: Any) -> None:
        tenant = connection.execute(schema.tenants.select().where(schema.tenants.c.name == "acme")).one().id
        now = time.time_ns()
        rows = [
            {
                **columns,
                **{
                    column.name: 0
                    for column in schema.decisions.c
                    if column.name in columns and column.type.python_type in (int, float)
                },
                "tenant_id": tenant,
                "decision_id": f"d{place}",
                "agent_id": "clerk",
                "verdict": "allow",
                "enforced": "allow",
                "time_unix_nano": now - place * 1_000,
            }
            for place in range(number)
        ]
        connection.execute(schema.decisions.insert(), rows)

    services.writer.do(work)
    return number


def table(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))


@pytest.mark.usefixtures("told")
def test_csv_has_the_rows_of_json(ask: Ask) -> None:
    rows = ask("decisions").get_json()["data"]
    answer = ask("decisions", format="csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    found = table(answer)
    assert [each["decision_id"] for each in found] == [row["decision_id"] for row in rows]
    assert [each["model"] for each in found] == ["'=1+1", 'a,"b";\nc', ""]
    assert [float(each["duration_us"]) for each in found] == [row["duration_us"] for row in rows]
    assert list(found[0]) == list(ROWS["decisions"]["properties"])
    assert set(found[0]) == set(rows[0])


@pytest.mark.usefixtures("told")
def test_ndjson_has_the_rows_of_json(ask: Ask) -> None:
    answer = ask("decisions", format="ndjson")
    assert answer.content_type == "application/x-ndjson"
    lines = answer.get_data(as_text=True).splitlines()
    assert [json.loads(line) for line in lines] == ask("decisions").get_json()["data"]


@pytest.mark.parametrize("text", FORMULAS)
def test_k17_text_that_begins_like_a_formula_is_text(text: str) -> None:
    (head, row) = csv.reader(io.StringIO(encoder("csv", ["a"])([{"a": text}], True).decode(), newline=""))
    assert (head, row) == (["a"], [f"'{text}"])


def test_numbers_stay_numbers() -> None:
    written = encoder("csv", ["a", "b", "c", "d", "e"])
    row = {"a": -5, "b": -0.5, "c": 1e-7, "d": True, "e": None}
    assert written([row], False) == b'-5,-0.5,1e-07,"true",""\r\n'


def test_what_is_no_number_and_no_text_is_json_in_a_cell() -> None:
    (row,) = csv.reader(io.StringIO(encoder("csv", ["a"])([{"a": {"x": [1]}}], False).decode()))
    assert row == ['{"x":[1]}']


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", "text/csv"),
        ("application/x-ndjson, application/json;q=0.5", "application/x-ndjson"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/html", "application/json"),
        ("nonsense", "application/json"),
    ],
)
def test_a_client_may_say_what_it_likes(ask: Ask, accept: str, expected: str) -> None:
    answer = ask("decisions", {"Accept": accept})
    assert answer.mimetype == expected
    assert "Accept" in answer.vary


def test_what_is_asked_for_goes_before_what_is_liked(ask: Ask) -> None:
    assert ask("decisions", {"Accept": "text/csv"}, format="json").mimetype == "application/json"


@pytest.mark.parametrize("form", ["xml", "CSV", "csv|json", "application/json"])
def test_another_format_is_refused(ask: Ask, form: str) -> None:
    answer = ask("decisions", format=form)
    detail = f"'format' must be one of json, csv, ndjson, not {form!r}"
    assert (answer.status_code, answer.get_json()["detail"]) == (400, detail)


def test_a_refusal_is_a_problem_whatever_was_asked_for(ask: Ask) -> None:
    for query in ({"from": 5, "to": 4}, {"limit": "x"}, {"sort": "nothing"}, {"limit": 100_001}):
        answer = ask("decisions", format="csv", **query)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json"), query
    assert ask("agents/nobody", format="csv").status_code == 404


def test_every_route_has_a_head_where_it_has_no_rows(ask: Ask) -> None:
    for path in (route.path for route in ROUTES if "<" not in route.path):
        query = {"name": "any"} if path == "series/metric" else {}
        answer = ask(path, format="csv", **query)
        assert answer.status_code == 200, answer.data
        head = answer.get_data(as_text=True).splitlines()[0]
        assert head == ",".join(f'"{name}"' for name in ROWS[path]["properties"]), path


def test_a_file_is_named_after_what_it_holds() -> None:
    moment = 1_700_000_000_000
    named = [
        headers("csv", path, moment)["Content-Disposition"]
        for path in ("violations/by_policy", "agents/<path:agent_id>")
    ]
    assert named == [
        'attachment; filename="promethios-violations-by_policy-20231114T221320Z.csv"',
        'attachment; filename="promethios-agents-20231114T221320Z.csv"',
    ]
    assert "99991231" in headers("csv", "agents", 2**53)["Content-Disposition"]


def test_an_export_is_whole_whatever_its_length(ask: Ask, many: int) -> None:
    for sort in ("-time", "agent_id"):
        answer = ask("decisions", format="ndjson", sort=sort)
        assert answer.is_streamed
        found = [json.loads(line)["decision_id"] for line in answer.get_data().splitlines()]
        assert len(found) == len(set(found)) == many
    assert len(table(ask("decisions", format="csv"))) == many


def test_a_long_export_is_packed_on_its_way(ask: Ask, many: int) -> None:
    answer = ask("decisions", {"Accept-Encoding": "gzip"}, format="ndjson")
    assert (answer.headers["Content-Encoding"], answer.is_streamed) == ("gzip", True)
    assert len(gzip.decompress(answer.get_data()).splitlines()) == many


def test_as_many_rows_as_are_asked_for(ask: Ask, many: int) -> None:
    assert many > answering.PAGE + 1
    for limit in (1, answering.PAGE, answering.PAGE + 1):
        assert len(ask("decisions", format="ndjson", limit=limit).get_data().splitlines()) == limit


def test_an_error_in_the_middle_cuts_the_export(
    ask: Ask, many: int, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask("decisions", format="ndjson")
    parts = answer.iter_encoded()
    assert len(next(parts).splitlines()) == answering.PAGE < many
    services.writer.do(lambda connection: connection.exec_driver_sql("DROP TABLE decisions") and None)
    with pytest.raises(ConnectionAbortedError, match=r"^the export was cut$"):
        list(parts)
    assert "an export of 'decisions' was cut: " in caplog.text
    answer.close()


def test_only_so_many_long_exports_are_written_at_once(ask: Ask, many: int, services: Services) -> None:
    assert many > answering.PAGE
    most = services.settings.threads // 4
    answers = [ask("decisions", format="csv") for _ in range(most)]
    refused = ask("decisions", format="csv")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.get_json()["type"] == "tag:promethios.dev,2026:problem/overloaded"
    assert ask("decisions", format="csv", limit=10).status_code == 200, "a short one takes no place"
    answers.pop().close()
    again = ask("decisions", format="csv")
    assert again.status_code == 200
    for each in (*answers, again):
        each.close()


def test_what_would_not_be_whole_is_refused_before_it_begins(services: Services) -> None:
    route = next(route for route in ROUTES if route.path == "decisions")
    asked: list[Any] = []

    def endless(_: Services, __: Any, question: Any) -> dict[str, Any]:
        asked.append(question)
        return {"data": [{"decision_id": "d"}] * min(question.limit, 2), "cursor": "more"}

    app = Flask("other")
    with app.test_request_context("/?format=csv"):
        g.principal = Principal("key", 1, frozenset())
        view = answering.Answering(services).view(replace(route, answer=endless))
        with pytest.raises(Refusal, match=r"^there are more than 100000 rows: ask for a shorter range"):
            view()
    assert [question.skip for question in asked] == [0, 100_000]
