"""MCP: clients over both transports, with a server in a process of its own; and a server's own guard."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from langchain_core.tools import tool
from mcp import Client, ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from openai import AsyncOpenAI
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from tests.support import mcp_server
from tests.support.agents import AGENT_POLICIES, ROOT, run_without_sdk, told
from tests.support.governed import CARD, MakeTraced, Traced

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import (
    GovernanceMiddleware,
    LangChainGuard,
    MCPGuard,
    OpenAIAgentsGuard,
    OpenAIGuard,
)
from promethios.receiver.demo.llm import StandIn

CLEAN = "[REDACTED:pii.card]"
SERVER = str(Path(mcp_server.__file__))


@pytest.fixture
def governor() -> Governor:
    return Governor.from_text(AGENT_POLICIES)


@pytest.fixture
def guard(governor: Governor) -> Iterator[None]:
    MCPGuard().instrument(governor=governor)
    yield
    MCPGuard().uninstrument()


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


def called(calls: Path) -> list[dict[str, Any]]:
    """What reached the server."""
    return [json.loads(line) for line in calls.read_text("utf-8").splitlines()] if calls.exists() else []


def stdio(calls: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=[SERVER, str(calls)], env={"PYTHONPATH": str(ROOT)}
    )


@asynccontextmanager
async def over_stdio(calls: Path) -> AsyncIterator[ClientSession]:
    async with stdio_client(stdio(calls)) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def over_http(calls: Path) -> AsyncIterator[ClientSession]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(calls), str(port)], cwd=ROOT)
    try:
        wait_for(port)
        url = f"http://127.0.0.1:{port}/mcp"
        async with streamable_http_client(url) as (read, write, *_), ClientSession(read, write) as session:
            await session.initialize()
            yield session
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server does not listen")


@asynccontextmanager
async def in_memory(calls: Path) -> AsyncIterator[ClientSession]:
    async with Client(mcp_server.make(calls)) as client:
        yield client.session


def within(open_: Any, calls: Path, work: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    """What `work` gives in a session with a server."""

    async def run() -> Any:
        async with open_(calls) as session:
            return await work(session)

    return asyncio.run(run())


async def violation(call: Awaitable[Any]) -> str:
    """The message of the violation that `call` raises: a task group would wrap it on its way out."""
    with pytest.raises(PolicyViolation) as raised:
        await call
    return str(raised.value)


TRANSPORTS = pytest.mark.parametrize("open_", [over_stdio, over_http], ids=["stdio", "http"])


@TRANSPORTS
@pytest.mark.proves("mcp", "tool.before", "blocked", "async")
@pytest.mark.proves("mcp", "tool.before", "redacted", "async")
@pytest.mark.proves("mcp", "tool.after", "blocked", "async")
@pytest.mark.proves("mcp", "tool.after", "redacted", "async")
def test_calls_over_a_transport_are_guarded(guard: None, traced: Traced, calls: Path, open_: Any) -> None:
    async def work(session: ClientSession) -> None:
        blocked = await violation(session.call_tool("delete_all", {"path": "/"}))
        assert blocked == "tool.before blocked by policy 'no-delete': nothing may be deleted"
        paid = await session.call_tool("pay", {"card": CARD, "amount": 3})
        assert paid.content[0].text == f"paid 3 with {CLEAN}"  # type: ignore[union-attr]
        found = await session.call_tool(name="customer", arguments={"name": "Ann"})
        assert found.structured_content == {"name": "Ann", "card": CLEAN, "orders": [1, 2]}
        assert " 1111" not in found.model_dump_json()
        withheld = await violation(session.call_tool("leak"))
        assert withheld == "tool.after blocked by policy 'secret-results': a secret must not leave"

    within(open_, calls, work)
    assert [(each.pop("called"), each) for each in called(calls)] == [
        ("pay", {"card": CLEAN, "amount": 3}),
        ("customer", {"name": "Ann"}),
        ("leak", {}),
    ]
    assert traced.points == ["tool.before"] + ["tool.before", "tool.after"] * 3
    assert {each["mcp.server.name"] for each in told(traced, "tool.before")} == {"shop"}
    assert " 1111" not in traced.everything()


@pytest.mark.proves("mcp", "tool.after", "redacted", "async")
def test_every_part_of_a_result_is_redacted_in_its_place(guard: None, calls: Path) -> None:
    result = within(in_memory, calls, lambda session: session.call_tool("parts"))
    text, image, embedded = result.content
    assert text.text == "a receipt"
    assert (image.data, image.mime_type) == (mcp_server.IMAGE, "image/png")
    assert (embedded.resource.text, str(embedded.resource.uri)) == (f"card {CLEAN}", "shop://receipt")


@pytest.mark.proves("mcp", "tool.after", "seen", "async")
def test_resources_and_prompts_are_decided_as_tools(guard: None, traced: Traced, calls: Path) -> None:
    async def work(session: ClientSession) -> None:
        terms = await session.read_resource("shop://terms")
        assert terms.contents[0].text == f"cards such as {CLEAN} are welcome"  # type: ignore[union-attr]
        greeting = await session.get_prompt("greet", {"name": f"Ann {CARD}"})
        text = greeting.messages[0].content.text  # type: ignore[union-attr]
        assert text == f"greet Ann {CLEAN}, whose card is {CLEAN}"

    within(in_memory, calls, work)
    assert [each["gen_ai.tool.name"] for each in told(traced, "tool.before")] == [
        "resources/read",
        "prompts/get",
    ]
    assert called(calls) == [{"called": "terms"}, {"called": "greet", "to": f"Ann {CLEAN}"}]


def test_a_policy_can_ask_for_the_resource_and_the_prompt(calls: Path) -> None:
    bundle = (
        AGENT_POLICIES
        + """
    - id: no-terms
      severity: high
      on: [tool.before]
      match: {tool: [resources/read], attributes: {mcp.resource.uri: "shop://terms"}}
      action: block
      onError: block
    - id: no-greeting
      severity: high
      on: [tool.before]
      match: {attributes: {gen_ai.prompt.name: greet}}
      action: block
      onError: block
