"""The OpenAI Agents SDK: tools, handoffs, runs; with a real client and a local model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agents import (
    Agent,
    CustomTool,
    FunctionTool,
    OpenAIChatCompletionsModel,
    RunConfig,
    Runner,
    SQLiteSession,
    function_tool,
    set_trace_processors,
    set_tracing_disabled,
)
from agents.exceptions import UserError
from agents.tool import invoke_function_tool
from agents.tool_context import ToolContext
from openai import AsyncOpenAI
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from pydantic import BaseModel
from tests.support.agents import AGENT_POLICIES, KEY, run_without_sdk, told
from tests.support.governed import CARD, MakeTraced, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters.openai import OpenAIGuard
from promethios.governance.adapters.openai_agents import OpenAIAgentsGuard
from promethios.receiver.demo.llm import StandIn

ONCE = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: once, version: "1"}
spec:
  defaults: {onError: block}
  policies:
    - {id: once, severity: high, on: [tool.before], match: {tool: [walk]}, action: block,
       limit: {of: calls, max: 1, per: conversation}}
"""
CLEAN = "[REDACTED:pii.card]"
WAYS = ("async", "sync", "async stream")
GUARDS = (OpenAIGuard, OpenAIAgentsGuard)
Ran = list[Any]


@pytest.fixture(autouse=True)
def _no_traces_elsewhere() -> Iterator[None]:
    set_trace_processors([])
    set_tracing_disabled(True)
    yield
    set_tracing_disabled(True)


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
def ran() -> Ran:
    return []


def tools(ran: Ran) -> list[Any]:
    @function_tool
    def pay(card: str, note: str = "none") -> str:
        ran.append((card, note))
        return f"paid with {card}"

    @function_tool
    async def delete_all(path: str) -> str:
        ran.append(path)
        return "gone"

    @function_tool
    def customer(name: str) -> dict[str, Any]:
        ran.append(name)
        return {"name": name, "card": CARD}

    @function_tool
    def leak() -> str:
        ran.append("leak")
        return f"the key is {KEY}"

    return [pay, delete_all, customer, leak]


def go(llm: StandIn, way: str, made: Callable[[Any], Agent], text: Any, **options: Any) -> Any:
    """Run an agent in one of three ways; the result, for a stream after its end."""

    async def run() -> Any:
        async with AsyncOpenAI(base_url=llm.url, api_key="unused", max_retries=0) as client:
            agent = made(OpenAIChatCompletionsModel("gpt-4o-mini", client))
            if way == "async":
                return await Runner.run(agent, text, **options)
            result = Runner.run_streamed(agent, text, **options)
            result.events = [event async for event in result.stream_events()]  # type: ignore[attr-defined]
            return result

    if way != "sync":
        return asyncio.run(run())
    with asyncio.Runner() as loop:  # `run_sync` takes the thread's own loop, and leaves it open
        asyncio.set_event_loop(loop.get_loop())
        client = AsyncOpenAI(base_url=llm.url, api_key="unused", max_retries=0)
        try:
            return Runner.run_sync(made(OpenAIChatCompletionsModel("gpt-4o-mini", client)), text, **options)
        finally:
            loop.run(client.close())
            asyncio.set_event_loop(None)


def shop(ran: Ran, name: str = "shop", **options: Any) -> Callable[[Any], Agent]:
    return lambda model: Agent(name, model=model, tools=tools(ran), **options)


def each_way(what: str, point: str) -> Any:
    marks = {way: pytest.mark.proves("openai-agents", point, what, way) for way in WAYS}
    return pytest.mark.parametrize("way", [pytest.param(way, marks=mark) for way, mark in marks.items()])


@each_way("blocked", "tool.before")
def test_a_denied_tool_does_not_run_and_ends_the_run(guard: None, llm: StandIn, ran: Ran, way: str) -> None:
    with pytest.raises(PolicyViolation, match=r"^tool\.before blocked by policy 'no-delete'"):
        go(llm, way, shop(ran), 'call delete_all {"path": "/"}')
    assert ran == []
    assert len(llm.requests) == 1


@each_way("redacted", "tool.before")
def test_a_tool_gets_redacted_arguments(guard: None, llm: StandIn, ran: Ran, way: str) -> None:
    hidden = CARD.replace(" ", "\\u002d")  # no card in what the agent is given, but in what the model makes
    result = go(llm, way, shop(ran), f'call pay {{"card": "{hidden}", "note": "x"}}')
    assert ran == [(CLEAN, "x")]
    assert result.final_output == f"I read: paid with {CLEAN}"
    assert llm.requests[1]["messages"][-1]["content"] == f"paid with {CLEAN}"


