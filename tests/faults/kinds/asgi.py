"""An ASGI service whose requests are an agent's work: ``uvicorn tests.faults.kinds.asgi:app``.

Uvicorn ends by the signal that it was sent, and handles signals before it imports this: so the
service ends its agent itself.
"""

from __future__ import annotations

from typing import Any

from tests.faults.kinds.recording import start, work

agent = start()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    mark = work(agent)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": mark.encode()})


async def _live(receive: Any, send: Any) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    agent.shutdown()
    await send({"type": "lifespan.shutdown.complete"})
