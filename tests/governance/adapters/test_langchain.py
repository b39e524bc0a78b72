"""LangChain's tools: every way to make one and to call one, and what the framework makes of a block."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, StructuredTool, Tool, ToolException, tool
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from pydantic import BaseModel
from tests.support.agents import AGENT_POLICIES, KEY, run_without_sdk, told
from tests.support.governed import CARD, MakeTraced, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import LangChainGuard, LangGraphGuard

CLEAN = "[REDACTED:pii.card]"
Ran = list[Any]


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(AGENT_POLICIES)


@pytest.fixture
def guard(governor: Governor) -> Iterator[None]:
    LangChainGuard().instrument(governor=governor)
    LangGraphGuard().instrument(governor=governor)
    yield
    LangChainGuard().uninstrument()
    LangGraphGuard().uninstrument()


@pytest.fixture
def ran() -> Ran:
    return []


def structured(name: str, ran: Ran) -> BaseTool:
    def work(card: str, note: str = "none") -> str:
        """Work."""
        ran.append((card, note))
        return f"done with {card}"

    return StructuredTool.from_function(work, name=name)


def asynchronous(name: str, ran: Ran) -> BaseTool:
    async def work(card: str, note: str = "none") -> str:
        """Work."""
        ran.append((card, note))
        return f"done with {card}"

    return StructuredTool.from_function(coroutine=work, name=name)


def single(name: str, ran: Ran) -> BaseTool:
    def work(card: str) -> str:
        ran.append((card, "none"))
        return f"done with {card}"

    return Tool(name, work, "Work.")


def subclassed(name: str, ran: Ran) -> BaseTool:
    class Worker(BaseTool):
        name: str = "unset"
        description: str = "Work."

        def _run(self, card: str, note: str = "none") -> str:
            ran.append((card, note))
            return f"done with {card}"

    return Worker(name=name)


def subclassed_async(name: str, ran: Ran) -> BaseTool:
    class Worker(BaseTool):
        name: str = "unset"
        description: str = "Work."

        def _run(self, card: str) -> str:
            raise AssertionError("the other one is called")

        async def _arun(self, card: str, note: str = "none") -> str:
            ran.append((card, note))
            return f"done with {card}"

    return Worker(name=name)


Make = Callable[[str, Ran], BaseTool]
SYNC = pytest.mark.parametrize("make", [structured, single, subclassed])
ASYNC = pytest.mark.parametrize("make", [structured, asynchronous, single, subclassed, subclassed_async])


@SYNC
@pytest.mark.proves("langchain-core", "tool.before", "blocked", "sync")
def test_a_denied_tool_does_not_run(guard: None, ran: Ran, make: Make) -> None:
    with pytest.raises(PolicyViolation, match="blocked by policy 'no-delete': nothing may be deleted"):
        make("delete_all", ran).invoke({"card": "x"})
    assert ran == []


@ASYNC
@pytest.mark.proves("langchain-core", "tool.before", "blocked", "async")
def test_a_denied_tool_does_not_run_asynchronously(guard: None, ran: Ran, make: Make) -> None:
    with pytest.raises(PolicyViolation, match="nothing may be deleted"):
        asyncio.run(make("delete_all", ran).ainvoke({"card": "x"}))
    assert ran == []


@pytest.mark.parametrize("way", ["run", "tool call", "text", "batch", "chain", "retry"])
def test_no_way_around_the_guard(guard: None, ran: Ran, way: str) -> None:
    made = structured("delete_all", ran)
    call = {"name": "delete_all", "args": {"card": "x"}, "id": "1", "type": "tool_call"}
    ways: dict[str, Callable[[], Any]] = {
        "run": lambda: made.run({"card": "x"}),
        "tool call": lambda: made.invoke(call),
        "text": lambda: single("delete_all", ran).run("x"),
        "batch": lambda: made.batch([{"card": "x"}, {"card": "y"}]),
        "chain": lambda: (made | str).invoke({"card": "x"}),
        "retry": lambda: made.with_retry(stop_after_attempt=2, wait_exponential_jitter=False).invoke(
            {"card": "x"}
        ),
    }
    with pytest.raises(PolicyViolation):
        ways[way]()
    assert ran == []


@SYNC
@pytest.mark.proves("langchain-core", "tool.before", "redacted", "sync")
@pytest.mark.proves("langchain-core", "tool.after", "seen", "sync")
def test_a_tool_gets_redacted_arguments(guard: None, traced: Traced, ran: Ran, make: Make) -> None:
    result = make("pay", ran).invoke({"card": CARD})
    assert ran == [(CLEAN, "none")]
    assert result == f"done with {CLEAN}"
    assert traced.points == ["tool.before", "tool.after"]


@ASYNC
@pytest.mark.proves("langchain-core", "tool.before", "redacted", "async")
@pytest.mark.proves("langchain-core", "tool.after", "seen", "async")
def test_a_tool_gets_redacted_arguments_asynchronously(
    guard: None, traced: Traced, ran: Ran, make: Make
) -> None:
    assert asyncio.run(make("pay", ran).ainvoke({"card": CARD})) == f"done with {CLEAN}"
    assert ran == [(CLEAN, "none")]
    assert traced.points == ["tool.before", "tool.after"]


def test_tools_made_before_are_guarded_until_the_guard_is_taken_off(governor: Governor, ran: Ran) -> None:
    made = structured("delete_all", ran)
    made.invoke({"card": "before"})
    LangChainGuard().instrument(governor=governor)
    try:
        with pytest.raises(PolicyViolation):
            made.invoke({"card": "guarded"})
    finally:
        LangChainGuard().uninstrument()
    made.invoke({"card": "after"})
    assert [card for card, _ in ran] == ["before", "after"]


def test_policies_see_arguments_as_the_tool_gets_them(ran: Ran) -> None:
    governor = Governor.from_text(
        AGENT_POLICIES
        + """
    - id: large
      severity: high
      on: [tool.before]
      match: {tool: [refund]}
      when: arguments.amount > 500 && arguments.currency == "EUR"
      action: block
      onError: block
