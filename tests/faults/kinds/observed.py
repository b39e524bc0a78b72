"""An agent with an instrumentation of urllib3, which delivers: ``python -m tests.faults.kinds.observed``.

It makes a span of each request, and asks before whether it may, as OpenTelemetry's own does.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import urllib3
import wrapt
from opentelemetry import trace
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled, is_instrumentation_enabled
from tests.faults.kinds.recording import start, work


@wrapt.patch_function_wrapper(urllib3.HTTPConnectionPool, "urlopen")
def urlopen(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    if not (is_instrumentation_enabled() and is_http_instrumentation_enabled()):
        return wrapped(*args, **kwargs)
    with trace.get_tracer("instrumentation").start_as_current_span("HTTP"):
        return wrapped(*args, **kwargs)


def main() -> None:
    agent = start()
    logging.getLogger().setLevel("DEBUG")
    for handler in logging.getLogger().handlers:
        handler.setLevel("DEBUG")
    work(agent)
    child = os.fork()
    for _ in range(3):
        work(agent, "delete_user")
        agent.flush()
    # The application's own request is observed: the instrumentation works.
    urllib3.PoolManager().request("GET", os.environ["PROMETHIOS_ENDPOINT"] + "/livez")
    if child:
        assert os.waitpid(child, 0)[1] == 0


if __name__ == "__main__":
    main()