"""
    )
    MCPGuard().instrument(governor=Governor.from_text(bundle))

    async def work(session: ClientSession) -> None:
        assert "'no-terms'" in await violation(session.read_resource("shop://terms"))
        assert "'no-greeting'" in await violation(session.get_prompt(name="greet", arguments={"name": "x"}))

    try:
        within(in_memory, calls, work)
    finally:
        MCPGuard().uninstrument()
    assert called(calls) == []


def test_a_session_made_before_is_guarded_until_the_guard_is_taken_off(
    governor: Governor, calls: Path
) -> None:
    async def work(session: ClientSession) -> None:
        await session.call_tool("delete_all", {"path": "before"})
        MCPGuard().instrument(governor=governor)
        await violation(session.call_tool("delete_all", {"path": "guarded"}))
        MCPGuard().uninstrument()
        await session.call_tool("delete_all", {"path": "after"})

    within(in_memory, calls, work)
    assert [each["path"] for each in called(calls)] == ["before", "after"]


def test_a_clients_own_class_passes_the_guard(guard: None, calls: Path) -> None:
    async def run() -> str:
        async with Client(mcp_server.make(calls)) as client:
            return await violation(client.call_tool("delete_all", {"path": "/"}))

    assert "no-delete" in asyncio.run(run())
    assert called(calls) == []


def test_what_a_server_refuses_reaches_the_caller_unchanged(guard: None, calls: Path) -> None:
    async def work(session: ClientSession) -> None:
        refused = await session.call_tool("pay", {"amount": 1})
        assert refused.is_error
        with pytest.raises(MCPError):
            await session.read_resource("shop://nothing")

    within(in_memory, calls, work)


def test_a_tool_of_langchain_that_is_one_of_mcp_is_decided_once(
    governor: Governor, guard: None, traced: Traced, calls: Path
) -> None:
    LangChainGuard().instrument(governor=governor)

    async def work(session: ClientSession) -> Any:
        @tool
        async def pay(card: str) -> str:
            """Pay."""
            result = await session.call_tool("pay", {"card": card})
            return str(result.content[0].text)  # type: ignore[union-attr]

        return await pay.ainvoke({"card": CARD})

    try:
        assert within(in_memory, calls, work) == f"paid 1 with {CLEAN}"
    finally:
        LangChainGuard().uninstrument()
    assert traced.points == ["tool.before", "tool.after"]


@pytest.mark.parametrize("prefixed", [False, True])
def test_an_mcp_server_of_openais_agents_is_decided_once(
    governor: Governor, traced: Traced, calls: Path, prefixed: bool
) -> None:
    guards = (OpenAIGuard, OpenAIAgentsGuard, MCPGuard)
    for each in guards:
        each().instrument(governor=governor)
    set_tracing_disabled(True)
    parameters: Any = {
        "command": sys.executable,
        "args": [SERVER, str(calls)],
        "env": {"PYTHONPATH": str(ROOT)},
    }
    name = "mcp_shop__" if prefixed else ""

    async def run(llm: StandIn) -> None:
        client = AsyncOpenAI(base_url=llm.url, api_key="unused", max_retries=0)
        model = OpenAIChatCompletionsModel("gpt-4o-mini", client)
        options: Any = {"mcp_config": {"include_server_in_tool_names": True}} if prefixed else {}
        async with client, MCPServerStdio(parameters, name="shop") as server:
            agent = Agent("clerk", model=model, mcp_servers=[server], **options)
            asked = f'call {name}pay {{"card": "{CARD.replace(" ", chr(92) + "u002d")}"}}'
            result = await Runner.run(agent, asked)
            assert f"paid 1 with {CLEAN}" in result.final_output
            with pytest.raises(PolicyViolation, match=r"^tool\.before blocked by policy 'no-delete'"):
                await Runner.run(agent, f'call {name}delete_all {{"path": "/"}}')

    try:
        with StandIn() as llm:
            asyncio.run(run(llm))
    finally:
        for each in guards:
            each().uninstrument()
    assert called(calls) == [{"called": "pay", "card": CLEAN, "amount": 1}]
    assert [each["gen_ai.tool.name"] for each in told(traced, "tool.before")] == ["pay", "delete_all"]
    assert [each["gen_ai.agent.name"] for each in told(traced, "tool.before")] == ["clerk", "clerk"]


def guarded_server(governor: Governor, calls: Path) -> Any:
    server = mcp_server.make(calls)
    server._lowlevel_server.middleware.append(GovernanceMiddleware(governor))
    return server


def test_a_servers_own_guard_decides_its_tools(governor: Governor, traced: Traced, calls: Path) -> None:
    async def run() -> None:
        async with Client(guarded_server(governor, calls)) as client:
            paid = await client.call_tool("pay", {"card": CARD})
            assert paid.content[0].text == f"paid 1 with {CLEAN}"  # type: ignore[union-attr]
            found = await client.call_tool("customer", {"name": "Ann"})
            assert found.structured_content == {"name": "Ann", "card": CLEAN, "orders": [1, 2]}
            with pytest.raises(MCPError, match="blocked by policy 'no-delete': nothing may be deleted"):
                await client.call_tool("delete_all", {"path": "/"})
            with pytest.raises(MCPError, match="a secret must not leave"):
                await client.call_tool("leak", {})
            await client.list_tools()

    asyncio.run(run())
    assert [each["called"] for each in called(calls)] == ["pay", "customer", "leak"]
    assert traced.points == ["tool.before", "tool.after"] * 2 + ["tool.before", "tool.before", "tool.after"]


def test_an_unsampled_call_is_guarded(guard: None, traced_with: MakeTraced, calls: Path) -> None:
    traced_with(sampler=ALWAYS_OFF)

    async def work(session: ClientSession) -> None:
        await violation(session.call_tool("delete_all", {"path": "/"}))
        await session.call_tool("pay", {"card": CARD})

    within(in_memory, calls, work)
    assert called(calls) == [{"called": "pay", "card": CLEAN, "amount": 1}]


def test_a_disabled_sdk_leaves_clients_guarded(calls: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from mcp import Client
from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import MCPGuard
from tests.support import mcp_server
from tests.support.agents import AGENT_POLICIES

async def main():
    async with Client(mcp_server.make(Path({str(calls)!r}))) as client:
        try:
            await client.call_tool("delete_all", {{"path": "/"}})
        except PolicyViolation as violation:
            print(violation)
        print((await client.call_tool("pay", {{"card": {CARD!r}}})).content[0].text)

MCPGuard().instrument(governor=Governor.from_text(AGENT_POLICIES))
asyncio.run(main())
"""
    said = run_without_sdk(program)
    blocked = "tool.before blocked by policy 'no-delete': nothing may be deleted"
    assert said.splitlines() == [blocked, f"paid 1 with {CLEAN}"]
    assert called(calls) == [{"called": "pay", "card": CLEAN, "amount": 1}]