"""
    )

    @tool
    def refund(amount: int, currency: str = "EUR") -> str:
        """Refund."""
        ran.append(amount)
        return "done"

    LangChainGuard().instrument(governor=governor)
    try:
        with pytest.raises(PolicyViolation, match="'large'"):
            refund.invoke({"amount": "900"})
        refund.invoke({"amount": "20"})
    finally:
        LangChainGuard().uninstrument()
    assert ran == [20]


class Payment(BaseModel):
    card: str
    notes: list[str]


def test_models_among_the_arguments_are_redacted(guard: None, ran: Ran) -> None:
    @tool
    def pay(payment: Payment, amount: int) -> str:
        """Pay."""
        ran.append((payment, amount))
        return "done"

    pay.invoke({"payment": {"card": CARD, "notes": [CARD, "fine"]}, "amount": 3})
    assert ran == [(Payment(card=CLEAN, notes=[CLEAN, "fine"]), 3)]


def test_what_the_application_injects_is_not_decided(guard: None, ran: Ran) -> None:
    @tool
    def pay(card: str, secret: Annotated[str, InjectedToolArg], config: RunnableConfig) -> str:
        """Pay."""
        ran.append((card, secret, config["configurable"]["secret"]))
        return "done"

    pay.invoke({"card": CARD, "secret": CARD}, {"configurable": {"secret": CARD}})
    assert ran == [(CLEAN, CARD, CARD)]


RESULTS: dict[str, Any] = {
    "text": (f"card {CARD}", f"card {CLEAN}"),
    "map": ({"cards": [CARD], "n": 1}, {"cards": [CLEAN], "n": 1}),
    "blocks": ([{"type": "text", "text": CARD}], [{"type": "text", "text": CLEAN}]),
}


@pytest.mark.parametrize("shape", RESULTS)
@pytest.mark.proves("langchain-core", "tool.after", "redacted", "sync")
def test_a_result_comes_back_redacted_in_its_shape(guard: None, shape: str) -> None:
    given, expected = RESULTS[shape]
    assert (
        StructuredTool.from_function(lambda: given, name="look", description="Look.").invoke({}) == expected
    )


def test_an_image_is_no_text(guard: None) -> None:
    image = {"type": "image", "base64": "4111" * 32, "mime_type": "image/png"}
    given = [{"type": "text", "text": CARD}, image]
    look = StructuredTool.from_function(lambda: given, name="look", description="Look.")
    assert look.invoke({}) == [{"type": "text", "text": CLEAN}, image]


@pytest.mark.proves("langchain-core", "tool.after", "redacted", "async")
def test_content_and_artifact_are_redacted(guard: None) -> None:
    @tool(response_format="content_and_artifact")
    async def look() -> tuple[str, dict[str, Any]]:
        """Look."""
        return f"card {CARD}", {"raw": CARD, "rows": 2}

    call: Any = {"name": "look", "args": {}, "id": "7", "type": "tool_call"}
    message = asyncio.run(look.ainvoke(call))
    assert message.content == f"card {CLEAN}"
    assert message.artifact == {"raw": CLEAN, "rows": 2}


def test_a_tool_message_and_a_command_are_redacted(guard: None) -> None:
    @tool
    def message() -> ToolMessage:
        """Give a message."""
        return ToolMessage(f"card {CARD}", tool_call_id="1", artifact={"raw": CARD})

    @tool
    def command() -> Command[Any]:
        """Give a command."""
        return Command(update={"messages": [ToolMessage(CARD, tool_call_id="1")]}, goto="next")

    said = message.invoke({})
    assert (said.content, said.artifact, said.tool_call_id) == (f"card {CLEAN}", {"raw": CLEAN}, "1")
    commanded = command.invoke({})
    assert commanded.goto == "next"
    assert [each.content for each in commanded.update["messages"]] == [CLEAN]


class Listening(BaseCallbackHandler):
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_tool_end(self, output: Any, **_: Any) -> None:
        self.heard.append(output)

    def on_tool_error(self, error: BaseException, **_: Any) -> None:
        self.heard.append(type(error))


@pytest.mark.proves("langchain-core", "tool.after", "blocked", "sync")
def test_a_withheld_result_reaches_no_callback(guard: None) -> None:
    listening = Listening()
    leak = StructuredTool.from_function(lambda: f"key {KEY}", name="leak", description="Leak.")
    with pytest.raises(PolicyViolation, match=r"tool\.after blocked by policy 'secret-results'"):
        leak.invoke({}, {"callbacks": [listening]})
    assert listening.heard == [PolicyViolation]


@pytest.mark.proves("langchain-core", "tool.after", "blocked", "async")
def test_a_withheld_result_reaches_nobody_asynchronously(guard: None) -> None:
    async def leak() -> str:
        return f"key {KEY}"

    made = StructuredTool.from_function(coroutine=leak, name="leak", description="Leak.")
    with pytest.raises(PolicyViolation):
        asyncio.run(made.ainvoke({}))


def test_the_handling_of_errors_does_not_swallow_a_block(guard: None, ran: Ran) -> None:
    made = structured("delete_all", ran)
    made.handle_tool_error, made.handle_validation_error = True, True
    with pytest.raises(PolicyViolation):
        made.invoke({"card": "x"})


def test_what_a_tool_raises_reaches_the_caller_unchanged(guard: None) -> None:
    def fail() -> str:
        raise ToolException("out of order")

    made = StructuredTool.from_function(fail, name="look", description="Look.", handle_tool_error=True)
    assert made.invoke({}) == "out of order"
    made.handle_tool_error = False
    with pytest.raises(ToolException, match="out of order"):
        made.invoke({})


def calls(*names: str) -> dict[str, Any]:
    asked = [{"name": name, "args": {"card": CARD}, "id": f"{i}"} for i, name in enumerate(names)]
    return {"messages": [AIMessage("", tool_calls=asked)]}


def graph(node: ToolNode, name: str = "shop") -> Any:
    built = StateGraph(MessagesState).add_node("tools", node)
    return built.set_entry_point("tools").set_finish_point("tools").compile(name=name)


def test_a_block_in_a_tool_node_reaches_the_caller(guard: None, ran: Ran) -> None:
    with pytest.raises(PolicyViolation):
        graph(ToolNode([structured("delete_all", ran)])).invoke(calls("delete_all"))
    assert ran == []


def test_a_tool_node_told_to_handle_every_error_tells_the_model_why(guard: None, ran: Ran) -> None:
    node = ToolNode([structured("delete_all", ran)], handle_tool_errors=True)
    (_, message) = graph(node).invoke(calls("delete_all"))["messages"]
    assert message.status == "error"
    assert "nothing may be deleted" in message.content
    assert ran == []


@pytest.mark.parametrize("way", ["sync", "async"])
def test_tools_that_run_at_once_belong_to_their_agent_and_conversation(
    guard: None, traced: Traced, ran: Ran, way: str
) -> None:
    made = graph(ToolNode([structured("pay", ran), structured("ship", ran)]), "clerk")
    config: Any = {"configurable": {"thread_id": "t-1"}}
    if way == "sync":
        made.invoke(calls("pay", "ship", "pay"), config)
    else:
        asyncio.run(made.ainvoke(calls("pay", "ship", "pay"), config))
    decided = told(traced, "tool.before")
    assert sorted(each["gen_ai.tool.name"] for each in decided) == ["pay", "pay", "ship"]
    assert {each["gen_ai.agent.name"] for each in decided} == {"clerk"}
    assert {each["gen_ai.conversation.id"] for each in decided} == {"t-1"}
    assert ran == [(CLEAN, "none")] * 3


def test_a_budget_is_the_threads(guard: None, ran: Ran) -> None:
    made = graph(ToolNode([structured("search", ran)]))

    def search(thread: str) -> None:
        made.invoke(calls("search"), {"configurable": {"thread_id": thread}})

    search("one")
    search("one")
    with pytest.raises(PolicyViolation, match="used its searches"):
        search("one")
    search("two")
    assert len(ran) == 3


def test_an_unsampled_tool_is_guarded(
    governor: Governor, guard: None, traced_with: MakeTraced, ran: Ran
) -> None:
    traced_with(sampler=ALWAYS_OFF)
    with pytest.raises(PolicyViolation):
        structured("delete_all", ran).invoke({"card": "x"})
    structured("pay", ran).invoke({"card": CARD})
    assert ran == [(CLEAN, "none")]


def test_a_disabled_sdk_leaves_tools_guarded() -> None:
    program = f"""
