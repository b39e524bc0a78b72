"""``/traces``: found by what one of their spans or decisions says, and told whole."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.otlp import decision_span, span
from tests.support.told import ERROR, NOW, Ask, Tell, at, column, rows

from promethios.receiver.services import Services
from promethios.receiver.store import schema


def trace(number: int) -> bytes:
    return number.to_bytes(16, "big")


def step(number: int, seconds: float, name: str = "chat", took: float = 0.005, **fields: Any) -> Any:
    """A span of a trace."""
    attributes = fields.pop("attributes", {"gen_ai.operation.name": "chat"})
    return span(name, attributes, trace_id=trace(number), **at(seconds, took), **fields)


def decision(number: int, seconds: float, verdict: str, **attributes: Any) -> Any:
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    return decision_span(verdict, (), told, trace_id=trace(number), **at(seconds, 0))


def found(answer: Any) -> list[int]:
    return [int(trace_id, 16) for trace_id in column(answer, "trace_id")]


def test_a_trace_is_told_whole_by_its_root(tell: Tell, ask: Ask) -> None:
    root = step(1, 1, "invoke_agent", took=2, span_id=b"rootspan")
    failed = step(1, 2, "execute_tool", parent_span_id=b"rootspan", status=ERROR)
    tell(failed, decision(1, 1.5, "flag"), decision(1, 1.6, "block"), agent="helper")
    tell(root)
    assert rows(ask("traces")) == [
        {
            "time": NOW // 1_000_000 + 1_000,
            "trace_id": trace(1).hex(),
            "root": "invoke_agent",
            "service_name": "shop",
            "agent_id": "clerk",
            "duration_ms": 2_000.0,
            "spans": 4,
            "errors": 1,
            "verdict": "block",
        }
    ]


def test_without_a_root_the_earliest_span_stands_for_it(tell: Tell, ask: Ask) -> None:
    tell(*(step(1, second, f"step {second}", parent_span_id=b"unknown!") for second in (2, 1, 3)))
    assert column(ask("traces"), "root") == ["step 1"]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({}, [3, 2, 1]),
        ({"status": "error"}, [2]),
        ({"name": "slow"}, [1]),
        ({"operation": "execute_tool"}, [3]),
        ({"tool": "refund"}, [3]),
        ({"model": "gpt-4o"}, [2]),
        ({"service": "shop"}, [2, 1]),
        ({"service": "shop|desk"}, [3, 2, 1]),
        ({"service": "nothing"}, []),
        ({"agent": "guest"}, [3]),
        ({"agent": "nobody"}, []),
        ({"verdict": "block"}, [2]),
        ({"verdict": "block|flag"}, [3, 2]),
        ({"verdict": "approve"}, []),
        ({"verdict": "flag", "agent": "clerk"}, []),
        ({"verdict": "block", "status": "error"}, [2]),
        ({"verdict": "block", "name": "slow"}, []),
        ({"conversation": "talk"}, [3]),
        ({"min_duration": "1000"}, [1]),
        ({"min_duration": "1001"}, []),
        ({"max_duration": "999"}, [3, 2]),
        ({"min_duration": "1", "max_duration": "999"}, [3, 2]),
    ],
    ids=str,
)
def test_traces_by_filter(tell: Tell, ask: Ask, asked: dict[str, str], numbers: list[int]) -> None:
    chat = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund"}
    tell(step(1, 1, "slow", took=1))
    tell(step(2, 3, "quick", attributes=chat, status=ERROR), decision(2, 3, "block"))
    tell(
        step(3, 5, "quick", attributes=tool),
        decision(3, 5, "flag", gen_ai__conversation__id="talk"),
        **{"agent": "guest", "service.name": "desk"},
    )
    assert found(ask("traces", **asked)) == numbers


def test_a_decision_whose_spans_are_gone_makes_no_trace(tell: Tell, ask: Ask, services: Services) -> None:
    tell(step(1, 1), decision(1, 1, "block"))
    assert found(ask("traces", verdict="block")) == [1]
    services.writer.do(lambda connection: connection.execute(schema.spans.delete()))
    assert found(ask("traces", verdict="block")) == []


def test_pages_over_ties_have_each_trace_once(tell: Tell, ask: Ask) -> None:
    tell(*(step(number, 0, span_id=bytes([place, *number.to_bytes(7, "big")]))
           for number in range(1, 12) for place in (1, 2, 3)))  # fmt: skip
    seen: list[int] = []
    cursor = ""
    while cursor is not None:
        answer = ask("traces", limit=4, cursor=cursor)
        seen += found(answer)
        cursor = answer.get_json().get("cursor")
    assert sorted(seen) == list(range(1, 12))


def test_pages_have_each_trace_once_while_spans_arrive(tell: Tell, ask: Ask) -> None:
    tell(*(step(number, number) for number in range(1, 7)))
    first = ask("traces", limit=3)
    # Later spans of traces that were shown, of some that were not, and a new trace.
    tell(*(step(number, 20 + number) for number in (1, 2, 6, 9)))
    second = ask("traces", limit=10, cursor=first.get_json()["cursor"])
    assert (found(first), found(second)) == ([6, 5, 4], [3, 2, 1])
    assert column(second, "spans") == [1, 2, 2]


def test_a_range_counts_by_the_span_that_is_as_asked_for(tell: Tell, ask: Ask) -> None:
    tell(step(1, 1), step(1, 10, status=ERROR))
    at_ = NOW // 1_000_000
    assert found(ask("traces", status="error", to=at_ + 5_000)) == []
    assert found(ask("traces", status="error", from_=at_ + 5_000)) == [1]
    assert column(ask("traces", status="error", from_=at_ + 5_000), "time") == [at_ + 1_000]
