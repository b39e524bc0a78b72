"""What every route shares: order, pages, tags, and answers in gzip."""

from __future__ import annotations

import gzip
import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import decision_span, trace_request

from promethios.receiver.api import ROUTES
from promethios.receiver.api.cursors import LONGEST_CURSOR, read_cursor, write_cursor
from promethios.receiver.api.pages import cut
from promethios.receiver.api.question import MOST_ROWS, Question, parse_question
from promethios.receiver.api.routes import Shape, Sort, listing, table

Ask = Callable[..., Any]
NOW = time.time_ns()
SEVERITIES = ("low", "medium", "high", "critical")


@pytest.fixture
def told(client: FlaskClient, make_key: Any) -> Callable[..., None]:
    """Tell the tenant `acme` of decisions of an agent, one a second, with these severities and models."""
    ingest = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}
    numbers = itertools.count()

    def tell(agent: str, *decided: tuple[str, str | None]) -> None:
        spans = []
        for severity, model in decided:
            number = next(numbers)
            match = {
                "gen_ai.guardrail.policy.id": f"policy-{severity}",
                "promethios.policy.severity": severity,
            }
            attributes = {"gen_ai.request.model": model} if model else {}
            span = decision_span("block", (match,), attributes, trace_id=(number + 1).to_bytes(16, "big"))
            span.span_id = (number + 1).to_bytes(8, "big")
            span.start_time_unix_nano = span.end_time_unix_nano = (
                NOW - 60_000_000_000 + number * 1_000_000_000
            )
            spans.append(span)
        request = trace_request(*spans, resource={"gen_ai.agent.id": agent})
        assert client.post("/v1/traces", data=request.SerializeToString(), headers=ingest).data == b""

    return tell


