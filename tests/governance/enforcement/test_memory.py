"""What many operations leave behind: nothing that grows with their number, and no thread."""

from __future__ import annotations

import gc
import threading

from openai import OpenAI
from opentelemetry.sdk.trace import TracerProvider
from tests.support import providers
from tests.support.governed import POLICIES

from promethios.governance import GovernanceSpanProcessor, Governor
from promethios.governance.adapters import OpenAIGuard

OPERATIONS = 10_000
ASKED = 150
# One leftover of each second operation would be more than twice as many; bounded caches stay below.
FEW = OPERATIONS // 5


def _work(governor: Governor, tracer_of: TracerProvider, client: OpenAI, operations: int, asked: int) -> None:
    tracer = tracer_of.get_tracer("opentelemetry.instrumentation.other")

    @governor.guard("tool", name="look")
    def look(path: str) -> str:
        return path

    for number in range(operations // 2):
        look(f"/{number}")
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "read"}
        with tracer.start_as_current_span("execute_tool read", attributes=attributes):
            pass
    for _ in range(asked):
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}])


def _left() -> tuple[int, int]:
    gc.collect()
    return len(gc.get_objects()), threading.active_count()


def test_many_operations_leave_nothing_that_grows() -> None:
    governor = Governor.from_text(POLICIES.replace("max: 100", "max: 100000"))
    tracers = TracerProvider()
    tracers.add_span_processor(GovernanceSpanProcessor(governor))
    OpenAIGuard().instrument(governor=governor)
    try:
        with (
            providers.OpenAI() as server,
            OpenAI(base_url=server.base_url, api_key="unused", max_retries=0) as client,
        ):
            _work(governor, tracers, client, OPERATIONS, 5)  # so that what is bounded is full
            objects, threads = _left()
            _work(governor, tracers, client, OPERATIONS, ASKED)
            server.requests.clear()
            now, running = _left()
    finally:
        OpenAIGuard().uninstrument()
        tracers.shutdown()
    assert now - objects < FEW
    assert running <= threads