@each_way("redacted", "tool.after")
def test_a_result_is_redacted_before_the_model_reads_it(
    guard: None, llm: StandIn, ran: Ran, way: str
) -> None:
    result = go(llm, way, shop(ran), 'call customer {"name": "Ann"}')
    assert ran == ["Ann"]
    assert CLEAN in llm.requests[1]["messages"][-1]["content"]
    assert " 1111" not in json.dumps(llm.requests)
    assert " 1111" not in str(result.to_input_list())


@each_way("blocked", "tool.after")
def test_a_withheld_result_reaches_neither_model_nor_caller(
    guard: None, llm: StandIn, ran: Ran, way: str
) -> None:
    with pytest.raises(PolicyViolation, match=r"^tool\.after blocked by policy 'secret-results'"):
        go(llm, way, shop(ran), "call leak {}")
    assert ran == ["leak"]
    assert len(llm.requests) == 1


@each_way("blocked", "agent.before")
def test_a_denied_agent_does_not_run(guard: None, llm: StandIn, traced: Traced, ran: Ran, way: str) -> None:
    with pytest.raises(PolicyViolation, match="this agent may not run"):
        go(llm, way, shop(ran, "rogue-7"), "hello")
    assert llm.requests == []
    assert traced.points == ["agent.before"]


@each_way("redacted", "agent.before")
def test_an_agent_gets_redacted_input(guard: None, llm: StandIn, ran: Ran, way: str) -> None:
    messages = [{"role": "user", "content": f"write to {CARD}"}]
    result = go(llm, way, shop(ran), messages)
    assert " 1111" not in json.dumps(llm.requests)
    assert result.input == [{"role": "user", "content": f"write to {CLEAN}"}]


ANSWERS = AGENT_POLICIES.replace("model.before, model.after, ", "")  # nobody looks at the model's own answers


@each_way("redacted", "agent.after")
def test_an_output_comes_back_redacted(llm: StandIn, traced: Traced, ran: Ran, way: str) -> None:
    OpenAIAgentsGuard().instrument(governor=Governor.from_text(ANSWERS, tracer_provider=traced.provider))
    try:
        result = go(llm, way, echoing(f"card {CARD}"), "hello")
    finally:
        OpenAIAgentsGuard().uninstrument()
    assert result.final_output == f"I read: card {CLEAN}"
    assert " 1111" not in str(result.new_items)
    assert " 1111" not in str(result.to_input_list())
    assert [e["promethios.decision.enforced"] for e in told(traced, "agent.after")] == ["redact"]


@each_way("blocked", "agent.after")
def test_an_output_is_withheld(llm: StandIn, traced: Traced, ran: Ran, way: str) -> None:
    OpenAIAgentsGuard().instrument(governor=Governor.from_text(ANSWERS, tracer_provider=traced.provider))
    try:
        with pytest.raises(PolicyViolation, match=r"agent\.after blocked by policy 'secret-results'"):
            go(llm, way, echoing(f"key {KEY}"), "hello")
    finally:
        OpenAIAgentsGuard().uninstrument()


def echoing(text: str) -> Callable[[Any], Agent]:
    """An agent whose model says `text`, whatever the agent is given."""
    return lambda model: Agent("echo", model=_Saying(model, text))


class _Saying(OpenAIChatCompletionsModel):
    """Asks the local model to repeat a text, whatever the agent was given."""

    def __init__(self, model: OpenAIChatCompletionsModel, text: str) -> None:
        super().__init__("gpt-4o-mini", model._client)
        self._text = text

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
        return await super().get_response(system_instructions, self._text, *args, **kwargs)

    async def stream_response(self, system_instructions: Any, input: Any, *args: Any, **kwargs: Any) -> Any:
        async for event in super().stream_response(system_instructions, self._text, *args, **kwargs):
            yield event


@each_way("seen", "agent.after")
def test_a_run_and_all_within_belong_to_agent_and_session(
    guard: None, llm: StandIn, traced: Traced, ran: Ran, way: str
) -> None:
    session = SQLiteSession("s-1")
    try:
        go(llm, way, shop(ran), f'call pay {{"card": "{CARD}"}}', session=session)
    finally:
        session.close()
    turn = ["model.before", "model.after"]
    assert traced.points == ["agent.before", *turn, "tool.before", "tool.after", *turn, "agent.after"]
    decided = [dict(span.attributes or {}) for span in traced.decisions]
    assert {each["gen_ai.agent.name"] for each in decided} == {"shop"}
    assert {each["gen_ai.conversation.id"] for each in decided} == {"s-1"}


