"""LangGraph's runs: agents of `create_agent` with a real client and a local model; instrumented by others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from tests.support.agents import AGENT_POLICIES, KEY, told
from tests.support.governed import CARD, MakeTraced, Traced
from tests.support.relay import LangchainInstrumentor

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import LangChainGuard, LangGraphGuard, OpenAIGuard
from promethios.governance.enforcement.ambient import ambient_attributes, running
from promethios.receiver.demo.llm import StandIn

CLEAN = "[REDACTED:pii.card]"
GUARDS = (OpenAIGuard, LangChainGuard, LangGraphGuard)
WAYS = ("sync", "async", "sync stream", "async stream")


@pytest.fixture
def llm() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(AGENT_POLICIES)


@pytest.fixture
def guard(governor: Governor) -> Iterator[None]:
    for each in GUARDS:
        each().instrument(governor=governor)
    yield
    for each in GUARDS:
        each().uninstrument()


@pytest.fixture
def ran() -> list[Any]:
    return []


@pytest.fixture
def agent(llm: StandIn, ran: list[Any]) -> Any:
    @tool
    def pay(card: str) -> str:
        """Pay."""
        ran.append(card)
        return f"paid with {card}"

    @tool
    def delete_all(path: str) -> str:
        """Delete."""
        ran.append(path)
        return "gone"

    @tool
    def customer(name: str) -> str:
        """Look a customer up."""
        ran.append(name)
        return f"{name} has card {CARD}"

    model = ChatOpenAI(model="gpt-4o-mini", base_url=llm.url, api_key="unused", max_retries=0)  # type: ignore[arg-type]
    return create_agent(model, [pay, delete_all, customer], name="shop", checkpointer=InMemorySaver())


def asking(text: str) -> dict[str, Any]:
    return {"messages": [HumanMessage(text)]}


def go(agent: Any, way: str, text: str, thread: str = "t-1", **options: Any) -> Any:
    """Run `agent` in one of four ways; what it gave, or the parts of it."""
    config = {"configurable": {"thread_id": thread}}

    async def parts() -> list[Any]:
        return [part async for part in agent.astream(asking(text), config, **options)]

    if way == "sync":
        return agent.invoke(asking(text), config, **options)
    if way == "async":
        return asyncio.run(agent.ainvoke(asking(text), config, **options))
    if way == "sync stream":
        return list(agent.stream(asking(text), config, **options))
    return asyncio.run(parts())


def each_way(what: str, point: str) -> Any:
    marks = {way: pytest.mark.proves("langgraph", point, what, way) for way in WAYS}
    return pytest.mark.parametrize("way", [pytest.param(way, marks=mark) for way, mark in marks.items()])


def replies(text: str, name: str = "shop", **options: Any) -> Any:
    """A graph that answers with `text`."""
    built = StateGraph(MessagesState).add_node("reply", lambda state: {"messages": [AIMessage(text)]})
    return built.add_edge(START, "reply").add_edge("reply", END).compile(name=name, **options)


@each_way("blocked", "agent.before")
def test_a_denied_agent_does_not_run(guard: None, traced: Traced, way: str) -> None:
    with pytest.raises(PolicyViolation, match="blocked by policy 'no-rogue': this agent may not run"):
        go(replies("hi", "rogue-7"), way, "hello")
    assert traced.points == ["agent.before"]


@each_way("redacted", "agent.before")
def test_an_agent_gets_redacted_input(guard: None, agent: Any, llm: StandIn, way: str) -> None:
    given = go(agent, way, f"write about {CARD}")
    assert " 1111" not in str(given)
    assert " 1111" not in json.dumps(llm.requests)
    state = agent.get_state({"configurable": {"thread_id": "t-1"}})
    assert state.values["messages"][0].content == f"write about {CLEAN}"  # nor is it in what is kept


@each_way("blocked", "agent.after")
def test_an_output_is_withheld(guard: None, traced: Traced, way: str) -> None:
    with pytest.raises(PolicyViolation, match=r"agent\.after blocked by policy 'secret-results'"):
        go(replies(f"the key is {KEY}"), way, "hello")
    assert traced.points == ["agent.before", "agent.after"]
    assert traced.decisions[-1].attributes["promethios.decision.enforced"] == "block"


@each_way("redacted", "agent.after")
def test_an_output_comes_back_redacted(guard: None, traced: Traced, way: str) -> None:
    given = go(replies(f"card {CARD}"), way, "hello")
    assert " 1111" not in str(given)
    assert f"card {CLEAN}" in str(given)
    assert traced.points == ["agent.before", "agent.after"]
    assert traced.decisions[-1].attributes["promethios.decision.enforced"] == "redact"


@pytest.mark.parametrize("mode", ["values", "updates", ["values", "updates"], "debug"])
def test_every_mode_of_streaming_is_redacted(guard: None, mode: Any) -> None:
    given = go(replies(f"card {CARD}"), "sync stream", "hello", stream_mode=mode)
    assert given
    assert " 1111" not in str(given)


@each_way("seen", "agent.after")
def test_a_run_and_all_within_belong_to_agent_and_thread(
    guard: None, agent: Any, traced: Traced, ran: list[Any], way: str
) -> None:
    go(agent, way, f'call pay {{"card": "{CARD}"}}', "t-9")
    assert ran == [CLEAN]
    whole_turn = ["model.before", "model.after"]
    within = [*whole_turn, "tool.before", "tool.after", *whole_turn]
    assert traced.points == ["agent.before", *within, "agent.after"]
    decided = [dict(span.attributes or {}) for span in traced.decisions]
    assert {each["gen_ai.agent.name"] for each in decided} == {"shop"}
    assert {each["gen_ai.conversation.id"] for each in decided} == {"t-9"}


@pytest.mark.parametrize("way", WAYS)
def test_a_denied_tool_ends_the_run(guard: None, agent: Any, ran: list[Any], llm: StandIn, way: str) -> None:
    with pytest.raises(PolicyViolation, match="nothing may be deleted"):
        go(agent, way, 'call delete_all {"path": "/"}')
    assert ran == []
    assert len(llm.requests) == 1


def test_a_middleware_may_let_the_model_read_why(guard: None, llm: StandIn, ran: list[Any]) -> None:
    @tool
    def delete_all(path: str) -> str:
        """Delete."""
        ran.append(path)
        return "gone"

    @wrap_tool_call  # type: ignore[arg-type]
    def explained(request: Any, handler: Any) -> Any:
        try:
            return handler(request)
        except PolicyViolation as violation:
            return ToolMessage(str(violation), tool_call_id=request.tool_call["id"], status="error")

    model = ChatOpenAI(model="gpt-4o-mini", base_url=llm.url, api_key="unused", max_retries=0)  # type: ignore[arg-type]
    agent = create_agent(model, [delete_all], middleware=[explained])
    given = go(agent, "sync", 'call delete_all {"path": "/"}')
    assert given["messages"][-1].content.endswith("blocked by policy 'no-delete': nothing may be deleted")
    assert ran == []


def test_a_redacted_result_is_what_the_model_reads(guard: None, agent: Any, llm: StandIn) -> None:
    given = go(agent, "sync", 'call customer {"name": "Ann"}')
    assert given["messages"][2].content == f"Ann has card {CLEAN}"
    assert llm.requests[1]["messages"][-1]["content"] == f"Ann has card {CLEAN}"


def test_the_consumer_of_a_stream_stays_where_it_is(guard: None, agent: Any) -> None:
    for _ in agent.stream(asking("hello"), {"configurable": {"thread_id": "t-1"}}):
        assert ambient_attributes() == {}
        assert running() is None


def test_a_stream_that_is_left_early_is_told_once(guard: None, agent: Any, traced: Traced) -> None:
    parts = agent.stream(asking('call customer {"name": "Ann"}'), {"configurable": {"thread_id": "t-1"}})
    next(parts)
    parts.close()
    assert len(told(traced, "agent.after")) == 1


def test_a_stream_that_is_never_read_decides_nothing(guard: None, agent: Any, traced: Traced) -> None:
    agent.stream(asking("hello"), {"configurable": {"thread_id": "t-1"}})
    assert traced.points == []


def test_an_agent_within_another_is_one_of_its_own(guard: None, traced: Traced) -> None:
    outer = (
        StateGraph(MessagesState).add_node("clerk", replies("hi", "clerk")).add_node("more", replies("yo"))
    )
    outer = outer.add_edge(START, "clerk").add_edge("clerk", "more").add_edge("more", END)
    outer.compile(name="shop").invoke(asking("hello"), {"configurable": {"thread_id": "t-1"}})
    decided = told(traced, "agent.before")
    assert [each["gen_ai.agent.name"] for each in decided] == ["shop", "clerk"]
    assert {each["gen_ai.conversation.id"] for each in decided} == {"t-1"}


def test_a_graph_without_a_name_is_decided_once_and_belongs_to_the_agent_around(
    governor: Governor, guard: None, traced: Traced
) -> None:
    inner = replies("hi", "LangGraph")
    outer = StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner").add_edge("inner", END)
    with governor.conversation("c-1", agent="assistant"):
        outer.compile().invoke(asking("hello"))
    (decided,) = told(traced, "agent.before")
    assert decided["gen_ai.agent.name"] == "assistant"
    assert decided["gen_ai.conversation.id"] == "c-1"


def test_a_thread_given_beforehand_is_the_conversation(guard: None, traced: Traced) -> None:
    replies("hi").with_config({"configurable": {"thread_id": "t-2"}}).invoke(asking("hello"))
    assert told(traced, "agent.before")[0]["gen_ai.conversation.id"] == "t-2"


def test_an_interrupted_run_goes_on(guard: None, agent: Any, llm: StandIn, ran: list[Any]) -> None:
    config: Any = {"configurable": {"thread_id": "t-1"}}
    agent.invoke(asking(f'call pay {{"card": "{CARD}"}}'), config, interrupt_before=["tools"])
    assert ran == []
    given = agent.invoke(None, config)
    assert ran == [CLEAN]
    assert given["messages"][-1].content.endswith(f"paid with {CLEAN}")


def official() -> Any:
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    return LangChainInstrumentor()


def openinference() -> Any:
    from openinference.instrumentation.langchain import LangChainInstrumentor

    return LangChainInstrumentor()


def openllmetry() -> Any:
    return LangchainInstrumentor()


INSTRUMENTED = [
    pytest.param(official, "guard", id="official, after the guard"),
    pytest.param(official, "instrumentation", id="official, before it"),
    pytest.param(openinference, "guard", id="openinference, after the guard"),
    pytest.param(openinference, "instrumentation", id="openinference, before it"),
    pytest.param(openllmetry, "guard", id="openllmetry, after the guard"),
    pytest.param(openllmetry, "instrumentation", id="openllmetry, before it"),
]


@pytest.mark.parametrize(("make", "first"), INSTRUMENTED)
def test_an_instrumented_run_is_decided_once(
    governor: Governor,
    agent: Any,
    traced: Traced,
    ran: list[Any],
    llm: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    first: str,
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event")
    steps = [lambda: [each().instrument(governor=governor) for each in GUARDS]]
    steps.append(lambda: make().instrument(tracer_provider=traced.provider))
    for step in steps if first == "guard" else reversed(steps):
        step()
    try:
        go(agent, "sync", f'call pay {{"card": "{CARD}"}}')
        with pytest.raises(PolicyViolation):
            go(agent, "sync", 'call delete_all {"path": "/"}', "t-2")
    finally:
        make().uninstrument()
        for each in GUARDS:
            each().uninstrument()
    assert ran == [CLEAN]
    turn = ["model.before", "model.after"]
    first_run = ["agent.before", *turn, "tool.before", "tool.after", *turn, "agent.after"]
    assert traced.points == [*first_run, "agent.before", *turn, "tool.before"]
    assert " 1111" not in traced.everything()
    assert " 1111" not in json.dumps(llm.requests)
    assert len(traced.exporter.get_finished_spans()) > len(traced.decisions) + 4


def test_a_model_of_a_provider_without_a_guard_is_still_seen(
    governor: Governor, agent: Any, traced: Traced, llm: StandIn
) -> None:
    guards = (LangChainGuard, LangGraphGuard)
    for each in guards:
        each().instrument(governor=governor)
    official().instrument(tracer_provider=traced.provider)
    try:
        go(agent, "sync", 'call customer {"name": "Ann"}')
    finally:
        official().uninstrument()
        for each in guards:
            each().uninstrument()
    assert len(told(traced, "model.before")) == len(llm.requests) == 2
    assert len(told(traced, "tool.before")) == len(told(traced, "agent.before")) == 1


def test_an_unsampled_run_is_guarded(
    guard: None, traced_with: MakeTraced, agent: Any, ran: list[Any], llm: StandIn
) -> None:
    traced_with(sampler=ALWAYS_OFF)
    go(agent, "sync", f'call pay {{"card": "{CARD}"}}')
    with pytest.raises(PolicyViolation):
        go(agent, "sync", 'call delete_all {"path": "/"}', "t-2")
    assert ran == [CLEAN]
    assert " 1111" not in json.dumps(llm.requests)


def test_graphs_pass_when_the_guard_is_off(governor: Governor, traced: Traced) -> None:
    LangGraphGuard().instrument(governor=governor)
    LangGraphGuard().uninstrument()
    assert go(replies(f"card {CARD}", "rogue"), "sync", "hello")["messages"][-1].content == f"card {CARD}"
    assert traced.points == []
