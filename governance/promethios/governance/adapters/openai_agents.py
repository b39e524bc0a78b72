"""The OpenAI Agents SDK: its function tools, its handoffs and its runs; async, `run_sync` and `run_streamed`.

A tool is guarded where it holds the function that invokes it, so tools made before are guarded too. A tool of
an MCP server is left to the guard of the MCP client, which knows its own name and its result as it came.
A handoff is decided as the tool that it is for the model, and then the agent that takes over, as an agent.

A block ends the run: the caller of `Runner.run` gets the `PolicyViolation` itself and not the SDK's
`UserError` around it. The SDK would make text for the model of what fails within a tool; a violation there,
of a nested agent or of a guard in its function, ends the run as well, unless the tool was given a
`failure_error_function` of its own, which is asked.

Hosted tools (web search, file search, code interpreter, hosted MCP) run at OpenAI: no guard here sees them;
only the policies of `model.before` can, by the tools that a request offers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, ClassVar

from wrapt import wrap_function_wrapper

from promethios.governance import semconv
from promethios.governance.adapters.agents import AgentRun, Parts
from promethios.governance.adapters.callables import GuardedAttribute
from promethios.governance.adapters.library import LibraryGuard, when_imported
from promethios.governance.adapters.mcp import MCPGuard
from promethios.governance.adapters.tools import ToolCall
from promethios.governance.enforcement.ambient import hand_over
from promethios.governance.enforcement.violation import PolicyViolation, find_violation


class OpenAIAgentsGuard(LibraryGuard):
    """Puts guards around the tools, handoffs and runs of `openai-agents`. One for the process."""

    library: ClassVar[str] = "agents"
    scopes: ClassVar[frozenset[str]] = frozenset(
        {
            "openinference.instrumentation.openai_agents",
            "opentelemetry.instrumentation.genai.openai_agents",
        }
    )

    kinds: ClassVar[frozenset[str]] = frozenset({"agent", "tool"})

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        when_imported("agents.tool", _install_tools)
        when_imported("agents.handoffs", _install_handoffs)
        when_imported("agents.run", _install_runs)


def _is_on() -> bool:
    return OpenAIAgentsGuard.governor is not None


# An application may have a package `agents` of its own, which is none of ours.


def _install_tools(module: Any) -> None:
    if not hasattr(module, "FunctionTool"):
        return
    for kind in (module.FunctionTool, module.CustomTool):
        kind.on_invoke_tool = GuardedAttribute("on_invoke_tool", _invoked, _is_on)
    wrap_function_wrapper(module, "maybe_invoke_function_tool_failure_error_function", _failed)


def _install_handoffs(module: Any) -> None:
    if hasattr(module, "Handoff"):
        module.Handoff.on_invoke_handoff = GuardedAttribute("on_invoke_handoff", _handed_over, _is_on)


def _install_runs(module: Any) -> None:
    if hasattr(module, "AgentRunner"):
        wrap_function_wrapper(module, "AgentRunner.run", _ran)
        wrap_function_wrapper(module, "AgentRunner.run_streamed", _streamed)


async def _invoked(
    wrapped: Callable[..., Any], tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A tool's `on_invoke_tool(context, arguments)`."""
    context, arguments = _two(args, kwargs, "ctx", "input")
    call = None if _is_left_to_mcp(tool) else _begin_tool(tool.name, context, arguments)
    if call is None:
        return await _awaited(wrapped(context, arguments))
    redacted = call.arguments(arguments)
    if redacted is not arguments and hasattr(context, "tool_arguments"):
        context.tool_arguments = redacted
    with call.running():
        result = await _awaited(wrapped(context, redacted))
    return call.result(result)