@pytest.mark.parametrize("config", [RunConfig(group_id="g-1"), {"group_id": "g-1"}], ids=["object", "map"])
def test_the_group_of_traces_is_a_conversation_too(
    guard: None, llm: StandIn, traced: Traced, ran: Ran, config: Any
) -> None:
    go(llm, "async", shop(ran), "hello", run_config=config)
    assert told(traced, "model.before")[0]["gen_ai.conversation.id"] == "g-1"


def test_a_handoff_is_a_tool_and_then_another_agents_run(
    guard: None, llm: StandIn, traced: Traced, ran: Ran
) -> None:
    def made(model: Any) -> Agent:
        clerk = Agent("clerk", model=model, tools=tools(ran))
        return Agent("shop", model=model, handoffs=[clerk], tools=tools(ran))

    go(llm, "async", made, f'call transfer_to_clerk {{}} then call pay {{"card": "{CARD}"}}')
    decided = [
        (each["gen_ai.agent.name"], each.get("gen_ai.tool.name"))
        for each in told(traced, "agent.before") + told(traced, "tool.before")
    ]
    assert decided == [("shop", None), ("clerk", None), ("shop", "transfer_to_clerk")]
    assert [each["gen_ai.agent.name"] for each in told(traced, "model.before")] == ["shop", "clerk"]


@pytest.mark.parametrize("denied", ["transfer_to_clerk", "rogue"])
def test_a_denied_handoff_ends_the_run(llm: StandIn, ran: Ran, denied: str) -> None:
    governor = Governor.from_text(AGENT_POLICIES.replace("delete_*", "transfer_to_clerk"))
    OpenAIAgentsGuard().instrument(governor=governor)
    other = "clerk" if denied == "transfer_to_clerk" else "rogue"
    try:
        with pytest.raises(PolicyViolation):
            go(
                llm,
                "async",
                lambda model: Agent("shop", model=model, handoffs=[Agent(other, model=model)]),
                f"call transfer_to_{other} {{}}",
            )
    finally:
        OpenAIAgentsGuard().uninstrument()
    assert len(llm.requests) == 1


def test_tools_made_before_are_guarded_until_the_guard_is_taken_off(
    governor: Governor, llm: StandIn, ran: Ran
) -> None:
    made = shop(ran)
    go(llm, "async", made, 'call delete_all {"path": "before"}')
    OpenAIAgentsGuard().instrument(governor=governor)
    try:
        with pytest.raises(PolicyViolation):
            go(llm, "async", made, 'call delete_all {"path": "guarded"}')
    finally:
        OpenAIAgentsGuard().uninstrument()
    go(llm, "async", made, 'call delete_all {"path": "after"}')
    assert ran == ["before", "after"]


def denied(ran: Ran) -> FunctionTool:
    async def invoke(_: Any, arguments: str) -> str:
        ran.append(arguments)
        return "gone"

    return FunctionTool("delete_it", "Delete.", {"type": "object", "properties": {}}, invoke)


@pytest.mark.parametrize("change", ["none", "copy", "replaced", "set again", "timeout"])
def test_a_tool_that_is_copied_or_changed_is_guarded_once(
    guard: None, traced: Traced, ran: Ran, change: str
) -> None:
    made = denied(ran)
    if change == "copy":
        made = made.__copy__()
    elif change == "replaced":
        made = replace(made, description="Delete it.")
    elif change == "set again":
        made.on_invoke_tool = made.on_invoke_tool
    elif change == "timeout":
        made = replace(made, timeout_seconds=5)
    context = ToolContext(None, tool_name="delete_it", tool_call_id="1", tool_arguments="{}")
    with pytest.raises(PolicyViolation):
        asyncio.run(invoke_function_tool(function_tool=made, context=context, arguments="{}"))
    OpenAIAgentsGuard().uninstrument()
    assert asyncio.run(invoke_function_tool(function_tool=made, context=context, arguments="{}")) == "gone"
    assert ran == ["{}"]
    assert traced.points == ["tool.before"]


def test_a_custom_tool_is_guarded(guard: None, ran: Ran) -> None:
    async def invoke(_: Any, text: str) -> str:
        ran.append(text)
        return f"card {CARD}"

    made = CustomTool("note", "Note.", invoke)
    context: Any = ToolContext(None, tool_name="note", tool_call_id="1", tool_arguments="")
    said: Any = made.on_invoke_tool(context, f"pay {CARD}")
    assert asyncio.run(said) == f"card {CLEAN}"
    assert ran == [f"pay {CLEAN}"]


