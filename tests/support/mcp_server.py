"""An MCP server for tests, run as a program: it writes every call that reaches it to a file.

    python mcp_server.py CALLS [PORT]

Speaks over stdin and stdout, or over HTTP on PORT of the loopback interface.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, EmbeddedResource, ImageContent, TextContent, TextResourceContents

CARD = "4111 1111 1111 1111"
IMAGE = "4111" * 32  # as base64, which may look like anything
KEY = "AKIA" + "IOSFODNN7EXAMPLE"


def make(calls: Path) -> MCPServer:
    """A server with tools, a resource and a prompt, which notes in `calls` what it is asked."""
    server = MCPServer("shop", log_level="ERROR")

    def note(called: str, **arguments: Any) -> None:
        with calls.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"called": called, **arguments}) + "\n")

    @server.tool()
    def pay(card: str, amount: int = 1) -> str:
        note("pay", card=card, amount=amount)
        return f"paid {amount} with {card}"

    @server.tool()
    def delete_all(path: str) -> str:
        note("delete_all", path=path)
        return "gone"

    @server.tool()
    def customer(name: str) -> dict[str, Any]:
        note("customer", name=name)
        return {"name": name, "card": CARD, "orders": [1, 2]}

    @server.tool()
    def leak() -> str:
        note("leak")
        return f"the key is {KEY}"

    @server.tool()
    def parts() -> CallToolResult:
        note("parts")
        page = TextResourceContents(uri="shop://receipt", text=f"card {CARD}", mime_type="text/plain")
        return CallToolResult(
            content=[
                TextContent(type="text", text="a receipt"),
                ImageContent(type="image", data=IMAGE, mime_type="image/png"),
                EmbeddedResource(type="resource", resource=page),
            ]
        )

    @server.resource("shop://terms")
    def terms() -> str:
        note("terms")
        return f"cards such as {CARD} are welcome"

    @server.prompt()
    def greet(name: str) -> str:
        note("greet", to=name)
        return f"greet {name}, whose card is {CARD}"

    return server


def main() -> None:
    """Run the server until its client or its parent ends it."""
    server = make(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")


if __name__ == "__main__":
    main()
