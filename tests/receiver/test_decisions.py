"""From governance spans to decisions and violations, and from attributes of every dialect to columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.support.otlp import decision_span, gauge, metrics_request, span, trace_request

from promethios.receiver.ingest.normalise import agent_of, genai_of
from promethios.receiver.services import Services


@pytest.fixture
def send(client: Any, make_key: Any) -> Any:
    """Send protobuf to the traces' endpoint."""
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    return lambda request, path="/v1/traces": client.post(
        path, data=request.SerializeToString(), headers=headers
    )


def one(services: Services, table: str) -> Any:
    with services.readers.connect() as connection:
        return connection.exec_driver_sql(f"SELECT * FROM {table}").mappings().one()


def test_a_governance_span_becomes_a_decision(send: Any, services: Services) -> None:
    told = decision_span(
        "block",
        ({}, {"gen_ai.guardrail.policy.id": "budget", "promethios.policy.severity": "low"}),
        {
            "promethios.decision.id": "d" * 32,
            "promethios.decision.seq": 7,
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.conversation.id": "c1",
            "gen_ai.agent.name": "clerk",
            "service.instance.id": "i1",
        },
        parent_span_id=b"operatio",
    )
    assert send(trace_request(told)).data == b""
    row = one(services, "decisions")
    expected = {
        "decision_id": "d" * 32,
        "agent_id": "clerk",
        "instance_id": "i1",
        "seq": 7,
        "point": "model.before",
        "verdict": "block",
        "enforced": "block",
        "mode": "enforce",
        "model": "gpt-4o",
        "conversation_id": "c1",
        "policies": "model-list, budget",
        "reason": "not on the list",
        "duration_us": 42.5,
        "bundle_version": "1",
        "trace_id": told.trace_id,
        "span_id": b"operatio",
        "time_unix_nano": told.start_time_unix_nano,
    }
    assert {name: row[name] for name in expected} == expected


def test_each_match_becomes_a_violation(send: Any, services: Services) -> None:
    evidence = ["pii.card input[0].content 3-19 0123456789abcdef"]
    match = {
        "gen_ai.guardrail.risk.category": "pii.card",
        "gen_ai.guardrail.result.value": "allow",
        "promethios.policy.mode": "shadow",
        "promethios.policy.failed": True,
        "promethios.policy.evidence": evidence,
    }
    told = decision_span("redact", (match,), {"gen_ai.tool.name": "search"})
    send(trace_request(told))
    row = one(services, "violations")
    expected = {
        "policy_id": "model-list",
        "severity": "high",
        "action": "redact",
        "enforced": "allow",
        "mode": "shadow",
        "reason": "not on the list",
        "detector": "pii.card",
        "failed": 1,
        "tool": "search",
        "ordinal": 0,
        "span_id": told.span_id,
    }
    assert {name: row[name] for name in expected} == expected
    assert json.loads(row["evidence"]) == evidence
    assert json.loads(row["controls"]) == ["EU-AI-Act/Art.15"]


def test_decisions_sent_again_add_no_row(send: Any, services: Services) -> None:
    told = decision_span("flag", ({}, {}))
    for _ in range(2):
        send(trace_request(told, span()))
    with services.readers.connect() as connection:
        for table, number in (("decisions", 1), ("violations", 2)):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == number


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"promethios.decision.id": ""}, "the attribute promethios.decision.id is missing or not text"),
        (
            {"promethios.decision.verdict": "maybe"},
            "the attribute promethios.decision.verdict is not one of allow, flag, redact, approve, block",
        ),
        ({"promethios.decision.seq": True}, "the attribute promethios.decision.seq is not a number from 1"),
        (
            {"promethios.decision.duration_us": "fast"},
            "the attribute promethios.decision.duration_us is not a number of microseconds",
        ),
    ],
)
def test_a_span_that_tells_a_decision_wrongly_is_stored_with_a_warning(
    send: Any, services: Services, wrong: dict[str, Any], reason: str
) -> None:
    answer = send(trace_request(decision_span(attributes=wrong)))
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_spans, partial.error_message) == (
        0,
        f"span 'promethios.decide' was stored, but tells no decision: {reason}",
    )
    assert one(services, "spans")["name"] == "promethios.decide"
    with services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM decisions").scalar() == 0


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.usage.input_tokens": 5,
                "gen_ai.usage.output_tokens": 7,
            },
            ("chat", "openai", "gpt-4o", None, None, None, 5, 7),
        ),
        (
            {
                "gen_ai.system": "openai",
                "llm.request.type": "chat",
                "gen_ai.usage.prompt_tokens": 5,
                "gen_ai.usage.completion_tokens": 7,
            },
            ("chat", "openai", None, None, None, None, 5, 7),
        ),
        (
            {
                "openinference.span.kind": "LLM",
                "llm.model_name": "gpt-4o",
                "llm.token_count.prompt": 5,
                "session.id": "s1",
            },
            ("chat", None, "gpt-4o", None, None, "s1", 5, None),
        ),
        (
            {"openinference.span.kind": "TOOL", "tool.name": "search"},
            ("execute_tool", None, None, None, "search", None, None, None),
        ),
        (
            {"gen_ai.request.model": 7, "gen_ai.usage.input_tokens": "5", "gen_ai.tool.name": ""},
            (None,) * 8,
        ),
    ],
    ids=["today", "earlier conventions", "OpenInference", "its tools", "wrong types"],
)
def test_every_dialect_ends_in_the_same_columns(
    attributes: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert genai_of(attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "resource", "agent"),
    [
        ({"gen_ai.agent.id": "a", "gen_ai.agent.name": "b"}, {"service.name": "s"}, "a"),
        ({"gen_ai.agent.name": "b"}, {"gen_ai.agent.id": "r"}, "b"),
        ({}, {"gen_ai.agent.name": "r", "service.name": "s"}, "r"),
        ({}, {"service.name": "s"}, "s"),
        ({"gen_ai.agent.id": ""}, {}, "unknown"),
    ],
)
def test_an_agent_is_known_by_its_best_name(
    attributes: dict[str, Any], resource: dict[str, Any], agent: str
) -> None:
    assert agent_of(attributes, resource) == agent


def test_a_heartbeat_is_a_row_of_its_own(send: Any, services: Services) -> None:
    resource = {"service.name": "shop", "service.instance.id": "i1"}
    request = metrics_request(gauge("promethios.agent.heartbeat", 1, time_unix_nano=5), resource=resource)
    for _ in range(2):
        send(request, "/v1/metrics")
    row = one(services, "heartbeats")
    assert (row["agent_id"], row["instance_id"], row["time_unix_nano"], row["value"]) == (
        "shop",
        "i1",
        5,
        1.0,
    )
    assert one(services, "agents")["last_seen_unix_nano"] == 5