def test_the_context_of_a_tool_holds_redacted_arguments_too(guard: None, llm: StandIn, ran: Ran) -> None:
    @function_tool
    def pay(context: ToolContext[Any], card: str) -> str:
        ran.append(context.tool_arguments)
        return "paid"

    hidden = CARD.replace(" ", "\\u002d")
    go(llm, "async", lambda model: Agent("a", model=model, tools=[pay]), f'call pay {{"card": "{hidden}"}}')
    assert [json.loads(each) for each in ran] == [{"card": CLEAN}]


def guarded_within(governor: Governor, **options: Any) -> FunctionTool:
    @governor.guard("tool", name="delete_rows")
    def delete_rows() -> None:
        raise AssertionError("it must not run")

    @function_tool(**options)
    def clean_up() -> str:
        delete_rows()
        return "clean"

    return clean_up


def test_a_block_within_a_tool_is_no_text_for_the_model(
    governor: Governor, guard: None, llm: StandIn
) -> None:
    tool = guarded_within(governor)
    with pytest.raises(PolicyViolation, match="nothing may be deleted"):
        go(llm, "async", lambda model: Agent("a", model=model, tools=[tool]), "call clean_up {}")
    assert len(llm.requests) == 1


def test_a_tools_own_function_for_failures_is_asked(governor: Governor, guard: None, llm: StandIn) -> None:
    tool = guarded_within(governor, failure_error_function=lambda context, error: f"no: {error}")
    result = go(llm, "async", lambda model: Agent("a", model=model, tools=[tool]), "call clean_up {}")
    assert "no: tool.before blocked by policy 'no-delete'" in result.final_output


def test_a_block_within_an_agent_that_is_a_tool_ends_both(guard: None, llm: StandIn, ran: Ran) -> None:
    def made(model: Any) -> Agent:
        inner = Agent("rogue", model=model)
        return Agent("shop", model=model, tools=[inner.as_tool("ask", "Ask.")])

    with pytest.raises(PolicyViolation, match="this agent may not run"):
        go(llm, "async", made, 'call ask {"input": "x"}')


def test_what_a_tool_raises_is_the_sdks_business(guard: None, llm: StandIn) -> None:
    @function_tool(failure_error_function=None)
    def fail() -> str:
        raise ValueError("out of order")

    @function_tool
    def stumble() -> str:
        raise ValueError("out of order")

    for way in ("async", "async stream"):
        with pytest.raises(UserError, match="out of order") as raised:
            go(llm, way, lambda model: Agent("a", model=model, tools=[fail]), "call fail {}")
        assert isinstance(raised.value.__cause__, ValueError)
    result = go(llm, "async", lambda model: Agent("a", model=model, tools=[stumble]), "call stumble {}")
    assert "out of order" in result.final_output


class Answer(BaseModel):
    card: str


def test_an_output_of_the_applications_type_is_redacted(guard: None, llm: StandIn, ran: Ran) -> None:
    governor = Governor.from_text(ANSWERS)
    OpenAIAgentsGuard().instrument(governor=governor)

    def made(model: Any) -> Agent:
        @function_tool
        def answer() -> Answer:
            return Answer(card=CARD)

        return Agent(
            "a", model=model, tools=[answer], output_type=Answer, tool_use_behavior="stop_on_first_tool"
        )

    result = go(llm, "async", made, "call answer {}")
    assert result.final_output == Answer(card=CLEAN)


def official() -> Any:
    from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor

    return OpenAIAgentsInstrumentor()


def openinference() -> Any:
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    return OpenAIAgentsInstrumentor()


