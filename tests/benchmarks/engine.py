"""What a decision costs the agent, side by side in one run, in CPU time of the thread.

Run it as a script: ``python tests/benchmarks/engine.py``. It is run several times over and prints the best of
the medians and of the 99th percentiles, because what else the machine does only ever adds. Beside the engine
stands the time that the same detectors' patterns take with Python's `re` on the same text.
"""

from __future__ import annotations

import itertools
import re
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from promethios.governance.detectors import DETECTORS
from promethios.governance.engine import Engine
from promethios.governance.governor import Governor
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle

TIMES = 5
ROUNDS = 2000
DETECTOR_COUNT = 22
WORDS = (
    "the customer asked when order 20261122-4711 leaves, ref 550e8400-e29b-41d4-a716-446655440000, v2.14.3; "
)
TEXT = (WORDS * 21)[:2048]
LONG_TEXT = (WORDS * 210)[:20480]

HEAD = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: benchmark, version: "1"}
spec:
  defaults: {onError: flag}
  policies:
"""
#: What policies look like, in the proportions of a large bundle; {n} is the policy's number.
SHAPES = (
    'when: \'!(model.request in ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4"])\'',
    "when: 'environment == \"staging-{n}\" && usage.input_tokens > {n}'",
    'when: \'model.provider.startsWith("internal-{n}") || agent.name.endsWith("-{n}")\'',
    'match: {{model: ["o1-*", "model-{n}"]}}',
    "limit: {{of: tokens, max: 90000{n}, per: conversation}}",
    "when: 'attr(\"http.response.status_code\", 0) == 500 + {n}'",
    'when: \'environment == "prod" && user.id == "u-{n}"\'',
    "limit: {{of: cost, max: 1{n}, per: agent, window: 1h}}",
    "after: {{on: [tool.before], match: {{tool: ['read_{n}_*']}}, within: 10m, per: conversation}}",
    "match: {{attributes: {{deployment.environment.name: [canary, staging], team: payments}}}}",
)
#: Policies of other agents and environments, as a platform's bundle for everybody has them.
ELSEWHERE = (
    "match: {{agent: [agent-{n}]}}\n      when: 'usage.input_tokens > {n}'",
    "match: {{environment: [env-{n}, 'dev-*']}}\n      limit: {{of: calls, max: {n}, per: agent}}",
    'when: \'service.name == "service-{n}" && input.contains("x")\'',
)
ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.max_tokens": 1024,
    "gen_ai.agent.id": "a-17",
    "gen_ai.agent.name": "support",
    "gen_ai.conversation.id": "c-1",
    "deployment.environment.name": "prod",
    "service.name": "support-agent",
    "service.version": "4.1.0",
    "service.instance.id": "7f3c",
    "server.address": "api.openai.com",
    "server.port": 443,
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.version": "1.45.2",
    "user.id": "u-4711",
    "team": "support",
    "host.name": "node-12",
}
NAMES = list(DETECTORS)[-DETECTOR_COUNT:]


def bundle_text(count: int = 50, elsewhere: int = 0) -> str:
    """`count` policies for model calls, one of which detects, and `elsewhere` that concern others."""
    parts = [SHAPES[n % len(SHAPES)].format(n=n) for n in range(count - 1)]
    parts.append(f"detect: {{in: [input], any: [{', '.join(map(repr, NAMES))}]}}")
    parts += [ELSEWHERE[n % len(ELSEWHERE)].format(n=n) for n in range(elsewhere)]
    return HEAD + "".join(
        f"    - id: p{n}\n      severity: low\n      on: [model.before]\n      action: flag\n      {part}\n"
        for n, part in enumerate(parts)
    )


def model_call(text: str | None, **attributes: Any) -> Operation:
    messages = None if text is None else [{"role": "user", "content": text}]
    return Operation("model.before", {**ATTRIBUTES, **attributes}, input=messages)


def timed(call: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """The median and the 99th percentile of the CPU time of one call, in microseconds."""
    times = []
    for _ in range(rounds):
        started = time.thread_time_ns()
        call()
        times.append((time.thread_time_ns() - started) / 1000)
    times.sort()
    return statistics.median(times), times[rounds * 99 // 100]


def measure(calls: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """The best median and the best 99th percentile of each call, all of them by turns."""
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(TIMES):
        for name, call in calls.items():
            timed(call, rounds // 10)
            runs[name].append(timed(call, rounds))
    return {name: (min(p50 for p50, _ in each), min(p99 for _, p99 in each)) for name, each in runs.items()}


def show(results: dict[str, tuple[float, float]]) -> None:
    for name, (p50, p99) in results.items():
        print(f"{name:58} p50 {p50:8.1f} µs   p99 {p99:8.1f} µs")


def main() -> None:
    bundle, state = parse_bundle(bundle_text()), State()
    engine, large = Engine(bundle), Engine(parse_bundle(bundle_text(20, 480)))
    governor = Governor(bundle)
    operation, long, bare = model_call(TEXT), model_call(LONG_TEXT), model_call(None)
    assert not engine.evaluate(long, state).matches
    assert not large.evaluate(operation, state).matches
    strangers = (model_call(TEXT, **{"gen_ai.agent.name": f"agent {n}"}) for n in itertools.count())
    after = Operation("model.after", {**ATTRIBUTES, "gen_ai.usage.input_tokens": 512})
    calls: dict[str, Callable[[], Any]] = {
        "50 policies, 22 detectors, 20 attributes, 2 KB": lambda: engine.evaluate(operation, state),
        "the same, 20 KB": lambda: engine.evaluate(long, state),
        "the same without text": lambda: engine.evaluate(bare, state),
        "500 policies of which 20 apply, 2 KB": lambda: large.evaluate(operation, state),
        "50 policies, 2 KB, an agent never seen before": lambda: engine.evaluate(next(strangers), state),
        "500 policies, 2 KB, an agent never seen before": lambda: large.evaluate(next(strangers), state),
        "50 policies, 2 KB, decided and counted (admit)": lambda: engine.admit(operation, state),
        "50 policies, 2 KB, as the agent pays it (Governor.evaluate)": lambda: governor.evaluate(operation),
        "an answer's tokens and cost counted, no policy there": lambda: engine.admit(after, state),
    }
    print(f"Python {sys.version.split()[0]}, CPU time of the thread, best of {TIMES} runs of {ROUNDS}")
    show(measure(calls))
    # RE2 writes a code point as \x{...}, which is the one thing here that `re` writes otherwise.
    patterns = [
        re.compile(re.sub(r"\\x\{(\w+)\}", lambda code: chr(int(code[1], 16)), source))
        for name in NAMES
        for source in DETECTORS[name].sources
    ]
    show(
        measure({f"{len(patterns)} patterns with `re`, 2 KB": lambda: [p.search(TEXT) for p in patterns]}, 50)
    )


if __name__ == "__main__":
    main()
