"""What a decision costs: 50 policies and 20 detectors over a model call with 2 KB of text.

Run it as a script: ``python tests/benchmarks/engine.py``. It prints CPU time per decision, and beside it the
time that the detectors' patterns alone take with Python's `re` on the same text in the same run.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from typing import Any

from promethios.governance.detectors import DETECTORS
from promethios.governance.engine import Engine
from promethios.governance.limits import State
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle

ROUNDS = 5000
DETECTOR_COUNT = 20
WORDS = (
    "the customer asked when order 20261122-4711 leaves, ref 550e8400-e29b-41d4-a716-446655440000, v2.14.3; "
)
TEXT = (WORDS * 21)[:2048]

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
)


def bundle_text() -> str:
    """Fifty policies for model calls, one of which detects."""
    ids = ", ".join(f'"{name}"' for name in list(DETECTORS)[-DETECTOR_COUNT:])
    policies = [SHAPES[n % len(SHAPES)].format(n=n) for n in range(49)]
    policies.append(f"detect: {{in: [input], any: [{ids}]}}")
    return HEAD + "".join(
        f"    - id: p{n}\n      severity: low\n      on: [model.before]\n      action: flag\n      {part}\n"
        for n, part in enumerate(policies)
    )


def measure(name: str, call: Callable[[], Any], rounds: int) -> None:
    """Print the median and the 99th percentile of the CPU time of one call, in microseconds."""
    for _ in range(rounds // 10):
        call()
    times = []
    for _ in range(rounds):
        started = time.thread_time_ns()
        call()
        times.append((time.thread_time_ns() - started) / 1000)
    times.sort()
    print(f"{name:44} p50 {statistics.median(times):8.1f} µs   p99 {times[rounds * 99 // 100]:8.1f} µs")


def main() -> None:
    engine, state = Engine(parse_bundle(bundle_text())), State()
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.agent.name": "support",
        "gen_ai.conversation.id": "c-1",
        "deployment.environment.name": "prod",
    }
    operation = Operation("model.before", attributes, input=[{"role": "user", "content": TEXT}])
    assert not engine.evaluate(operation, state).matches
    bare = Operation("model.before", attributes)
    detectors = [DETECTORS[name] for name in list(DETECTORS)[-DETECTOR_COUNT:]]
    # RE2 writes a code point as \x{...}, which is the one thing here that `re` writes otherwise.
    patterns = [
        re.compile(re.sub(r"\\x\{(\w+)\}", lambda code: chr(int(code[1], 16)), source))
        for detector in detectors
        for source in detector.patterns
    ]
    measure("decision: 50 policies, 20 detectors, 2 KB", lambda: engine.evaluate(operation, state), ROUNDS)
    measure("decision: the same without a payload", lambda: engine.evaluate(bare, state), ROUNDS)
    measure(f"{len(patterns)} patterns with `re`, 2 KB", lambda: [p.search(TEXT) for p in patterns], 500)


if __name__ == "__main__":
    main()
