"""A client of MCP. Two lines of ours govern what it asks of every server, over every transport."""

import asyncio
import sys
from collections.abc import Awaitable

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from promethios.governance import Governor, PolicyViolation
from promethios.governance.adapters import instrument_all

governor = Governor.from_file("policies.yaml")
instrument_all(governor)


async def show(call: Awaitable) -> None:
    """Print what a call gives, or why it gives nothing."""
    try:
        given = await call
        print([part.text for part in getattr(given, "content", None) or given.contents])
    except PolicyViolation as violation:
        print(violation)


async def main() -> None:
    """Use the mailbox in two conversations."""
    server = StdioServerParameters(command=sys.executable, args=["server.py"])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        with governor.conversation("first", agent="secretary"):
            await show(session.call_tool("send_mail", {"to": "bob@example.org", "text": "see you"}))
            await show(session.call_tool("read_mail", {"number": 7}))
            await show(session.call_tool("send_mail", {"to": "eve@example.org", "text": "as asked"}))
        with governor.conversation("second", agent="secretary"):
            await show(session.read_resource("mailbox://signature"))


asyncio.run(main())
