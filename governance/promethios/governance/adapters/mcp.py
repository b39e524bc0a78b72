"""MCP: what a client asks of servers (tools, resources, prompts), over every transport; and a server's tools.

The client's guard stands around the session, which every client is made of. A resource that is read and a
prompt that is fetched are content that strangers write, as a tool's result is: they are decided as tools of
the names ``resources/read`` and ``prompts/get``.

A server's author guards his tools by `GovernanceMiddleware`, whoever the client is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from promethios.governance import semconv
from promethios.governance.adapters.library import LibraryGuard, wrap_when_imported
from promethios.governance.adapters.tools import ToolCall
from promethios.governance.enforcement.violation import PolicyViolation

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

# The scope of the spans that the SDK itself opens for the requests to a server.
_SERVER_SCOPE: Final = "mcp-python-sdk"
# JSON-RPC's code of the request that is refused as such.
_INVALID_REQUEST: Final = -32600


class MCPGuard(LibraryGuard):
    """Puts guards around the client sessions of the `mcp` package. One for the process."""

    library: ClassVar[str] = "mcp"
    scopes: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def install(cls) -> None:
        """Put the guards on, once for the process."""
        ways = {"call_tool": _tool, "read_resource": _resource, "get_prompt": _prompt}
        wrap_when_imported("mcp.client.session", {f"ClientSession.{name}": way for name, way in ways.items()})


_Call = Callable[..., Awaitable[Any]]


async def _tool(wrapped: _Call, session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`call_tool(name, arguments, ...)`."""
    name, args, kwargs = _taken("name", args, kwargs)
    call = _begin(session, "tools/call", str(name), _arguments(args, kwargs))
    return await _decided(call, wrapped, name, args, kwargs)


async def _prompt(wrapped: _Call, session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`get_prompt(name, arguments, ...)`."""
    name, args, kwargs = _taken("name", args, kwargs)
    asked = {"name": name, "arguments": _arguments(args, kwargs)}  # no adapter further out decides a prompt
    call = _begin(session, "prompts/get", "prompts/get", asked, {semconv.MCP_PROMPT_NAME: str(name)})
    return await _decided(call, wrapped, name, args, kwargs)


async def _resource(wrapped: _Call, session: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`read_resource(uri, ...)`."""
    uri, args, kwargs = _taken("uri", args, kwargs)
    shown = {"uri": str(uri)}
    call = _begin(session, "resources/read", "resources/read", shown, {semconv.MCP_RESOURCE_URI: str(uri)})
    if call is None:
        return await wrapped(uri, *args, **kwargs)
    redacted = call.arguments(shown)
    with call.running():
        result = await wrapped(uri if redacted is shown else redacted["uri"], *args, **kwargs)
    return call.result(result)


async def _decided(
    call: ToolCall | None, wrapped: _Call, name: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if call is None:
        return await wrapped(name, *args, **kwargs)
    given, args, kwargs = _taken("arguments", args, kwargs)
    redacted = call.arguments(given if given is not None else {})
    with call.running():
        result = await wrapped(name, redacted if given is not None else None, *args, **kwargs)
    return call.result(result)


def _taken(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The next argument of a call, by place or by name, and the others."""
    if args:
        return args[0], args[1:], kwargs
    return kwargs.get(name), args, {key: value for key, value in kwargs.items() if key != name}


def _arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    return args[0] if args else kwargs.get("arguments")


def _begin(
    session: Any, method: str, tool: str, asked: Any, attributes: Mapping[str, Any] | None = None
) -> ToolCall | None:
    known = {semconv.MCP_METHOD: method, **(attributes or {})}
    server = getattr(getattr(session, "server_info", None), "name", None)
    if isinstance(server, str):
        known[semconv.MCP_SERVER_NAME] = server
    return ToolCall.begin(MCPGuard.governor, tool, known, asked)


class GovernanceMiddleware:
    """Guards the tools of a server, whoever its client is. Needs `mcp` 2.

        server = MCPServer("shop", middleware=[GovernanceMiddleware(governor)])

    The client of a call that policies stop gets an MCP error that names policy and reason.

    Args:
        governor: Who decides.
    """

    def __init__(self, governor: Governor) -> None:
        self._governor = governor
        governor.guarded_scopes.add(_SERVER_SCOPE)

    async def __call__(self, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """Decide a call of a tool before and after it; let everything else pass."""
        if ctx.method != "tools/call" or not isinstance(ctx.params, Mapping):
            return await call_next(ctx)
        try:
            return await self._decided(ctx, call_next)
        except PolicyViolation as violation:
            from mcp.shared.exceptions import MCPError  # here, where it must have been imported

            raise MCPError(_INVALID_REQUEST, str(violation)) from violation

    async def _decided(self, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        known = {semconv.MCP_METHOD: ctx.method}
        given = ctx.params.get("arguments")
        call = ToolCall.begin(self._governor, str(ctx.params.get("name")), known, given)
        if call is None:
            return await call_next(ctx)
        redacted = call.arguments({} if given is None else given)
        if given is not None and redacted is not given:
            ctx = replace(ctx, params={**ctx.params, "arguments": redacted})
        with call.running():
            result = await call_next(ctx)
        return call.result(result)
