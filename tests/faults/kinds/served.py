"""A WSGI service whose requests are an agent's work: ``gunicorn tests.faults.kinds.served:app``.

Where ``SET_UP`` is ``after`` each worker sets itself up with its first request; else it is done at import, in
the master where there is ``--preload``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from tests.faults.kinds.recording import start, work

_agents = [start()] if os.environ.get("SET_UP") != "after" else []
if _agents and os.environ.get("MASTER_WORKS"):
    work(_agents[0])


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    if not _agents:
        _agents.append(start())
    mark = work(_agents[0], environ["PATH_INFO"].strip("/") or "look_up")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [mark.encode()]
