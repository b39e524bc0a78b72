"""LangChain: every tool, however it was made and whoever calls it, sync and async.

The guard stands around a tool's own `_run` and `_arun`, below `invoke`, `run`, callbacks and LangGraph's tool
nodes: it sees the arguments as they were parsed and validated, with their defaults, and the result before any
callback, stream or message is made of it. A class of tools is guarded when the first of its tools runs, so
tools made before are guarded too.

A block is raised to the caller of the tool. `handle_tool_error` is for `ToolException` and does not see it;
LangGraph's `ToolNode` and `create_agent` let it through, unless they are told to make text of every error
(`handle_tool_errors=True`): then the model reads policy and reason, and the tool has not run all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final
from weakref import WeakSet

from wrapt import FunctionWrapper

from promethios.governance import semconv
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.adapters.tools import ToolCall

_MODULE: Final = "langchain_core.tools.base"
_FROM_THE_FRAMEWORK: Final = frozenset({"run_manager", "callbacks"})


class LangChainGuard(LibraryGuard):
    """Puts guards around the tools of `langchain-core`. One for the process."""

    library: ClassVar[str] = "langchain_core"
    scopes: ClassVar[frozenset[str]] = frozenset(
        {
            "openinference.instrumentation.langchain",
            "opentelemetry.instrumentation.genai.langchain",
            "opentelemetry.instrumentation.langchain",
        }
    )

    kinds: ClassVar[frozenset[str]] = frozenset({"tool"})

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        wrap_when_imported(_MODULE, {"BaseTool.run": _entered, "BaseTool.arun": _entered})


def _entered(wrapped: Callable[..., Any], tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A tool is about to run: its class must be guarded by now."""
    if LangChainGuard.governor is not None:
        _guard_class(type(tool))
    return wrapped(*args, **kwargs)


_guarding: Final = threading.Lock()
_guarded_classes: Final[WeakSet[type]] = WeakSet()


def _guard_class(kind: type) -> None:
    """Put guards around the `_run` and `_arun` that tools of `kind` have, where they are defined."""
    if kind in _guarded_classes:
        return
    with _guarding:
        for method, wrapper in (("_run", _guarded), ("_arun", _guarded_async)):
            owner = next(base for base in kind.__mro__ if method in vars(base))
            # The base's own `_arun` calls `_run` in a thread, and is compared by identity.
            if owner.__module__ != _MODULE and not _is_guarded(vars(owner)[method], wrapper):
                setattr(owner, method, FunctionWrapper(vars(owner)[method], wrapper))
        _guarded_classes.add(kind)


def _is_guarded(function: Any, wrapper: Any) -> bool:
    while function is not None:
        if getattr(function, "_self_wrapper", None) is wrapper:
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def _guarded(wrapped: Callable[..., Any], tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call = _begin(tool, _asked(wrapped, tool, args, kwargs))
    if call is None:
        return wrapped(*args, **kwargs)
    args, kwargs = _before(call, wrapped, tool, args, kwargs)
    with call.running():
        result = wrapped(*args, **kwargs)
    return call.result(result)


async def _guarded_async(
    wrapped: Callable[..., Any], tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    call = _begin(tool, _asked(wrapped, tool, args, kwargs))
    if call is None:
        return await wrapped(*args, **kwargs)
    args, kwargs = _before(call, wrapped, tool, args, kwargs)
    with call.running():
        result = await wrapped(*args, **kwargs)
    return call.result(result)


def _begin(tool: Any, asked: Mapping[str, Any]) -> ToolCall | None:
    return ToolCall.begin(LangChainGuard.governor, tool.name, {semconv.TOOL_TYPE: "function"}, asked)


def _asked(function: Any, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What the model chose of a call's arguments, by name."""
    chosen = _chosen(function, tool, kwargs)
    return {_name_of_text(tool, chosen): list(args), **chosen} if args else chosen


def _before(
    call: ToolCall, function: Any, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Decide what the model chose of a call's arguments, and put what was redacted in its place."""
    chosen = _chosen(function, tool, kwargs)
    others = {name: value for name, value in kwargs.items() if name not in chosen}
    if not args:
        return args, {**call.arguments(chosen), **others}
    texts, *redacted = call.arguments({_name_of_text(tool, chosen): list(args), **chosen}).values()
    return tuple(texts), {**dict(zip(chosen, redacted, strict=True)), **others}


def _chosen(function: Any, tool: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are neither LangChain's own nor injected by the application."""
    visible = getattr(tool, "_filter_injected_args", dict)(kwargs)
    framework = _names_of_the_framework(getattr(function, "__func__", function))
    return {name: value for name, value in visible.items() if name not in framework}


@lru_cache(maxsize=4096)
def _names_of_the_framework(function: Any) -> frozenset[str]:
    """The parameters of a tool's method that LangChain fills itself."""
    try:
        annotations: Mapping[str, Any] = function.__annotations__
    except Exception:  # names that exist for the type checker only, from Python 3.14 on
        return _FROM_THE_FRAMEWORK | {"config"}
    config = {name for name, kind in annotations.items() if "RunnableConfig" in str(kind)}
    return _FROM_THE_FRAMEWORK | config


def _name_of_text(tool: Any, taken: Mapping[str, Any]) -> str:
    """What the one text is called that tools of the older kind take."""
    try:
        return next(str(name) for name in tool.args if name not in taken)
    except Exception:  # no other, or a schema that cannot be read
        return "input"
