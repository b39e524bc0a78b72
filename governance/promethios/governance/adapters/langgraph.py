"""LangGraph: runs of `create_agent`'s agents and of every other graph; whole and streamed, sync and async.

A run belongs to the agent that the graph is named for, and to the conversation that its `thread_id` says; so
do the calls of models and tools within, in whatever thread they are made. A graph without a name of its own
is decided, too, as an agent of no name; within another graph it is a part of that one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wrapt import register_post_import_hook, wrap_function_wrapper

from promethios.governance.adapters.agents import AgentRun
from promethios.governance.enforcement.ambient import running

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_MODULE: Final = "langgraph.pregel"
_UNNAMED: Final = "LangGraph"


class LangGraphGuard:
    """Puts guards around the graphs of `langgraph`. One for the process.

    What is put there stays, and lets everything pass while there is no governor.
    """

    _governor: ClassVar[Governor | None] = None
    _installed: ClassVar[bool] = False

    def instrument(self, *, governor: Governor) -> None:
        """Guard every graph of the process by `governor`, from the moment on that LangGraph is imported."""
        LangGraphGuard._governor = governor
        if not LangGraphGuard._installed:
            LangGraphGuard._installed = True
            register_post_import_hook(_install, _MODULE)

    def uninstrument(self) -> None:
        """Take the guards off again."""
        LangGraphGuard._governor = None


def _install(_: Any) -> None:
    wrappers = {"invoke": _invoked, "ainvoke": _ainvoked, "stream": _streamed, "astream": _astreamed}
    for method, wrapper in wrappers.items():
        wrap_function_wrapper(_MODULE, f"Pregel.{method}", wrapper)


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
        LangGraphGuard._governor, None if name == _UNNAMED else name, _thread_of(config, graph)
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