def follow(ask: Ask, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every row of a list, page by page."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = ask(path, cursor=cursor, **query).get_json()
        rows += answer["data"]
        cursor = answer.get("cursor", "")
        if not cursor:
            return rows


def mixed(told: Callable[..., None]) -> None:
    told("b", ("high", "gpt"), ("low", None), ("critical", "claude"), ("low", "gpt"))
    told("a", ("medium", None), ("critical", "gpt"), ("high", "claude"))


LISTED = ["time", "severity", "agent_id", "policy_id", "model"]


@pytest.mark.parametrize("way", ["", "-"], ids=["up", "down"])
def test_a_list_is_sorted_and_its_pages_are_the_whole(told: Callable[..., None], ask: Ask, way: str) -> None:
    mixed(told)
    for column in LISTED:
        check_list(ask, column, way)


def check_list(ask: Ask, column: str, way: str) -> None:
    whole = ask("violations", sort=way + column).get_json()["data"]
    assert len(whole) == 7
    values = [row[column] for row in whole]
    known = [value for value in values if value is not None]
    key = SEVERITIES.index if column == "severity" else None
    assert known == sorted(known, key=key, reverse=way == "-")
    assert values[len(known) :] == [None] * (len(values) - len(known)), "rows without it come last"
    for limit in (1, 2, 3):
        assert follow(ask, "violations", sort=way + column, limit=limit) == whole


@pytest.mark.parametrize("way", ["", "-"], ids=["up", "down"])
def test_a_table_is_sorted_and_its_pages_are_the_whole(told: Callable[..., None], ask: Ask, way: str) -> None:
    mixed(told)
    for column in ("policy_id", "severity", "violations", "agents", "last_seen"):
        check_table(ask, column, way)


def check_table(ask: Ask, column: str, way: str) -> None:
    whole = ask("violations/by_policy", sort=way + column).get_json()["data"]
    assert len(whole) == 4
    values = [row[column] for row in whole]
    key = SEVERITIES.index if column == "severity" else None
    assert values == sorted(values, key=key, reverse=way == "-")
    for limit in (1, 2, 3):
        assert follow(ask, "violations/by_policy", sort=way + column, limit=limit) == whole


def test_a_table_has_its_own_order(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    counts = [row["violations"] for row in ask("violations/by_policy").get_json()["data"]]
    assert counts == [2, 2, 2, 1]
    assert [row["agent_id"] for row in ask("agents").get_json()["data"]] == ["a", "b"]


def test_rows_of_one_moment_are_on_one_page_each(client: FlaskClient, ask: Ask, make_key: Any) -> None:
    ingest = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}
    spans = [decision_span("flag", ({},)) for _ in range(5)]
    for each in spans:
        each.start_time_unix_nano = each.end_time_unix_nano = NOW
    client.post("/v1/traces", data=trace_request(*spans).SerializeToString(), headers=ingest)
    for sort in ("time", "-time", "verdict", "-agent_id"):
        ids = [row["decision_id"] for row in follow(ask, "decisions", sort=sort, limit=2)]
        assert len(ids) == len(set(ids)) == 5, sort


def test_what_is_added_meanwhile_moves_no_row_to_another_page(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    first = ask("violations", limit=3).get_json()
    told("c", ("low", None), ("low", None))
    rest = ask("violations", limit=10, cursor=first["cursor"]).get_json()
    assert len(first["data"]) + len(rest["data"]) == 7
    assert not any(row in first["data"] for row in rest["data"])


def test_the_columns_to_sort_by_are_columns_of_the_answer(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    for route in ROUTES:
        rows = ask(route.path).get_json().get("data") if "<" not in route.path else None
        for row in rows or []:
            assert set(route.sortable) <= set(row), route.path
            assert set(route.key) <= set(row), route.path


def test_every_list_takes_every_order_that_it_names(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    asked = [
        (route.path, way + column)
        for route in ROUTES
        if "<" not in route.path
        for column in route.sortable
        for way in ("", "-")
    ]
    statuses = {(path, sort): ask(path, sort=sort, limit=1).status_code for path, sort in asked}
    assert {each: status for each, status in statuses.items() if status != 200} == {}


@pytest.mark.parametrize("sort", ["tenant_id", "id", "-", "--time", "time,agent_id", "time DESC", "reason"])
def test_another_column_is_refused(ask: Ask, sort: str) -> None:
    answer = ask("violations", sort=sort)
    assert answer.status_code == 400
    assert answer.get_json()["detail"] == (
        "'sort' must be one of "
        + ", ".join(next(route for route in ROUTES if route.path == "violations").sortable)
        + ", with '-' for the reverse"
    )


def test_what_has_no_order_to_choose_does_not_know_the_parameter(ask: Ask) -> None:
    answer = ask("stats", sort="decisions")
    assert answer.get_json()["detail"].startswith("unknown parameter 'sort': this route knows agent, ")


def test_a_cursor_is_of_one_order(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    cursor = ask("violations", limit=1, sort="agent_id").get_json()["cursor"]
    answer = ask("violations", cursor=cursor)
    assert (answer.status_code, answer.get_json()["detail"]) == (
        400,
        "'cursor' is of another 'sort': ask for its first page without one",
    )


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "12-34",
        "é",
        "=" * 8,
        "A" * (LONGEST_CURSOR + 1),
        write_cursor("-time", ()),
        write_cursor("-time", (1, 2)),
        write_cursor("-time", (1, 2, 3, 4)),
        write_cursor("-time", (1, "2", 3)),
        write_cursor("-time", (1, 2.5, 3)),
        write_cursor("-time", (1, True, 3)),
        write_cursor("-time", (1, 2, 2**63)),
        write_cursor("-time", ([1], 2, 3)),
        write_cursor("-time", ({"a": 1}, 2, 3)),
    ],
)
def test_what_is_no_cursor_is_refused(ask: Ask, cursor: str) -> None:
    answer = ask("violations", cursor=cursor)
    assert (answer.status_code, answer.get_json()["detail"]) == (
        400,
        "'cursor' is not one that this route gave",
    )


@pytest.mark.parametrize(
    "place", [(1,), (1, "policy", "low", "more"), ("two", "policy", "low"), (1, 2, 3), (None, None, 7)]
)
def test_what_is_no_cursor_of_a_table_is_refused_or_behind_nothing(
    told: Callable[..., None], ask: Ask, place: tuple[Any, ...]
) -> None:
    mixed(told)
    answer = ask("violations/by_policy", cursor=write_cursor("-violations", place))
    assert answer.status_code == 400 or answer.get_json()["data"] == []


def test_a_cursor_shows_nothing_of_another_tenant(
    told: Callable[..., None], ask: Ask, client: FlaskClient, make_key: Any
) -> None:
    mixed(told)
    cursor = ask("violations", limit=1).get_json()["cursor"]
    other = client.get(f"/api/v1/violations?cursor={cursor}", headers=make_key("other", "read"))
    assert other.get_json() == {"data": []}


@pytest.mark.parametrize("place", [(), (1,), (None, 1.5, "é", -(2**62))])
def test_a_cursor_is_read_as_it_was_written(place: tuple[Any, ...]) -> None:
    written = write_cursor("-score", place or (0,))
    assert read_cursor(written, "-score") == (place or (0,))
    assert written.isascii()


def test_nulls_in_a_key_have_their_place() -> None:
    route = table("models", dict, key="provider model", sort="calls")
    rows = [
        {"provider": "x", "model": None, "calls": 1},
        {"provider": "x", "model": "a", "calls": None},
        {"provider": None, "model": "a", "calls": 1},
    ]
    for sort in (Sort("calls", True), Sort("calls", False), Sort("model", True), Sort("provider", False)):
        question = Question(0, 1, 1_000, 100, None, {}, sort)
        whole = cut(question, route, rows)["data"]
        seen, cursor = [], None
        for _ in rows:
            page = cut(Question(0, 1, 1_000, 1, cursor, {}, sort), route, rows)
            seen += page["data"]
            cursor = read_cursor(page.get("cursor", ""), None)
        assert seen == whole
        assert len(whole) == 3


def test_a_list_has_a_hundred_rows_by_itself_and_a_table_all() -> None:
    assert parse_question({}, listing("x", dict)).limit == 100
    assert parse_question({}, table("x", dict, key="a")).limit == MOST_ROWS
    assert {route.shape for route in ROUTES} == set(Shape)


def test_who_has_an_answer_already_gets_304(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    first = ask("violations")
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    again = ask("violations", {"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert "Content-Type" not in again.headers
    assert ask("violations", {"If-None-Match": f'"other", {tag}'}).status_code == 304
    assert ask("violations", {"If-None-Match": 'W/"other"'}).data == first.data


def test_another_answer_has_another_tag(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    tag = ask("violations").headers["ETag"]
    told("c", ("low", None))
    answer = ask("violations", {"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag


def test_a_tag_takes_nobody_past_the_gate(told: Callable[..., None], ask: Ask, client: FlaskClient) -> None:
    mixed(told)
    tag = ask("violations").headers["ETag"]
    assert client.get("/api/v1/violations", headers={"If-None-Match": tag}).status_code == 401


def test_what_has_a_tag_is_packed_and_its_tag_is_the_same(told: Callable[..., None], ask: Ask) -> None:
    mixed(told)
    plain = ask("violations", {"Accept-Encoding": "identity"})
    packed = ask("violations", {"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert {"Accept", "Accept-Encoding"} <= set(packed.vary)
    again = ask("violations", {"Accept-Encoding": "gzip", "If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304


def test_an_answer_is_kept_by_no_cache(ask: Ask) -> None:
    assert ask("violations").headers["Cache-Control"] == "no-store"