from langchain_core.tools import tool
from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import LangChainGuard
from tests.support.agents import AGENT_POLICIES

@tool
def delete_all() -> str:
    "Delete."
    print("ran")

@tool
def pay(card: str) -> str:
    "Pay."
    return card

LangChainGuard().instrument(governor=Governor.from_text(AGENT_POLICIES))
try:
    delete_all.invoke({{}})
except PolicyViolation as violation:
    print(violation)
print(pay.invoke({{"card": {CARD!r}}}))
"""
    said = run_without_sdk(program)
    assert said.splitlines() == ["tool.before blocked by policy 'no-delete': nothing may be deleted", CLEAN]


def test_the_library_is_not_imported_for_the_guard() -> None:
    program = """
import sys
from promethios.governance import Governor
from promethios.governance.adapters import instrument_all
from tests.support.agents import AGENT_POLICIES

print(sorted(instrument_all(Governor.from_text(AGENT_POLICIES))))
print([name for name in ("agents", "langchain_core", "langgraph", "mcp") if name in sys.modules])
"""
    guarded, imported = run_without_sdk(program).splitlines()
    assert {"agents", "langchain_core", "langgraph", "mcp"} <= set(json.loads(guarded.replace("'", '"')))
    assert imported == "[]"


def test_a_tool_that_calls_itself_with_other_arguments_is_decided_again() -> None:
    governor = Governor.from_text(
        "{apiVersion: promethios.dev/v1alpha1, kind: PolicySet, metadata: {name: t, version: '1'}, spec: "
        "{policies: [{id: no-etc, severity: high, on: [tool.before], action: block, onError: block, "
        "when: 'string(arguments.path) == \"/etc\"'}]}}"
    )
    LangChainGuard().instrument(governor=governor)
    ran: Ran = []

    @tool
    def walk(path: str) -> str:
        """Walk."""
        ran.append(path)
        walked: str = walk.invoke({"path": "/etc"})
        return walked

    try:
        with pytest.raises(PolicyViolation):
            walk.invoke({"path": "/"})
    finally:
        LangChainGuard().uninstrument()
    assert ran == ["/"]
