"""What governing costs: a bare span, the same with the processor, a governed one, and a guarded call.

Run it: ``python tests/benchmarks/enforcement.py``. Every case is measured in turn, many times over, in CPU
time; the best round of each is reported beside the bare span of the same run, as a difference and as a ratio.
Decisions go into a lane that keeps none, as with ``configure()`` up to its queue.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from promethios.governance import GovernanceSpanProcessor, Governor
from promethios.governance.telemetry.lane import DecisionLane

ROUNDS, CALLS = 40, 500
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "acme",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.conversation.id": "c-1",
}
WORK = {"http.request.method": "GET", "url.path": "/orders", "server.address": "localhost"}
# One decision, before the call, with a detector that redacts.
BEFORE = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: before, version: "1"}
spec:
  policies:
    - {id: models, severity: high, on: [model.before], when: 'model.request == "none"', action: block,
       onError: block}
    - {id: cards, severity: high, on: [model.before], detect: {in: [input], any: ["pii.*", "secret.*"]},
       action: redact}
"""


def spans(provider: TracerProvider, attributes: dict[str, str], changing: bool = False) -> Callable[[], None]:
    """One span with five attributes set later, as instrumentations do; one of them may change each time."""
    tracer = provider.get_tracer("benchmark")
    number = 0

    def run() -> None:
        nonlocal number
        with tracer.start_as_current_span("work", attributes=attributes) as span:
            for key in range(4):
                span.set_attribute(f"app.value.{key}", "a value of some length")
            number += changing
            span.set_attribute("app.last", f"order {number} of somebody's basket")

    return run


def governed(governor: Governor) -> TracerProvider:
    """A provider that `governor` governs."""
    provider = TracerProvider()
    provider.add_span_processor(GovernanceSpanProcessor(governor))
    lane = DecisionLane(provider)
    lane.add_span_processor(SpanProcessor())
    governor.set_decision_lane(lane)
    return provider


def cases() -> dict[str, Callable[[], object]]:
    """The cases by name; the first is the reference."""
    bare = TracerProvider()
    bare.add_span_processor(SpanProcessor())
    plain = governed(Governor.from_text("\n".join(BEFORE.splitlines()[:-2])))
    before = governed(Governor.from_text(BEFORE))
    governor = Governor.from_file("promethios:baseline")
    baseline = governed(governor)

    @governor.guard("tool")
    def tool(order: str) -> str:
        return order

    return {
        "bare span": spans(bare, WORK),
        "no operation, no redaction": spans(plain, WORK),
        "no operation": spans(baseline, WORK),
        "no operation, new values": spans(baseline, WORK, changing=True),
        "governed, decided before": spans(before, CHAT),
        "governed, before and after": spans(baseline, CHAT),
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
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            best[name] = min(best[name], measure(run))
    reference = best["bare span"]
    for name, found in best.items():
        print(f"{name:28} {found:8.1f} µs   {found - reference:+8.1f} µs   {found / reference:5.2f} x")


if __name__ == "__main__":
    main()
