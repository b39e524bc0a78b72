"""Whose decision it is: of operations side by side, of other traces, of other governors."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from opentelemetry import trace
from tests.support.governed import POLICIES, Traced

from promethios.governance import Governor, Operation

TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
ID = "promethios.decision.id"


def decide(governor: Governor) -> str:
    return governor.decide(Operation("tool.before", TOOL)).id


def test_a_span_that_is_named_late_has_the_decision_that_was_made_in_it(
    governor: Governor, traced: Traced
) -> None:
    tracer = traced.provider.get_tracer("acme")
    with tracer.start_as_current_span("parent"):
        spans = [tracer.start_span(f"call {number}") for number in range(3)]
        ids = []
        for span in spans:
            with trace.use_span(span, end_on_exit=False):
                ids.append(decide(governor))
        for span in spans:
            span.set_attributes(TOOL)
            span.end()
    ended = [traced.spans(f"call {number}")[0] for number in range(3)]
    assert [(span.attributes or {})[ID] for span in ended] == ids
    assert traced.points == ["tool.before"] * 3


def test_a_decision_in_another_trace_is_not_this_spans(governor: Governor, traced: Traced) -> None:
    tracer = traced.provider.get_tracer("acme")

    async def beside() -> str:
        with tracer.start_as_current_span("of another request"):
            return decide(governor)

    async def run() -> str:
        span: Any = tracer.start_span("call")
        other = await asyncio.create_task(beside())
        span.set_attributes(TOOL)
        span.end()
        return other

    other = asyncio.run(run())
    assert (traced.spans("call")[0].attributes or {})[ID] != other
    assert traced.points == ["tool.before", "tool.before", "tool.after"]


def test_a_guard_of_another_governor_keeps_no_operation_from_the_gate(traced: Traced) -> None:
    other = Governor.from_text(POLICIES)
    with (
        other.guard("tool", "search"),
        traced.provider.get_tracer("acme").start_as_current_span("call", attributes=TOOL),
    ):
        pass
    assert (traced.spans("call")[0].attributes or {})["promethios.decision.layer"] == "gate"


class Text(str):
    """A text that says when it is gone."""


@pytest.mark.parametrize("by", ["decide", "guard"])
def test_what_was_decided_on_is_not_kept(governor: Governor, traced: Traced, by: str) -> None:
    text = Text("a conversation")
    gone = weakref.ref(text)
    if by == "decide":
        governor.decide(Operation("tool.before", TOOL, arguments={"q": text}))
    else:
        with governor.guard("tool", "search", arguments={"q": text}):
            pass
    del text
    gc.collect()
    assert gone() is None