async def _handed_over(
    wrapped: Callable[..., Any], handoff: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """A handoff's `on_invoke_handoff(context, arguments)`, which gives the agent that takes over."""
    context, arguments = _two(args, kwargs, "ctx", "input_json")
    call = _begin_tool(handoff.tool_name, context, arguments)
    if call is None:
        return await _awaited(wrapped(context, arguments))
    redacted = call.arguments(arguments)
    with call.running():
        agent = await _awaited(wrapped(context, redacted))
    hand_over(agent.name)
    if (run := AgentRun.begin(OpenAIAgentsGuard.governor, agent.name, None)) is not None:
        run.input(None)
    return agent


async def _awaited(value: Any) -> Any:
    return await value if hasattr(value, "__await__") else value


async def _failed(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What failed within a tool is about to become text for the model: not a violation, by default."""
    tool, violation = kwargs.get("function_tool"), find_violation(kwargs.get("error"))
    if violation is not None and _is_on() and not _has_its_own_text(tool):
        raise violation
    return await wrapped(*args, **kwargs)


def _has_its_own_text(tool: Any) -> bool:
    function = getattr(tool, "_failure_error_function", None)
    return function is not None and getattr(function, "__name__", "") != "default_tool_error_function"


def _two(args: tuple[Any, ...], kwargs: Mapping[str, Any], *names: str) -> tuple[Any, Any]:
    """The two arguments of a call, by place or by name."""
    first, second = (*args, *(kwargs[name] for name in names[len(args) :]))
    return first, second


def _is_left_to_mcp(tool: Any) -> bool:
    kind = getattr(getattr(tool, "_tool_origin", None), "type", None)
    return getattr(kind, "value", None) == "mcp" and MCPGuard.governor is not None


def _begin_tool(name: str, context: Any, asked: Any) -> ToolCall | None:
    attributes = {semconv.TOOL_TYPE: "function"}
    if (agent := getattr(getattr(context, "agent", None), "name", None)) is not None:
        attributes[semconv.AGENT_NAME] = agent
    return ToolCall.begin(OpenAIAgentsGuard.governor, name, attributes, asked)


async def _ran(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    agent, given = _two(args, kwargs, "starting_agent", "input")
    run = _begin_run(agent, kwargs)
    options = {name: value for name, value in kwargs.items() if name not in ("starting_agent", "input")}
    if run is None:
        return await wrapped(agent, given, **options)
    given = _decided_input(run, given)
    try:
        with run.inside():
            result = await wrapped(agent, given, **options)
    except Exception as error:
        if (violation := _within(error)) is not None:
            raise violation from None
        raise
    return _decided_output(Parts(run), result)


def _streamed(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    agent, given = _two(args, kwargs, "starting_agent", "input")
    run = _begin_run(agent, kwargs)
    options = {name: value for name, value in kwargs.items() if name not in ("starting_agent", "input")}
    if run is None:
        return wrapped(agent, given, **options)
    given = _decided_input(run, given)
    with run.inside():  # the SDK's own task takes the context with it
        result = wrapped(agent, given, **options)
    events = result.stream_events
    result.stream_events = lambda: _events(run, result, events)
    return result


async def _events(run: AgentRun, result: Any, events: Callable[[], AsyncIterator[Any]]) -> AsyncIterator[Any]:
    """The events of a streamed run: whole items are cleaned as they pass, the output decided at the end."""
    parts, ended = Parts(run), False
    try:
        async for event in events():
            if (item := getattr(event, "item", None)) is not None:
                _clean_item(parts, item)
            yield event
        ended = True
        _decided_output(parts, result)
    except Exception as error:
        if (violation := _within(error)) is not None:
            raise violation from None
        raise
    finally:
        if not ended:
            parts.end()


def _begin_run(agent: Any, options: Mapping[str, Any]) -> AgentRun | None:
    return AgentRun.begin(OpenAIAgentsGuard.governor, agent.name, _conversation_of(options))


def _conversation_of(options: Mapping[str, Any]) -> str | None:
    """What the SDK knows a conversation by: its id at OpenAI, the session, or the group of its traces."""
    config = options.get("run_config")
    group = config.get("group_id") if isinstance(config, Mapping) else getattr(config, "group_id", None)
    session = getattr(options.get("session"), "session_id", None)
    found = next((known for known in (options.get("conversation_id"), session, group) if known), None)
    return None if found is None else str(found)


def _decided_input(run: AgentRun, given: Any) -> Any:
    if isinstance(given, str | list):
        return run.input(given)
    run.input(None)  # a paused run that goes on: what it was given was decided then
    return given


def _decided_output(parts: Parts, result: Any) -> Any:
    """Decide what a run gave; `result` itself holds what its caller may have."""
    output, result.final_output = result.final_output, None  # which stays so where it is withheld
    for item in result.new_items:
        _clean_item(parts, item)
    result.final_output = parts.output(output)
    return result


def _clean_item(parts: Parts, item: Any) -> None:
    """Take out of one item of a run what policies take out of the agent's output.

    Raises:
        PolicyViolation: The caller must not have it.
    """
    for name in ("raw_item", "output"):
        if (value := getattr(item, name, None)) is not None:
            cleaned = parts.passed(value)
            if cleaned is not value:
                setattr(item, name, cleaned)


def _within(error: Exception) -> PolicyViolation | None:
    """The violation that the SDK put an error of its own around."""
    is_the_sdks = type(error).__module__.startswith("agents.")
    return find_violation(error.__cause__) if is_the_sdks else None