@pytest.mark.parametrize("first", ["guard", "instrumentation"])
@pytest.mark.parametrize("make", [official, openinference], ids=["official", "openinference"])
def test_an_instrumented_run_is_decided_once(
    governor: Governor,
    llm: StandIn,
    traced: Traced,
    ran: Ran,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    first: str,
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_and_event")
    set_tracing_disabled(False)
    steps = [lambda: [each().instrument(governor=governor) for each in GUARDS]]
    steps.append(lambda: make().instrument(tracer_provider=traced.provider))
    for step in steps if first == "guard" else reversed(steps):
        step()
    try:
        go(llm, "async", shop(ran), f'call pay {{"card": "{CARD}"}}')
        with pytest.raises(PolicyViolation):
            go(llm, "async", shop(ran), 'call delete_all {"path": "/"}')
    finally:
        make().uninstrument()
        for each in GUARDS:
            each().uninstrument()
    assert ran == [(CLEAN, "none")]
    turn = ["model.before", "model.after"]
    first_run = ["agent.before", *turn, "tool.before", "tool.after", *turn, "agent.after"]
    assert traced.points == [*first_run, "agent.before", *turn, "tool.before"]
    assert " 1111" not in traced.everything()
    assert len(traced.exporter.get_finished_spans()) > len(traced.decisions) + 4


def test_an_instrumented_handoff_is_decided_once(
    governor: Governor, guard: None, llm: StandIn, traced: Traced, ran: Ran
) -> None:
    set_tracing_disabled(False)
    official().instrument(tracer_provider=traced.provider)
    try:
        go(
            llm,
            "async",
            lambda model: Agent("shop", model=model, handoffs=[Agent("clerk", model=model)]),
            "call transfer_to_clerk {}",
        )
    finally:
        official().uninstrument()
    assert [each["gen_ai.agent.name"] for each in told(traced, "agent.before")] == ["shop", "clerk"]
    assert traced.spans("invoke_agent clerk")


def test_an_unsampled_run_is_guarded(guard: None, traced_with: MakeTraced, llm: StandIn, ran: Ran) -> None:
    traced_with(sampler=ALWAYS_OFF)
    with pytest.raises(PolicyViolation):
        go(llm, "async", shop(ran), 'call delete_all {"path": "/"}')
    go(llm, "async", shop(ran), f'call pay {{"card": "{CARD}"}}')
    assert ran == [(CLEAN, "none")]


def test_a_disabled_sdk_leaves_agents_guarded() -> None:
    program = f"""
import asyncio
from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters.openai_agents import OpenAIAgentsGuard
from promethios.receiver.demo.llm import StandIn
from tests.support.agents import AGENT_POLICIES

set_tracing_disabled(True)

@function_tool
def pay(card: str) -> str:
    return card

@function_tool
def delete_all() -> str:
    print("ran")
    return "gone"

async def main(llm):
    client = AsyncOpenAI(base_url=llm.url, api_key="unused")
    model = OpenAIChatCompletionsModel("gpt-4o-mini", client)
    agent = Agent("shop", model=model, tools=[pay, delete_all])
    try:
        await Runner.run(agent, "call delete_all {{}}")
    except PolicyViolation as violation:
        print(violation)
    print((await Runner.run(agent, 'call pay {{"card": {json.dumps(CARD)}}}')).final_output)

OpenAIAgentsGuard().instrument(governor=Governor.from_text(AGENT_POLICIES))
with StandIn() as llm:
    asyncio.run(main(llm))
"""
    said = run_without_sdk(program)
    blocked = "tool.before blocked by policy 'no-delete': nothing may be deleted"
    assert said.splitlines() == [blocked, f"I read: {CLEAN}"]


def test_a_package_of_the_applications_own_that_is_called_agents_is_left_alone(tmp_path: Path) -> None:
    package = tmp_path / "agents"
    package.mkdir()
    for name in ("__init__", "tool", "handoffs", "run"):
        (package / f"{name}.py").write_text("", "utf-8")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from promethios.governance import Governor
from promethios.governance.adapters import OpenAIAgentsGuard
from tests.support.agents import AGENT_POLICIES

OpenAIAgentsGuard().instrument(governor=Governor.from_text(AGENT_POLICIES))
import logging
logging.basicConfig(stream=sys.stdout)
import agents.handoffs, agents.run, agents.tool
print(agents.__file__)
"""
    assert run_without_sdk(program).splitlines() == [str(package / "__init__.py")]


def test_a_tool_that_calls_itself_with_other_arguments_is_decided_again(ran: Ran) -> None:
    context: Any = ToolContext(None, tool_name="walk", tool_call_id="1", tool_arguments="{}")

    async def invoke(_: Any, arguments: str) -> str:
        ran.append(arguments)
        return "" if len(ran) > 1 else str(await made.on_invoke_tool(context, '{"path": "/etc"}'))

    made = FunctionTool("walk", "Walk.", {"type": "object", "properties": {}}, invoke)
    OpenAIAgentsGuard().instrument(governor=Governor.from_text(ONCE))
    try:
        with pytest.raises(PolicyViolation):
            asyncio.run(made.on_invoke_tool(context, '{"path": "/"}'))  # type: ignore[arg-type]
    finally:
        OpenAIAgentsGuard().uninstrument()
    assert ran == ['{"path": "/"}']
