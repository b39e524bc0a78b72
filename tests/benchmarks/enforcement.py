"""What governing costs: a bare span, the same with the processor, a governed one, and a guarded call.

Run it: ``python tests/benchmarks/enforcement.py``. Every case is measured in turn, many times over, and the
median of the rounds is reported beside the bare span of the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from promethios.governance import GovernanceSpanProcessor, Governor

ROUNDS, CALLS = 15, 1_000
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "acme",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.conversation.id": "c-1",
}
WORK = {"http.request.method": "GET", "url.path": "/orders", "server.address": "localhost"}


def spans(provider: TracerProvider, name: str, attributes: dict[str, str]) -> Callable[[], object]:
    """One span with five attributes set later, as instrumentations do."""
    tracer = provider.get_tracer("benchmark")

    def run() -> None:
        with tracer.start_as_current_span(name, attributes=attributes) as span:
            for number in range(5):
                span.set_attribute(f"app.value.{number}", "a value of some length")

    return run


def cases() -> dict[str, Callable[[], object]]:
    """The cases by name; the first is the reference."""
    bare, governed = TracerProvider(), TracerProvider()
    bare.add_span_processor(SpanProcessor())
    governor = Governor.from_file("promethios:baseline")
    governed.add_span_processor(GovernanceSpanProcessor(governor))

    @governor.guard("tool")
    def tool(order: str) -> str:
        return order

    return {
        "bare span": spans(bare, "work", WORK),
        "span that is no operation": spans(governed, "work", WORK),
        "governed span": spans(governed, "chat", CHAT),
        "guarded tool call": lambda: str(tool("1042")),
    }


def measure(run: Callable[[], object]) -> float:
    """CPU microseconds of one call."""
    started = time.process_time()
    for _ in range(CALLS):
        run()
    return (time.process_time() - started) / CALLS * 1e6


def main() -> None:
    """Print a table."""
    runs = cases()
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            measured[name].append(measure(run))
    medians = {name: statistics.median(values) for name, values in measured.items()}
    reference = medians["bare span"]
    for name, median in medians.items():
        print(f"{name:28} {median:8.1f} µs   {median - reference:+8.1f} µs   {median / reference:5.2f} x")


if __name__ == "__main__":
    main()
