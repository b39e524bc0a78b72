"""The lists: what was decided and done row by row, and what it adds up to by tool, bundle and process."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.support.otlp import gauge, metrics_request, span
from tests.support.told import ERROR, NOW, SALE, SECOND, Ask, Tell, call, column, decided, refused, rows


def test_spans_are_told_with_what_was_decided_about_them(tell: Tell, ask: Ask) -> None:
    known: dict[str, Any] = {"provider_name": "openai", "request_model": "gpt-4o", "conversation_id": "talk"}
    chat = call(1, **known, usage_input_tokens=7, usage_output_tokens=9)
    tool = call(2, "execute_tool", tool_name="refund")
    tool.status.CopyFrom(ERROR)
    tell(chat, tool, decided(1, "flag"))
    tell(decided(3, "block", parent=1))
    stamped, tool_row, *_ = rows(ask("spans", operation="chat")) + rows(ask("spans", tool="refund"))
    assert stamped == {
        "time": NOW // 1_000_000 + 1_000,
        "agent_id": "clerk",
        "name": "chat 1",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "tool": None,
        "conversation_id": "talk",
        "duration_ms": 5.0,
        "status": "unset",
        "status_message": "",
        "verdict": "flag",
        "decision_id": "d1",
        "input_tokens": 7,
        "output_tokens": 9,
        "trace_id": SALE.hex(),
        "span_id": (1).to_bytes(8, "big").hex(),
    }
    assert (tool_row["status"], tool_row["status_message"], tool_row["verdict"]) == (
        "error",
        "no such order",
        None,
    )


def test_of_several_decisions_about_a_span_the_most_severe_is_told(tell: Tell, ask: Ask) -> None:
    tell(call(1), decided(1, "block"))
    later = decided(1, "flag")
    later.attributes[0].value.string_value = "d2"
    tell(later)
    assert column(ask("spans", operation="chat"), "decision_id") == ["d1"]


def test_a_decision_that_is_stamped_on_the_span_goes_before_all(tell: Tell, ask: Ask) -> None:
    stamp = {"promethios.decision.id": "own", "promethios.decision.verdict": "redact"}
    tell(
        span(
            "chat", {"gen_ai.operation.name": "chat", **stamp}, trace_id=SALE, span_id=(1).to_bytes(8, "big")
        )
    )
    tell(decided(1, "block"))
    (row,) = rows(ask("spans", operation="chat"))
    assert (row["decision_id"], row["verdict"]) == ("own", "redact")


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"operation": "chat"}, [3, 1]),
        ({"operation": "chat|execute_tool"}, [4, 3, 2, 1]),
        ({"model": "gpt-4o"}, [1]),
        ({"tool": "refund"}, [2]),
        ({"tool": "nothing"}, []),
        ({"status": "error"}, [2]),
        ({"status": "error|ok"}, [2]),
        ({"status": "unset", "operation": "chat"}, [3, 1]),
        ({"governed": "yes"}, [1]),
        ({"governed": "no"}, [4, 3, 2]),
        ({"governed": "yes|no", "operation": "chat"}, [3, 1]),
        ({"agent": "guest"}, [4]),
        ({"agent": "nobody"}, []),
        ({"trace": SALE.hex().upper(), "operation": "chat"}, [3, 1]),
        ({"trace": "0" * 31 + "1"}, []),
    ],
    ids=str,
)
def test_spans_by_filter(tell: Tell, ask: Ask, asked: dict[str, str], numbers: list[int]) -> None:
    tool = call(2, "execute_tool", tool_name="refund")
    tool.status.CopyFrom(ERROR)
    tell(call(1, request_model="gpt-4o"), tool, call(3), decided(1))
    tell(call(4, "execute_tool"), agent="guest")
    assert [int(name.split()[1]) for name in column(ask("spans", **asked), "name")] == numbers


def test_ungoverned_are_the_calls_that_nobody_decided_about(tell: Tell, ask: Ask) -> None:
    tell(call(1), call(2), call(3, "execute_tool"), call(4, "invoke_agent"), decided(2))
    assert column(ask("ungoverned"), "name") == ["execute_tool 3", "chat 1"]
    tell(decided(1))
    assert column(ask("ungoverned"), "name") == ["execute_tool 3"]


@pytest.mark.parametrize(
    ("path", "asked", "message"),
    [
        ("spans", {"status": "bad"}, "'status' must be one of unset, ok, error, not 'bad'"),
        ("spans", {"governed": "maybe"}, "'governed' must be yes or no, not 'maybe'"),
        ("spans", {"trace": "xyz"}, "a trace id has 32 hexadecimal digits, unlike 'xyz'"),
        ("decisions", {"trace": "0" * 33}, f"a trace id has 32 hexadecimal digits, unlike '{'0' * 33}'"),
        ("violations", {"trace": "-"}, "a trace id has 32 hexadecimal digits, unlike '-'"),
        ("ungoverned", {"status": "<b>"}, "'status' must be one of unset, ok, error, not '<b>'"),
        ("traces", {"status": "2"}, "'status' must be one of unset, ok, error, not '2'"),
        (
            "traces",
            {"min_duration": "1.5"},
            "'min_duration' must be a whole number of milliseconds, not '1.5'",
        ),
        (
            "traces",
            {"max_duration": "1|2"},
            "'max_duration' must be a whole number of milliseconds, not '1|2'",
        ),
        (
            "series/metric",
            {"name": "a|b"},
            "'name' must be one metric: /api/v1/metrics lists them",
        ),
    ],
)
def test_what_cannot_be_asked_is_told(ask: Ask, path: str, asked: dict[str, str], message: str) -> None:
    assert refused(ask(path, **asked)) == message


def test_decisions_and_violations_by_filter(tell: Tell, ask: Ask) -> None:
    shadow = ({"gen_ai.guardrail.policy.id": "tone", "promethios.policy.mode": "shadow"},)
    tell(
        decided(1, "block", ({"gen_ai.guardrail.policy.id": "budget"},), gen_ai__tool__name="refund"),
        decided(2, "flag", shadow, gen_ai__request__model="gpt-4o", gen_ai__conversation__id="talk"),
        decided(3, "allow", promethios__decision__mode="shadow"),
    )
    for asked, found in (
        ({"policy": "budget"}, ["d1"]),
        ({"policy": "tone|budget"}, ["d2", "d1"]),
        ({"policy": "none"}, []),
        ({"tool": "refund"}, ["d1"]),
        ({"model": "gpt-4o"}, ["d2"]),
        ({"conversation": "talk"}, ["d2"]),
        ({"conversation": "talk", "tool": "refund"}, []),
        ({"trace": SALE.hex()}, ["d3", "d2", "d1"]),
        ({"trace": "f" * 32}, []),
    ):
        assert column(ask("decisions", **asked), "decision_id") == found, asked
        matched = [each for each in found if each != "d3"]
        assert column(ask("violations", **asked), "decision_id") == matched, asked
    assert column(ask("decisions", mode="shadow"), "decision_id") == ["d3"]
    assert column(ask("violations", mode="shadow"), "decision_id") == ["d2"]


def test_tools_add_up_calls_and_what_was_decided_about_them(tell: Tell, ask: Ask) -> None:
    failed = call(2, "execute_tool", tool_name="refund")
    failed.status.CopyFrom(ERROR)
    refund = {"gen_ai__tool__name": "refund"}
    tell(
        call(1, "execute_tool", tool_name="refund"), failed,
        decided(1, promethios__decision__point="tool.before", **refund),
        decided(2, promethios__decision__point="tool.after", **refund),
        decided(3, "block", **refund), decided(4, "redact", **refund),
    )  # fmt: skip
    tell(decided(5, "approve", **refund), call(6, "execute_tool", tool_name="search"), agent="guest")
    refunds, search = rows(ask("tools"))
    last = NOW // 1_000_000
    assert refunds == {
        "tool": "refund",
        "calls": 2,
        "allowed": 1,
        "flagged": 0,
        "redacted": 1,
        "approved": 1,
        "blocked": 1,
        "errors": 1,
        "agents": 2,
        "last_seen": last + 5_000,
    }
    assert (search["tool"], search["calls"], search["allowed"], search["last_seen"]) == (
        "search",
        1,
        0,
        last + 6_000,
    )
    assert column(ask("tools", agent="guest"), "blocked") == [0, 0]
    assert rows(ask("tools", agent="nobody")) == []


def test_conversations_the_latest_first(tell: Tell, ask: Ask) -> None:
    match = {"gen_ai.guardrail.policy.id": "budget"}
    of = {"gen_ai__conversation__id": "talk"}
    tell(
        decided(1, **of),
        decided(3, "block", (match, match), **of),
        decided(2, gen_ai__conversation__id="other"),
    )
    tell(decided(4, **of), agent="guest")
    guests, talk, other = rows(ask("conversations"))
    at_ = NOW // 1_000_000
    assert talk == {
        "conversation_id": "talk",
        "agent_id": "clerk",
        "first_seen": at_ + 1_000,
        "last_seen": at_ + 3_000,
        "decisions": 2,
        "blocked": 1,
        "violations": 2,
        "trace_id": SALE.hex(),
    }
    assert (guests["agent_id"], guests["decisions"]) == ("guest", 1)
    assert other["conversation_id"] == "other"
    earlier = ask("conversations", from_=at_, to=at_ + 2_500, conversation="talk")
    assert [(row["last_seen"], row["decisions"]) for row in rows(earlier)] == [(at_ + 1_000, 1)]


def test_conversations_page_by_page_over_ties(tell: Tell, ask: Ask) -> None:
    spans = [decided(number, gen_ai__conversation__id=f"c{number % 7}") for number in range(1, 22)]
    for each in spans:
        each.start_time_unix_nano = each.end_time_unix_nano = NOW
    tell(*spans)
    seen, cursor = [], ""
    while cursor is not None:
        answer = ask("conversations", limit=3, cursor=cursor)
        seen += column(answer, "conversation_id")
        cursor = answer.get_json().get("cursor")
    assert sorted(seen) == [f"c{number}" for number in range(7)]


def test_bundles_and_when_they_decided(tell: Tell, ask: Ask) -> None:
    new = {"promethios__bundle__version": "2"}
    tell(decided(1), decided(2), decided(3, **new))
    tell(decided(4), agent="guest")
    at_ = NOW // 1_000_000
    assert rows(ask("bundles", sort="bundle_version")) == [
        {
            "bundle_name": "baseline",
            "bundle_version": version,
            "bundle_hash": "ab" * 32,
            "first_seen": at_ + first,
            "last_seen": at_ + last,
            "agents": agents,
            "decisions": decisions,
        }
        for version, first, last, agents, decisions in (("1", 1_000, 4_000, 2, 3), ("2", 3_000, 3_000, 1, 1))
    ]


def test_a_new_bundle_is_an_annotation_where_it_first_decided(tell: Tell, ask: Ask) -> None:
    tell(decided(1), decided(5, promethios__bundle__version="2"), decided(9, promethios__bundle__version="2"))
    at_ = NOW // 1_000_000
    new, _ = rows(ask("annotations"))
    assert new == {
        "time": at_ + 5_000,
        "time_end": None,
        "title": "policies baseline 2",
        "text": "first by clerk; SHA-256 abababababab",
        "tags": "policy",
        "agent_id": "clerk",
        "kind": "policy",
    }
    assert column(ask("annotations", from_=at_ + 6_000), "time") == []
    assert rows(ask("annotations", kind="alert")) == []
    assert rows(ask("annotations", agent="nobody")) == []


def test_trust_changes_say_how_much_and_why(tell: Tell, ask: Ask) -> None:
    tell(decided(1, "block", ({"promethios.policy.severity": "critical"},)))
    (row,) = rows(ask("trust/changes"))
    assert row["agent_id"] == "clerk"
    assert row["change"] < 0
    assert row["score"] == 405 + row["change"]
    assert (row["decision_id"], row["trace_id"]) == ("d1", SALE.hex())
    assert "not on the list" in row["reason"]
    tell(*(decided(number) for number in range(2, 60)))
    first, *later = rows(ask("trust/changes", sort="time"))
    assert first == row
    scores = [row["score"], *(each["score"] for each in later)]
    assert [each["change"] for each in later] == [new - old for old, new in itertools.pairwise(scores)]


def test_what_is_kept_and_for_how_long(tell: Tell, ask: Ask) -> None:
    tell(call(1), decided(1, "block", ({},)), call(2))
    found = {row["kind"]: row for row in rows(ask("retention"))}
    at_ = NOW // 1_000_000 + 1_000
    keep = {"keep_days": 183, "limit_bytes": None, "bytes": None}
    assert found["decisions"] == {"kind": "decisions", "rows": 1, "oldest": at_, **keep}
    assert found["violations"] == {"kind": "violations", "rows": 1, "oldest": at_, **keep}
    assert found["spans"] == {"kind": "spans", "rows": 3, "oldest": at_, **keep, "keep_days": 30}
    assert found["logs"] == {"kind": "logs", "rows": 0, "oldest": None, **keep, "keep_days": 30}
    assert set(found) == {"spans", "metric_points", "logs", "heartbeats", "decisions", "violations"}


def test_how_large_the_database_is_is_told_the_operator_only(client: FlaskClient, make_key: Any) -> None:
    def kinds(tenant: str, agent: str | None = None) -> dict[str, Any]:
        answer = client.get("/api/v1/retention", headers=make_key(tenant, "read", agent=agent))
        return {row["kind"]: row for row in rows(answer)}

    database = kinds("default")["database"]
    assert database["bytes"] > 0
    assert database["limit_bytes"] is None
    assert "database" not in kinds("default", agent="clerk")
    assert "database" not in kinds("acme")


@pytest.fixture
def measured(client: FlaskClient, make_key: Any) -> Callable[..., None]:
    """Tell the tenant `acme` of metrics of an agent."""
    ingest = {**make_key("acme", "ingest"), "Content-Type": "application/x-protobuf"}

    def told(*metrics: Any, agent: str = "clerk") -> None:
        body = metrics_request(*metrics, resource={"service.name": agent}).SerializeToString()
        assert client.post("/v1/metrics", data=body, headers=ingest).data == b""

    return told


def counter(name: str, value: int, seconds: int, *, delta: bool = False) -> Any:
    metric = gauge(name, value, time_unix_nano=NOW + seconds * SECOND)
    points = list(metric.gauge.data_points)
    metric.sum.data_points.extend(points)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 1 if delta else 2
    return metric


def values(answer: Any) -> list[Any]:
    return [row["value"] for row in rows(answer) if row["value"] is not None]


def test_metrics_are_listed_with_who_sends_them(measured: Any, ask: Ask) -> None:
    measured(*(gauge("queue", number, time_unix_nano=NOW + number * SECOND) for number in (1, 2)))
    measured(gauge("queue", 1, time_unix_nano=NOW), counter("sales", 1, 3), agent="guest")
    queue, sales = rows(ask("metrics"))
    told = {"name": "queue", "unit": "1", "type": "gauge", "agents": 2, "points": 3}
    assert queue == {**told, "last_seen": NOW // 1_000_000 + 2_000}
    assert (sales["name"], sales["type"], sales["points"]) == ("sales", "sum", 1)
    assert column(ask("metrics", agent="clerk"), "points") == [2]
    assert column(ask("metrics", name="sales"), "name") == ["sales"]
    assert rows(ask("metrics", agent="nobody")) == []


def test_a_gauge_is_its_last_value_in_each_step(measured: Any, ask: Ask) -> None:
    first = NOW // (10 * SECOND) * 10
    measured(*(gauge("queue", number, time_unix_nano=(first + number) * SECOND) for number in (1, 2, 11)))
    answer = ask("series/metric", name="queue", step=10_000, from_=first * 1_000, to=first * 1_000 + 29_999)
    assert [row["value"] for row in rows(answer)] == [2.0, 11.0, None]


def test_a_counter_is_what_it_grew_by_also_when_it_began_anew(measured: Any, ask: Ask) -> None:
    for seconds, value in ((0, 10), (1, 15), (2, 4), (3, 6)):
        measured(counter("sales", value, seconds))
    asked = {"name": "sales", "step": 1_000, "to": NOW // 1_000_000 + 4_000}
    assert values(ask("series/metric", from_=NOW // 1_000_000, **asked)) == [5.0, 4.0, 2.0]
    assert values(ask("series/metric", from_=NOW // 1_000_000 + 1_000, **asked)) == [5.0, 4.0, 2.0]


def test_deltas_add_up_and_agents_are_apart(measured: Any, ask: Ask) -> None:
    measured(*(counter("sales", value, second, delta=True) for second, value in ((1, 2), (2, 3))))
    measured(counter("sales", 7, 1, delta=True), agent="guest")
    asked = {"name": "sales", "step": 3_600_000, "from_": NOW // 1_000_000, "to": NOW // 1_000_000 + 5_000}
    found: Counter[str] = Counter()
    for row in rows(ask("series/metric", **asked)):
        found[row["agent_id"]] += row["value"] or 0
    assert found == {"clerk": 5.0, "guest": 7.0}


def test_a_metric_that_nobody_sends_is_empty(measured: Any, ask: Ask) -> None:
    measured(gauge("queue", 1))
    assert rows(ask("series/metric")) == []
    assert rows(ask("series/metric", name="none")) == []
    assert rows(ask("series/metric", name="queue", agent="nobody")) == []


EMPTY = (
    "decisions violations spans ungoverned traces conversations trust/changes tools bundles evidence "
    "compliance annotations metrics series/metric"
)


@pytest.mark.parametrize("path", EMPTY.split())
def test_an_empty_database_has_empty_lists(ask: Ask, path: str) -> None:
    assert ask(path).get_json() == {"data": []}
