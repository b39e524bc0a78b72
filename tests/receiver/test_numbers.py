"""What models, policies, agents and coverage add up to, asked of a real receiver over real OTLP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.support.otlp import decision_span, span, trace_request
from tests.support.receiver import RunningReceiver

MINUTE = 60_000
#: Of gpt-4o a million tokens cost 2.5 dollars in, 1.25 from a cache, and 10 out.
GPT_4O = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.cache_read.input_tokens": 400,
    "gen_ai.usage.output_tokens": 100,
}
A_CALL = (600 * 2.5 + 400 * 1.25 + 100 * 10) / 1e6
OWN = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "home",
    "gen_ai.request.model": "own-7b",
    "gen_ai.usage.input_tokens": 50,
    "gen_ai.usage.output_tokens": 5,
}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund"}


def of(agent: str, attributes: dict[str, Any], **fields: Any) -> Span:
    """A span of an agent's."""
    return span(attributes={**attributes, "gen_ai.agent.name": agent}, **fields)


def decided(agent: str, verdict: str, *matches: dict[str, Any], **told: Any) -> Span:
    """A decision about an agent's operation."""
    return decision_span(verdict, matches, {"gen_ai.agent.name": agent, **told})


def match(policy: str, severity: str, **told: Any) -> dict[str, Any]:
    """What a match of a policy says beside what all say."""
    names = {
        "mode": "promethios.policy.mode",
        "failed": "promethios.policy.failed",
        "version": "gen_ai.guardrail.policy.version",
        "enforced": "gen_ai.guardrail.result.value",
    }
    common = {"gen_ai.guardrail.policy.id": policy, "promethios.policy.severity": severity}
    return common | {names[name]: value for name, value in told.items()}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that was told of a clerk, a broker and an idler."""
    with RunningReceiver(tmp_path_factory.mktemp("numbers") / "promethios.db", grpc="off") as receiver:
        trace_id, call = b"t" * 16, b"c" * 8
        failed = Status(code=Status.STATUS_CODE_ERROR)
        now = time.time_ns()
        ids = {"trace_id": trace_id, "span_id": call}
        took = {"start_time_unix_nano": now - 2_000_000_000, "end_time_unix_nano": now}
        clerk = [
            of("clerk", GPT_4O, **ids, **took),
            of("clerk", GPT_4O, status=failed),
            of("clerk", OWN),
            of("clerk", TOOL, status=failed),
            decision_span(
                "block",
                (match("cards", "high"), match("watch", "low", mode="shadow", enforced="allow")),
                {"gen_ai.agent.name": "clerk"},
                trace_id=trace_id,
                parent_span_id=call,
            ),
            decided("clerk", "flag", match("cards", "critical", version="2", failed=True)),
        ]
        broker = [of("broker", OWN), decided("broker", "block", match("cards", "high"))]
        for spans, resource in (
            (clerk, {"service.name": "shop", "service.owner": "payments"}),
            (broker, {"service.name": "bank"}),
            ([of("idler", {"gen_ai.operation.name": "invoke_agent"})], {"service.name": "idler"}),
        ):
            body = trace_request(*spans, resource=resource).SerializeToString()
            assert receiver.post("/v1/traces", body).status == 200
        yield receiver


def named(rows: list[dict[str, Any]], *keys: str) -> dict[Any, dict[str, Any]]:
    """Rows by some of their columns."""
    found = {tuple(row[key] for key in keys): row for row in rows}
    assert len(found) == len(rows)
    return {key[0] if len(keys) == 1 else key: row for key, row in found.items()}


def total(receiver: RunningReceiver, name: str, label: str, **query: Any) -> dict[str, Any]:
    """The sums of a series by its label."""
    found: dict[str, Any] = {}
    for row in receiver.data(f"series/{name}", **query):
        found[row[label]] = found.get(row[label], 0) + (row["value"] or 0)
    return found


def test_models_are_told_with_what_they_cost(told: RunningReceiver) -> None:
    rows = told.data("models")
    assert [(row["provider"], row["model"]) for row in rows] == [("home", "own-7b"), ("openai", "gpt-4o")]
    own, priced = rows
    assert {name: priced[name] for name in ("calls", "errors", "agents")} == {
        "calls": 2,
        "errors": 1,
        "agents": 1,
    }
    assert (priced["input_tokens"], priced["output_tokens"]) == (2_000, 200)
    assert priced["cost_usd"] == pytest.approx(2 * A_CALL, abs=1e-12)
    assert priced["p95_ms"] == pytest.approx(2_000, rel=1e-6)
    assert (own["calls"], own["agents"], own["cost_usd"]) == (2, 2, None)


def test_an_agents_cost_is_of_what_has_a_price_and_null_where_nothing_has(told: RunningReceiver) -> None:
    agents = named(told.data("agents"), "agent_id")
    assert agents["clerk"]["cost_usd"] == pytest.approx(2 * A_CALL, abs=1e-12)
    assert agents["broker"]["cost_usd"] is None
    assert agents["idler"]["cost_usd"] == 0


def test_agents_tell_their_owner_and_how_long_their_decisions_took(told: RunningReceiver) -> None:
    agents = named(told.data("agents"), "agent_id")
    assert [agents[name]["owner"] for name in ("clerk", "broker", "idler")] == ["payments", "", ""]
    assert [agents[name]["p95_us"] for name in ("clerk", "broker", "idler")] == [42.5, 42.5, None]
    assert [row["agent_id"] for row in told.data("agents", sort="-cost_usd")][-1] != "clerk"


def test_stats_add_up_what_the_lists_tell(told: RunningReceiver) -> None:
    (row,) = told.data("stats")
    agents = told.data("agents")
    assert row["agents"] == sum(row[f"agents_{state}"] for state in ("live", "stale", "down")) == 3
    assert row["agents_stopped"] == 0
    assert row["lowest_trust"] == min(agent["trust"] for agent in agents)
    assert (row["calls"], row["ungoverned"], row["errors"], row["shadow"]) == (5, 4, 1, 1)
    assert row["cost_usd"] == pytest.approx(2 * A_CALL, abs=1e-12)
    assert row["violations"] == sum(policy["violations"] for policy in told.data("policies")) == 4


def test_policies_are_told_by_version_severity_and_mode(told: RunningReceiver) -> None:
    rows = named(told.data("policies"), "policy_id", "version", "mode")
    cards = rows["cards", "1", "enforce"]
    assert {name: cards[name] for name in ("severity", "action", "violations", "blocked", "agents")} == {
        "severity": "high",
        "action": "block",
        "violations": 2,
        "blocked": 2,
        "agents": 2,
    }
    assert (cards["controls"], cards["shadow"], cards["failed"]) == ("EU-AI-Act/Art.15", 0, 0)
    assert cards["first_seen"] <= cards["last_seen"]
    assert (rows["cards", "2", "enforce"]["failed"], rows["cards", "2", "enforce"]["flagged"]) == (1, 1)
    watch = rows["watch", "1", "shadow"]
    assert (watch["violations"], watch["shadow"], watch["blocked"], watch["agents"]) == (1, 1, 0, 1)


def test_policies_can_be_filtered(told: RunningReceiver) -> None:
    assert {row["policy_id"] for row in told.data("policies", policy="watch|none")} == {"watch"}
    assert {row["version"] for row in told.data("policies", severity="critical")} == {"2"}


def test_offenders_are_every_agent_the_worst_first(told: RunningReceiver) -> None:
    rows = told.data("violations/by_agent")
    assert [(row["agent_id"], row["violations"]) for row in rows] == [
        ("clerk", 3),
        ("broker", 1),
        ("idler", 0),
    ]
    clerk, _, idler = rows
    assert [clerk[name] for name in ("critical", "high", "medium", "low", "blocked")] == [1, 1, 0, 1, 1]
    assert clerk["trust"] < idler["trust"]
    assert (idler["blocked"], idler["last_seen"]) == (0, None)


def test_coverage_is_told_of_every_agent(told: RunningReceiver) -> None:
    rows = named(told.data("coverage"), "agent_id")
    clerk, broker, idler = rows["clerk"], rows["broker"], rows["idler"]
    assert [clerk[name] for name in ("calls", "governed", "ungoverned", "share")] == [4, 1, 3, 0.25]
    assert [broker[name] for name in ("calls", "governed", "ungoverned", "share")] == [1, 0, 1, 0.0]
    assert [idler[name] for name in ("calls", "share", "last_ungoverned")] == [0, None, None]
    now = time.time() * 1000
    assert now - 2 * 60 * MINUTE < clerk["last_ungoverned"] <= now


def test_a_short_range_tells_the_last_ungoverned_call_to_five_minutes(told: RunningReceiver) -> None:
    now = int(time.time() * 1000)
    (row,) = told.data("coverage", from_=now - 30 * MINUTE, to=now + 1, agent="broker")
    assert row["last_ungoverned"] % (5 * MINUTE) == 0
    assert now - 30 * MINUTE <= row["last_ungoverned"] <= now


def test_series_add_up_to_the_numbers(told: RunningReceiver) -> None:
    assert total(told, "violations_by_policy", "policy_id") == {"cards": 3, "watch": 1}
    assert total(told, "shadow", "mode") == {"enforced": 3, "shadow": 1}
    assert total(told, "errors", "kind") == {"policy": 1, "model": 1, "tool": 1}
    assert total(told, "coverage", "kind") == {"governed": 1, "ungoverned": 4}
    buckets = total(told, "latency_buckets", "le")
    assert list(buckets)[:3] == ["1", "2", "5"]
    assert list(buckets)[-2:] == ["1000000", "+Inf"]
    assert {le: number for le, number in buckets.items() if number} == {"50": 3}


def test_the_cost_of_each_agent_is_null_in_a_step_without_a_price(told: RunningReceiver) -> None:
    rows = told.data("series/cost")
    assert {row["agent_id"] for row in rows} == {"clerk", "broker", "idler"}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    of_clerk = [row["value"] for row in rows if row["agent_id"] == "clerk"]
    assert sum(of_clerk) == pytest.approx(2 * A_CALL, abs=1e-12)
    of_broker = [row["value"] for row in rows if row["agent_id"] == "broker"]
    assert set(of_broker) == {0, None}
    assert of_broker.count(None) == 1


LISTS = ("models", "policies", "violations/by_agent", "coverage")
SERIES = ("violations_by_policy", "shadow", "errors", "latency_buckets", "coverage", "cost")


@pytest.mark.parametrize("path", LISTS)
def test_of_an_unknown_agent_lists_are_empty(told: RunningReceiver, path: str) -> None:
    assert told.data(path, agent="nobody") == []


@pytest.mark.parametrize("name", SERIES)
def test_of_an_unknown_agent_series_are_zero(told: RunningReceiver, name: str) -> None:
    assert {row["value"] for row in told.data(f"series/{name}", agent="nobody")} <= {0}


@pytest.mark.parametrize("path", [*LISTS, *(f"series/{name}" for name in SERIES), "stats"])
def test_an_unknown_parameter_is_refused(told: RunningReceiver, path: str) -> None:
    answer = told.get(f"/api/v1/{path}", None, colour="red")
    assert answer.status == 400
    assert answer.json()["detail"].startswith("unknown parameter 'colour'")


def test_an_empty_database_answers_everything(tmp_path: Path) -> None:
    with RunningReceiver(tmp_path / "promethios.db", grpc="off") as receiver:
        for path in LISTS:
            assert receiver.data(path) == []
        for name in ("violations_by_policy", "shadow", "errors", "latency_buckets", "coverage"):
            rows = receiver.data(f"series/{name}")
            assert rows
            assert {row["value"] for row in rows} == {0}
        assert receiver.data("series/cost") == []
        (row,) = receiver.data("stats")
    assert (row["agents"], row["lowest_trust"], row["cost_usd"], row["calls"]) == (0, None, 0, 0)
