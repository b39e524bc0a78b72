"""Who sees which numbers, and what is told of those that are too many to be shown one by one."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import decision_span, span, trace_request

CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
#: In dollars: of a thousand tokens in.
PRICE = 0.0025


@pytest.fixture
def send(client: FlaskClient, make_key: Any) -> Any:
    """Send spans of an agent of a tenant."""

    def post(agent: str, *spans: Any, tenant: str = "default") -> None:
        headers = {**make_key(tenant, "ingest"), "Content-Type": "application/x-protobuf"}
        body = trace_request(*spans, resource={"service.name": agent}).SerializeToString()
        assert client.post("/v1/traces", data=body, headers=headers).data == b""

    return post


@pytest.fixture
def ask(client: FlaskClient, make_key: Any) -> Any:
    """The rows of an answer, as a key of a tenant or of one agent sees them."""

    def rows(path: str, tenant: str = "default", key_of: str | None = None, **query: Any) -> Any:
        headers = make_key(tenant, "read", agent=key_of)
        answer = client.get(f"/api/v1/{path}", query_string=query, headers=headers)
        assert answer.status_code == 200, answer.data
        return answer.get_json()["data"]

    return rows


def call(tokens: int, model: str = "gpt-4o") -> Any:
    return span(attributes={**CALL, "gen_ai.request.model": model, "gen_ai.usage.input_tokens": tokens})


def violated(policy: str) -> Any:
    return decision_span("block", ({"gen_ai.guardrail.policy.id": policy},))


def totals(rows: Any, label: str) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for row in rows:
        found[row[label]] += row["value"] or 0
    return dict(found)


def test_the_ten_agents_that_spent_most_are_shown_and_the_others_together(send: Any, ask: Any) -> None:
    for number in range(13):
        send(f"a{number:02}", call(1_000 * (number + 1)), call(1, "own-7b"))
    found = totals(ask("series/cost"), "agent_id")
    assert found.keys() == {*(f"a{number:02}" for number in range(3, 13)), "other"}
    assert found["a12"] == pytest.approx(13 * PRICE)
    assert found["other"] == pytest.approx((1 + 2 + 3) * PRICE)


def test_an_agent_that_is_called_other_is_among_the_others(send: Any, ask: Any) -> None:
    send("clerk", call(1_000))
    send("other", call(2_000))
    found = totals(ask("series/cost"), "agent_id")
    assert found == {"clerk": pytest.approx(PRICE), "other": pytest.approx(2 * PRICE)}


def test_the_others_are_null_where_only_models_without_a_price_were_called(send: Any, ask: Any) -> None:
    for number in range(10):
        send(f"a{number}", call(1_000))
    send("zoe", call(5, "own-7b"))
    rows = [row["value"] for row in ask("series/cost") if row["agent_id"] == "other"]
    assert set(rows) == {0, None}


def test_the_ten_policies_that_matched_most_are_shown_and_the_others_together(send: Any, ask: Any) -> None:
    for number in range(12):
        send("clerk", *(violated(f"p{number:02}") for _ in range(number + 1)))
    found = totals(ask("series/violations_by_policy"), "policy_id")
    assert found == {**{f"p{number:02}": number + 1 for number in range(2, 12)}, "other": 1 + 2}


def test_a_key_of_one_agent_sees_that_agents_numbers_only(send: Any, ask: Any) -> None:
    for number in range(12):
        send(f"a{number:02}", call(1_000), violated("secret" if number else "mine"))
    (row,) = ask("stats", key_of="a00")
    assert (row["agents"], row["calls"], row["violations"]) == (1, 1, 1)
    assert row["cost_usd"] == pytest.approx(PRICE)
    assert totals(ask("series/cost", key_of="a00"), "agent_id") == {"a00": pytest.approx(PRICE)}
    assert [row["policy_id"] for row in ask("policies", key_of="a00")] == ["mine"]
    assert [(row["calls"], row["agents"]) for row in ask("models", key_of="a00")] == [(1, 1)]
    for path in ("violations/by_agent", "coverage", "agents"):
        assert [row["agent_id"] for row in ask(path, key_of="a00")] == ["a00"]
    for path in ("models", "policies", "coverage", "violations/by_agent"):
        assert ask(path, key_of="a00", agent="a01") == []


def test_the_same_names_in_another_tenant_are_counted_apart(send: Any, ask: Any) -> None:
    send("clerk", call(1_000), violated("cards"))
    send("clerk", call(5_000), violated("cards"), violated("cards"), tenant="acme")
    for tenant, thousands, violations in (("default", 1, 1), ("acme", 5, 2)):
        (model,) = ask("models", tenant)
        assert model["cost_usd"] == pytest.approx(thousands * PRICE)
        assert [row["violations"] for row in ask("policies", tenant)] == [violations]
        assert [row["violations"] for row in ask("violations/by_agent", tenant)] == [violations]
        assert totals(ask("series/cost", tenant), "agent_id") == {"clerk": pytest.approx(thousands * PRICE)}


@pytest.mark.parametrize("hostile", ["'; DROP TABLE spans --", "x" * 5_000, "<script>", "\x00", "a|b"])
def test_a_models_name_is_text_whatever_it_says(send: Any, ask: Any, hostile: str) -> None:
    send("clerk", call(10, hostile))
    (row,) = ask("models")
    # For SQLite a text ends at its first NUL.
    assert (row["model"], row["cost_usd"]) == (hostile.partition("\x00")[0][:256], None)


def test_absurd_counts_of_tokens_do_not_break_a_sum(send: Any, ask: Any) -> None:
    cached = {"gen_ai.usage.cache_read.input_tokens": 2**62, "gen_ai.usage.input_tokens": 2**62}
    send("clerk", *(span(attributes={**CALL, **cached}) for _ in range(20)))
    send("clerk", span(attributes={**CALL, "gen_ai.usage.cache_read.input_tokens": "many"}))
    (row,) = ask("models")
    assert row["calls"] == 21
    assert row["cost_usd"] == pytest.approx(20 * 10**9 * 1.25e-6)


def test_an_owner_is_what_the_latest_process_says(send: Any, ask: Any, client: Any, make_key: Any) -> None:
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    for resource in ({"team": "old"}, {"team": "new", "owner": "zoe"}, {"service.owner": 7}):
        told = {"service.name": "clerk", **resource}
        body = trace_request(span(), resource=told).SerializeToString()
        assert client.post("/v1/traces", data=body, headers=headers).data == b""
    (row,) = ask("agents")
    assert row["owner"] in ("zoe", "old")
