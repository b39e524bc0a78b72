"""LangGraph: runs of `create_agent`'s agents and of every other graph; whole and streamed, sync and async.

A run belongs to the agent that the graph is named for, and to the conversation that its `thread_id` says; so
do the calls of models and tools within, in whatever thread they are made. A graph without a name of its own
is decided, too, as an agent of no name; within another graph it is a part of that one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

from promethios.governance.adapters.agents import AgentRun
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.enforcement.ambient import running

_UNNAMED: Final = "LangGraph"


class LangGraphGuard(LibraryGuard):
    """Puts guards around the graphs of `langgraph`. One for the process."""

    library: ClassVar[str] = "langgraph"
    scopes: ClassVar[frozenset[str]] = frozenset()  # spans of runs are opened within the guard

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        ways = {"invoke": _invoked, "ainvoke": _ainvoked, "stream": _streamed, "astream": _astreamed}
        wrap_when_imported("langgraph.pregel", {f"Pregel.{name}": way for name, way in ways.items()})


def _invoked(wrapped: Callable[..., Any], graph: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    run = _begin(graph, args, kwargs)
    if run is None:
        return wrapped(*args, **kwargs)
    args, kwargs = _before(run, args, kwargs)
    with run.inside():
        output = wrapped(*args, **kwargs)
    return run.output(output)


async def _ainvoked(
    wrapped: Callable[..., Any], graph: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    run = _begin(graph, args, kwargs)
    if run is None:
        return await wrapped(*args, **kwargs)
    args, kwargs = _before(run, args, kwargs)
    with run.inside():
        output = await wrapped(*args, **kwargs)
    return run.output(output)


def _streamed(
    wrapped: Callable[..., Iterator[Any]], graph: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[Any]:
    run = _begin(graph, args, kwargs)
    if run is None:
        yield from wrapped(*args, **kwargs)
        return
    args, kwargs = _before(run, args, kwargs)
    yield from run.stream(lambda: wrapped(*args, **kwargs))


async def _astreamed(
    wrapped: Callable[..., AsyncIterator[Any]], graph: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> AsyncIterator[Any]:
    run = _begin(graph, args, kwargs)
    parts = wrapped(*args, **kwargs) if run is None else _parts(run, wrapped, args, kwargs)
    async for part in parts:
        yield part


def _parts(
    run: AgentRun, wrapped: Callable[..., AsyncIterator[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> AsyncIterator[Any]:
    args, kwargs = _before(run, args, kwargs)
    return run.astream(lambda: wrapped(*args, **kwargs))


def _begin(graph: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> AgentRun | None:
    name = graph.get_name()
    around = running()
    if name == _UNNAMED and around is not None and around.kind == "agent":
        return None
    config = kwargs.get("config") or (args[1] if len(args) > 1 else None)
    return AgentRun.begin(
        LangGraphGuard.governor, None if name == _UNNAMED else name, _thread_of(config, graph)
    )


def _before(
    run: AgentRun, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if args:
        return (run.input(args[0]), *args[1:]), kwargs
    return args, {**kwargs, "input": run.input(kwargs.get("input"))}


def _thread_of(config: Any, graph: Any) -> str | None:
    """The thread that a run continues, which is LangGraph's word for a conversation."""
    for source in (config, getattr(graph, "config", None)):
        configurable = source.get("configurable") if isinstance(source, Mapping) else None
        if isinstance(configurable, Mapping) and (thread := configurable.get("thread_id")) is not None:
            return str(thread)
    return None
