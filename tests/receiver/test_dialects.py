"""What other systems told over OTLP, as recorded, ends in decisions and violations; bad words do not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.otlp import decision_span, logs_request, pairs, record, span, trace_request

from promethios.governance.operation import POINTS
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.dialects import model, table
from promethios.receiver.ingest.logs import add_logs
from promethios.receiver.ingest.spans import add_spans
from promethios.receiver.services import Services
from promethios.receiver.store import schema
from promethios.receiver.trust.folding import fold
from promethios.receiver.trust.replay import differences

PAYLOADS = Path(__file__).parent / "payloads"

Send = Callable[..., Any]
Rows = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def send(client: FlaskClient, make_key: Any) -> Send:
    """Send protobuf, or a recorded file, and give the warnings of the answers."""
    headers = make_key("default", "ingest")

    def post(path: str, body: bytes, kind: str) -> str:
        answer = client.post(path, data=body, headers={**headers, "Content-Type": kind, "Accept": kind})
        assert answer.status_code == 200, answer.data
        if kind.endswith("json"):
            return str(answer.get_json().get("partialSuccess", {}).get("errorMessage", ""))
        return answer.data.decode("utf-8", "replace")

    def send(what: Any, path: str = "/v1/traces") -> str:
        if not isinstance(what, str):
            return post(path, what.SerializeToString(), "application/x-protobuf")
        document = json.loads((PAYLOADS / f"{what}.json").read_text(encoding="utf-8"))
        bodies = [(each["path"], json.dumps(each["body"]).encode()) for each in document["requests"]]
        return "".join(post(path, body, "application/json") for path, body in bodies)

    return send


@pytest.fixture
def rows(services: Services) -> Rows:
    """The rows of a statement."""

    def ask(statement: str) -> list[dict[str, Any]]:
        with services.readers.connect() as connection:
            return [dict(row) for row in connection.exec_driver_sql(statement).mappings()]

    return ask


DECIDED: dict[str, list[tuple[str | None, ...]]] = {
    # dialect, point, verdict, policies, tool
    "agt": [
        ("agt", "tool.before", "block", "shop", None),
        ("agt", "tool.before", "approve", "shop", None),
        ("agt", "tool.before", "flag", "shop", None),
        ("agt", "tool.before", "allow", "", None),
        ("agt", "tool.before", "block", "governance_decision", "delete"),
        ("agt", "tool.before", "approve", "governance_decision", "refund"),
        ("agt", "tool.before", "flag", "governance_decision", "export"),
        ("agt", "tool.before", "allow", "", "read"),
    ],
    "mesh": [
        ("mesh", "tool.before", "block", "max-delegation-depth", "orders"),
        ("mesh", "tool.before", "allow", "", "orders"),
        ("mesh", "tool.before", "block", "no-delete", None),
        ("mesh", "tool.before", "allow", "", None),
    ],
    "nemo": [
        ("nemo", "model.before", "allow", "", None),
        ("nemo", "response", "allow", "", None),
        ("nemo", "model.before", "allow", "", None),
        ("nemo", "response", "block", "no promises", None),
        ("nemo", "model.before", "block", "no orders", None),
    ],
    "openlit": [
        ("openlit", "model.before", "allow", "", None),
        ("openlit", "model.after", "allow", "", None),
        ("openlit", "model.before", "redact", "pii", None),
        ("openlit", "model.after", "allow", "", None),
        ("openlit", "model.before", "block", "prompt_injection", None),
    ],
    "guardrails-ai": [
        ("guardrails-ai", "model.after", "allow", "", None),
        ("guardrails-ai", "model.after", "flag", "shop/no-promise", None),
        ("guardrails-ai", "model.after", "block", "shop/no-promise", None),
    ],
    "openinference-agents": [],
    "genai": [],
}


@pytest.mark.parametrize("name", DECIDED)
def test_what_was_recorded_is_what_was_decided(send: Send, rows: Rows, name: str) -> None:
    assert send(name) == ""
    decisions = rows("SELECT dialect, point, verdict, policies, tool FROM decisions")
    found = [tuple(row.values()) for row in decisions]
    assert sorted(found, key=str) == sorted(DECIDED[name], key=str)


@pytest.mark.parametrize("name", DECIDED)
def test_sent_again_it_adds_nothing(send: Send, rows: Rows, name: str) -> None:
    for _ in range(2):
        send(name)
    assert rows("SELECT count(*) AS n FROM decisions") == [{"n": len(DECIDED[name])}]
    matched = sum(1 for decided in DECIDED[name] if decided[2] != "allow")
    assert rows("SELECT count(*) AS n FROM violations") == [{"n": matched}]


#: What the chat of each recorded instrumentation says of itself, whatever it calls it.
CHATS = {
    "genai": "openai",
    "genai-old": "openai",
    "openllmetry": "openai",
    "openllmetry-old": "OpenAI",
    "openinference": "openai",
    "openlit": "openai",
}


@pytest.mark.parametrize("name", CHATS)
def test_every_recorded_instrumentation_ends_in_the_same_columns(send: Send, rows: Rows, name: str) -> None:
    send(name)
    names = "operation, provider, model, response_model, tool, conversation_id, input_tokens, output_tokens"
    found = rows(f"SELECT {names} FROM spans WHERE operation = 'chat' ORDER BY id LIMIT 1")
    model = "gpt-4o-mini"
    answered = None if name == "openinference" else model  # it says the model once
    assert [tuple(row.values()) for row in found] == [
        ("chat", CHATS[name], model, answered, None, None, 12, 5)
    ]


@pytest.mark.parametrize("name", ["genai", "genai-old", "openllmetry", "openllmetry-old", "openinference"])
def test_every_recorded_embedding_is_one(send: Send, rows: Rows, name: str) -> None:
    send(name)
    found = rows("SELECT model, input_tokens, output_tokens FROM spans WHERE operation = 'embeddings'")
    tokens = None if name == "genai-old" else 12  # it did not instrument embeddings then
    expected = [] if tokens is None else [("text-embedding-3-small", tokens, None)]
    assert [tuple(row.values()) for row in found] == expected


def test_an_agent_that_others_name_is_known_by_it(send: Send, rows: Rows) -> None:
    for name in ("agt", "mesh", "openinference-agents"):
        send(name)
    known = {row["agent_id"] for row in rows("SELECT agent_id FROM agents")}
    assert known == {"did:mesh:clerk", "clerk", "shop"}
    assert {row["agent_id"] for row in rows("SELECT agent_id FROM decisions")} == {"did:mesh:clerk", "shop"}


def test_a_decision_of_others_is_about_the_operation_around_it(send: Send, rows: Rows) -> None:
    told = span("agt.policy.evaluate", {"agt.policy.action": "deny"}, parent_span_id=b"operatio")
    alone = span("agt.policy.evaluate", {"agt.policy.action": "deny"})
    send(trace_request(told, alone))
    places = {(row["trace_id"], row["span_id"]) for row in rows("SELECT trace_id, span_id FROM decisions")}
    assert places == {(told.trace_id, b"operatio"), (alone.trace_id, alone.span_id)}


def test_what_is_told_becomes_a_violation(send: Send, rows: Rows) -> None:
    attributes = {
        "policy.name": "max-depth",
        "policy.decision": "DENY",
        "policy.reason": "depth exceeded",
        "mesh.operation.duration_ms": 1.5,
        "agent.did": "did:mesh:clerk",
        "gen_ai.request.model": "gpt-4o",
    }
    told = span("mesh.governance.policy_decision", attributes)
    send(trace_request(told))
    (violation,) = rows("SELECT * FROM violations")
    expected = {
        "agent_id": "did:mesh:clerk",
        "policy_id": "max-depth",
        "severity": "medium",
        "action": "block",
        "enforced": "block",
        "mode": "enforce",
        "reason": "depth exceeded",
        "failed": 0,
        "point": "tool.before",
        "model": "gpt-4o",
        "time_unix_nano": told.start_time_unix_nano,
        "weight": 0.0,
    }
    assert {name: violation[name] for name in expected} == expected
    (decision,) = rows("SELECT * FROM decisions")
    assert (decision["decision_id"], decision["duration_us"]) == (violation["decision_id"], 1500.0)
    assert (decision["seq"], decision["bundle_name"], decision["reason"]) == (0, "", "depth exceeded")


def test_an_id_is_made_of_tenant_trace_and_span(
    client: FlaskClient, make_key: Any, send: Send, rows: Rows
) -> None:
    told = trace_request(span("rail", {"rail.type": "input", "rail.name": "a"}))
    send(told)
    headers = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}
    client.post("/v1/traces", data=told.SerializeToString(), headers=headers)
    ids = [row["decision_id"] for row in rows("SELECT decision_id FROM decisions")]
    assert len(set(ids)) == 2
    assert all(each.startswith("nemo:") and len(each) == 37 for each in ids)


def test_a_decision_of_others_moves_no_trust(send: Send, rows: Rows) -> None:
    send("agt")
    assert rows("SELECT * FROM trust_standings") == rows("SELECT * FROM trust_scores") == []


def test_a_decision_of_others_moves_no_trust_when_it_is_deleted_or_asked_about(
    client: FlaskClient, make_key: Any, send: Send, rows: Rows, services: Services
) -> None:
    me = {"gen_ai.agent.id": "did:mesh:clerk"}
    send(trace_request(decision_span("block", ({},), me)))
    send("agt")
    send(trace_request(decision_span("allow", (), me)))
    (told,) = client.get("/api/v1/trust", headers=make_key("default", "read")).get_json()["data"]
    assert told["decisions"] == 2
    path = "/api/v1/trust/did:mesh:clerk"
    explained = client.get(path, headers=make_key("default", "read")).get_json()
    assert [each["weight"] for each in explained["decisions"]] == [1.0]
    (heaviest,) = explained["decisions"]
    assert heaviest["left"] == pytest.approx(1.0 * (1 - 1 / 200), rel=1e-3)  # one decision came after it
    (last,) = rows("SELECT max(id) AS id FROM decisions")
    services.writer.do(lambda connection: fold(connection, 1, last["id"]))
    assert [row["decisions"] for row in rows("SELECT decisions FROM trust_bases")] == [2]
    services.writer.do(lambda connection: connection.exec_driver_sql("DELETE FROM decisions"))
    with services.readers.connect() as connection:
        assert differences(connection) == (1, [])


def test_others_count_among_decisions_and_not_in_what_is_said_of_ours(
    client: FlaskClient, make_key: Any, send: Send
) -> None:
    ours = decision_span("allow", (), {"gen_ai.agent.id": "did:mesh:clerk"})
    others = [
        span("agt.policy.evaluate", {"agt.policy.action": "deny", "agt.agent.id": "did:mesh:clerk"})
        for _ in range(9)
    ]
    send(trace_request(ours, *others))
    headers = make_key("default", "read")

    def ask(path: str) -> Any:
        return client.get(f"/api/v1/{path}", headers=headers).get_json()["data"]

    (stats,) = ask("stats")
    assert (stats["decisions"], stats["blocked"], stats["p50_us"], stats["p99_us"]) == (10, 9, 42.5, 42.5)
    (agent,) = ask("agents")
    assert (agent["decisions"], agent["last_bundle_version"]) == (10, "1")
    assert sorted(row["dialect"] for row in ask("decisions")) == ["", *["agt"] * 9]


def test_a_key_of_one_agent_speaks_for_it_in_any_words(
    client: FlaskClient, make_key: Any, rows: Rows
) -> None:
    told = span("agt.policy.evaluate", {"agt.policy.action": "deny", "agt.agent.id": "clerk"})
    headers = {**make_key("default", "ingest", agent="buyer"), "Content-Type": "application/x-protobuf"}
    client.post("/v1/traces", data=trace_request(told).SerializeToString(), headers=headers)
    for table_name in ("decisions", "violations", "spans", "agents"):
        assert rows(f"SELECT agent_id FROM {table_name}") == [{"agent_id": "buyer"}]


def test_a_call_that_others_decided_about_is_governed(client: FlaskClient, make_key: Any, send: Send) -> None:
    call = span("execute_tool delete", {"gen_ai.operation.name": "execute_tool"})
    decided = span(
        "agt.policy.evaluate",
        {"agt.policy.action": "allow"},
        trace_id=call.trace_id,
        parent_span_id=call.span_id,
    )
    send(trace_request(call, span("chat", {"gen_ai.operation.name": "chat"}), decided))
    answer = client.get("/api/v1/stats", headers=make_key("default", "read"))
    assert answer.get_json()["data"][0]["coverage"] == 0.5


def test_ours_is_read_as_ours_whatever_else_it_says(send: Send, rows: Rows) -> None:
    told = decision_span("block", ({},), {"agt.policy.action": "allow", "rail.type": "input"})
    told.events.add(name="guard.evaluation", attributes=pairs({"guard.action": "deny"}))
    send(trace_request(told))
    assert [row["dialect"] for row in rows("SELECT dialect FROM decisions")] == [""]


def event(name: str, attributes: dict[str, Any], **fields: Any) -> Any:
    """A log record that is an event."""
    return record(event_name=name, attributes=pairs(attributes), **fields)


GUARDRAIL = "gen_ai.guardrail.result"
DRAFT: list[tuple[dict[str, Any], tuple[str, str, str, str, str]]] = [
    (
        {"policy.id": "gr-1", "policy.version": "2", "result.type": "action", "source": "INPUT",
         "result.value": "GUARDRAIL_INTERVENED", "risk.category": "HATE", "result.reason": "blocked"},
        ("model.before", "block", "gr-1", "HATE", "medium"),
    ),
    (
        {"component.name": "bedrock", "result.type": "action", "result.value": "NONE", "source": "OUTPUT"},
        ("model.after", "allow", "", "", ""),
    ),
    (
        {"component.name": "ContentSafetyClient", "result.type": "severity", "result.value": "6",
         "risk.category": "Violence", "risk.score": 6.0},
        ("model.before", "flag", "ContentSafetyClient", "Violence", "high"),
    ),
    (
        {"component.name": "ContentSafetyClient", "policy.rule.id": "item-7"},
        ("model.before", "flag", "ContentSafetyClient", "item-7", "medium"),
    ),
    (
        {"component.name": "no_orders", "result.type": "tripwire_triggered", "result.value": True},
        ("model.before", "block", "no_orders", "", "medium"),
    ),
    (
        {"component.name": "model-armor", "result.value": "MATCH_FOUND"},
        ("model.before", "flag", "model-armor", "", "medium"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("as_log", [True, False], ids=["log record", "span event"])
@pytest.mark.parametrize(("told", "expected"), DRAFT, ids=[expected[2] or "none" for _, expected in DRAFT])
def test_the_drafts_event_is_read_from_spans_and_records(
    send: Send, rows: Rows, told: dict[str, Any], expected: tuple[str, ...], as_log: bool
) -> None:
    attributes = {f"gen_ai.guardrail.{name}": value for name, value in told.items()}
    if as_log:
        send(logs_request(event(GUARDRAIL, attributes, trace_id=b"t" * 16, span_id=b"s" * 8)), "/v1/logs")
    else:
        guarded = span("chat", trace_id=b"t" * 16, span_id=b"s" * 8)
        guarded.events.add(name=GUARDRAIL, attributes=pairs(attributes))
        send(trace_request(guarded))
    (decision,) = rows("SELECT * FROM decisions")
    point, verdict, policy, detector, severity = expected
    assert (decision["dialect"], decision["point"], decision["verdict"]) == ("genai", point, verdict)
    assert (decision["trace_id"], decision["span_id"]) == (b"t" * 16, b"s" * 8)
    violations = rows("SELECT policy_id, detector, severity FROM violations")
    matched = [{"policy_id": policy, "detector": detector, "severity": severity}]
    assert violations == ([] if verdict == "allow" else matched)


def test_results_of_one_guardrail_are_one_decision(send: Send, rows: Rows) -> None:
    guarded = span("chat")
    for category, value in (("Hate", "0"), ("Violence", "4"), ("Sexual", "2"), ("Hate", "0")):
        attributes = {"component.name": "safety", "risk.category": category, "result.value": value}
        told = pairs({f"gen_ai.guardrail.{name}": each for name, each in attributes.items()})
        guarded.events.add(name=GUARDRAIL, attributes=told)
    send(trace_request(guarded))
    decisions = rows("SELECT decision_id, verdict, policies FROM decisions ORDER BY verdict DESC")
    assert [(row["verdict"], row["policies"]) for row in decisions] == [("flag", "safety"), ("allow", "")]
    violations = rows("SELECT decision_id, ordinal, detector, severity FROM violations ORDER BY ordinal")
    assert violations == [
        {
            "decision_id": decisions[0]["decision_id"],
            "ordinal": 0,
            "detector": "Violence",
            "severity": "medium",
        },
        {"decision_id": decisions[0]["decision_id"], "ordinal": 1, "detector": "Sexual", "severity": "low"},
    ]


@pytest.mark.parametrize(
    ("label", "verdict"),
    [("fail", "flag"), ("Not_Relevant", "flag"), ("pass", "allow"), ("splendid", None), (None, None)],
)
def test_an_evaluation_is_a_decision_where_its_label_says_what_it_means(
    send: Send, rows: Rows, label: str | None, verdict: str | None
) -> None:
    attributes = {"gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.2}
    if label is not None:
        attributes["gen_ai.evaluation.score.label"] = label
    told = event("gen_ai.evaluation.result", attributes)
    assert send(logs_request(told), "/v1/logs") == ""
    found = rows("SELECT verdict, point, dialect FROM decisions")
    expected = [{"verdict": verdict, "point": "model.after", "dialect": "evaluation"}]
    assert found == ([] if verdict is None else expected)


def test_a_record_without_a_trace_is_a_decision_all_the_same(send: Send, rows: Rows) -> None:
    told = {"event.name": "audit_entry", "agt.audit.decision": "deny", "agt.agent.id": "clerk"}
    send(logs_request(record(attributes=pairs(told))), "/v1/logs")
    assert rows("SELECT trace_id, span_id, agent_id FROM decisions") == [
        {"trace_id": b"", "span_id": b"", "agent_id": "clerk"}
    ]


def test_two_equal_records_are_two_decisions(send: Send, rows: Rows) -> None:
    told = event("audit_entry", {"agt.audit.decision": "deny"}, time_unix_nano=1)
    for _ in range(2):
        send(logs_request(told, told), "/v1/logs")
    assert len(rows("SELECT * FROM decisions")) == 2


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("agt.policy.evaluate", {"agt.action": "delete", "agt.agent_id": "a"}),
        ("checkout", {"policy.decision": "deny"}),
        ("guardrails.rail", {"rail.type": "dialog", "rail.stop": True}),
        ("guardrails.rail", {"rail.type": 7, "rail.stop": True}),
        ("guard", {"openinference.span.kind": "GUARDRAIL"}),
        ("guard", {"openinference.span.kind": "GUARDRAIL", "output.value": "a whole answer"}),
        ("chat", {"openinference.span.kind": "LLM", "output.value": "fail"}),
        ("chat", {"openinference.span.kind": ["GUARDRAIL"]}),
    ],
)
def test_what_tells_no_verdict_is_no_decision(
    send: Send, rows: Rows, name: str, attributes: dict[str, Any]
) -> None:
    assert send(trace_request(span(name, attributes))) == ""
    assert rows("SELECT * FROM decisions") == []
    assert len(rows("SELECT * FROM spans")) == 1


@pytest.mark.parametrize(
    ("name", "attributes", "verdict"),
    [
        ("rail", {"rail.type": "Input", "rail.name": "a"}, "allow"),
        ("rail", {"rail.type": "Output", "rail.name": "a", "rail.stop": True}, "block"),
        ("rail", {"rail.type": "tool_output", "rail.stop": False}, "allow"),
        ("agt.policy_violation", {"agt.decision": "flag", "agt.policy_name": "p", "agt.action": "x"}, "flag"),
        ("agt.policy.evaluate", {"agt.policy.action": "PolicyAction.DENY"}, "block"),
        ("mesh.governance.policy_check", {"policy.decision": True}, "allow"),
        ("guard", {"openinference.span.kind": "GUARDRAIL", "output.value": "Passed"}, "allow"),
    ],
)
def test_words_are_understood_as_they_are_written(
    send: Send, rows: Rows, name: str, attributes: dict[str, Any], verdict: str
) -> None:
    send(trace_request(span(name, attributes)))
    assert [row["verdict"] for row in rows("SELECT verdict FROM decisions")] == [verdict]


def test_a_guardrail_that_ends_in_an_error_stopped_something(send: Send, rows: Rows) -> None:
    told = span("no orders", {"openinference.span.kind": "GUARDRAIL"})
    told.status.code, told.status.message = 2, "an order was found"
    send(trace_request(told))
    assert rows("SELECT policy_id, action, reason FROM violations") == [
        {"policy_id": "no orders", "action": "block", "reason": "an order was found"}
    ]


@pytest.mark.parametrize("word", ["maybe", "", 7, ["deny"], "."])
def test_an_unknown_verdict_is_stored_with_a_warning(send: Send, rows: Rows, word: Any) -> None:
    answer = send(trace_request(span("agt.policy.evaluate", {"agt.policy.action": word})))
    assert answer.endswith(
        "span 'agt.policy.evaluate' was stored, but tells no decision: "
        "the attribute agt.policy.action has none of the words that are known"
    )
    assert rows("SELECT * FROM decisions") == []
    assert len(rows("SELECT * FROM spans")) == 1


def test_an_unknown_verdict_in_an_event_keeps_the_others(send: Send, rows: Rows) -> None:
    guarded = span("chat")
    for name, action in (("a", "perhaps"), ("b", "deny")):
        told = pairs({"guard.name": name, "guard.action": action, "guard.latency_ms": "fast"})
        guarded.events.add(name="guard.evaluation", attributes=told)
    assert "event 'guard.evaluation' was stored, but tells no decision" in send(trace_request(guarded))
    assert [row["policies"] for row in rows("SELECT policies FROM decisions")] == ["b"]


def test_what_is_too_long_is_cut(send: Send, rows: Rows) -> None:
    attributes = {"policy.name": "n" * 999, "policy.decision": "deny", "policy.reason": "r" * 9_999}
    send(trace_request(span("mesh.governance.policy_decision", attributes)))
    (violation,) = rows("SELECT policy_id, reason FROM violations")
    assert (len(violation["policy_id"]), len(violation["reason"])) == (200, 2_000)


def test_a_clock_that_runs_ahead_is_not_believed(send: Send, rows: Rows, services: Services) -> None:
    ahead = services.started + 10**15
    send(
        trace_request(
            span("rail", {"rail.type": "input"}, start_time_unix_nano=ahead, end_time_unix_nano=ahead)
        )
    )
    (decision,) = rows("SELECT time_unix_nano FROM decisions")
    assert services.started <= decision["time_unix_nano"] < ahead


NAMES = sorted(
    {
        *table.MARKERS,
        table.EVENT_NAME,
        "validator.on_fail",
        "agt.policy.stage",
        "agt.audit.latency_ms",
        "rail.stop",
    }
    | {name for each in table.EVENTS.values() for name, _ in each.verdict}
)
VALUES = st.one_of(
    st.sampled_from(["deny", "allow", "GUARDRAIL", "input", "audit_entry", *table.EVENTS, ""]),
    st.text(max_size=20),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=8),
    st.lists(st.text(max_size=3), max_size=3),
)
TOLD = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


def test_several_markers_of_a_dialect_on_a_span_are_one_decision() -> None:
    told = {"agt.decision": "deny", "agt.policy.action": "deny", "agt.audit.decision": "deny"}
    batch = Batch(1, "spans", 0)
    add_spans(batch, Origin(1, None), trace_request(span("mesh.governance.x", told)))
    assert len(batch.rows["decisions"]) == 1


@settings(
    deadline=None,
    derandomize=True,
    max_examples=300 if os.environ.get("CI") else 60,
    suppress_health_check=list(HealthCheck),
)
@given(TOLD, TOLD, st.sampled_from([*table.EVENTS, "other"]), st.sampled_from(["mesh.governance.x", "rail"]))
def test_whatever_is_told_is_stored_and_nothing_breaks(
    told: dict[str, Any], in_event: dict[str, Any], event_name: str, span_name: str
) -> None:
    guarded = span(span_name, told)
    guarded.events.add(name=event_name, attributes=pairs(in_event))
    batch = Batch(1, "spans", 0)
    add_spans(batch, Origin(1, None), trace_request(guarded))
    add_logs(
        batch, Origin(1, None), logs_request(event(event_name, in_event), record(attributes=pairs(told)))
    )
    assert batch.rejected == 0
    assert (len(batch.rows["spans"]), len(batch.rows["logs"])) == (1, 2)
    decided = batch.rows.get("decisions", [])
    assert all(len(row) == len(schema.decisions.columns) - 1 for row in decided)
    assert len({row[1] for row in decided}) == len(decided)
    matched = batch.rows.get("violations", [])
    assert all(len(row) == len(schema.violations.columns) - 1 for row in matched)


def every_dialect() -> list[model.Dialect]:
    return list({id(each): each for each in (*table.SPANS.values(), *table.EVENTS.values())}.values())


@pytest.mark.parametrize("dialect", every_dialect(), ids=lambda each: f"{each.name} {each.verdict[0][0]}")
def test_every_word_of_the_table_can_be_said(dialect: model.Dialect) -> None:
    assert dialect.source
    assert {*dialect.points.values(), dialect.point} - {""} <= set(POINTS)
    for _, words in dialect.verdict:
        assert all(word == word.lower().strip() and word for word in words)
    assert all(stage == stage.lower() for stage in dialect.points)


def test_every_recorded_file_says_what_made_it() -> None:
    readme = (PAYLOADS / "README.md").read_text(encoding="utf-8")
    for file in sorted(PAYLOADS.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        assert document["requests"]
        for name, version in document["made_by"].items():
            assert f"{name} {version}" in readme, file.name
        assert f"`{file.stem}`" in readme


def test_where_it_was_recorded_is_in_no_file() -> None:
    for file in PAYLOADS.glob("*.json"):
        assert "site-packages" not in file.read_text(encoding="utf-8"), file.name
