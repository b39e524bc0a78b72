"""Many threads and tasks, while policies are swapped: nothing lost, doubled, misattributed or miscounted."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from promethios.governance import semconv
from promethios.governance.decision import Decision, Verdict
from promethios.governance.governor import Governor
from promethios.governance.operation import Operation
from promethios.governance.policies import parse_bundle

THREADS = 64
TASKS = 1000
AGENTS = 8
MOST = 500
CARD = "4111 1111 1111 1111"
BUNDLE = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {{name: soak, version: "{version}"}}
spec:
  policies:
    - {{id: scarce, severity: high, on: [tool.before], match: {{tool: scarce}}, action: block, onError: block,
       limit: {{of: calls, max: {most}, per: tool}}}}
    - {{id: sequence, severity: high, on: [tool.before], match: {{tool: send}}, action: block, onError: block,
       after: {{match: {{tool: read}}, per: conversation, within: 10m}}}}
    - {{id: cards, severity: high, on: [tool.before], detect: {{any: [pii.card]}}, action: redact}}
    - {{id: o{version}, severity: low, on: [tool.before], match: {{tool: 'no{version}*'}}, action: flag}}
"""


class Told(NamedTuple):
    """What a decision is known by, as its maker has it and as it was told."""

    seq: int
    id: str
    conversation: str
    agent: str
    tool: str
    enforced: str


class Collector(SpanProcessor):
    """Keeps what is told; appending to a list is one step for all threads."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.versions: set[str] = set()

    def on_end(self, span: ReadableSpan) -> None:
        read = dict(span.attributes or {})
        names = (
            semconv.DECISION_SEQ,
            semconv.DECISION_ID,
            semconv.CONVERSATION_ID,
            semconv.AGENT_NAME,
            semconv.TOOL_NAME,
            semconv.DECISION_ENFORCED,
        )
        self.told.append(Told(*(read[name] for name in names)))  # type: ignore[arg-type]
        self.versions.add(str(read[semconv.BUNDLE_VERSION]))


@dataclass
class Worker:
    """One thread or task: it knows what must come out of each of its steps."""

    governor: Governor
    name: str
    agent: str
    made: list[Told] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def steps(self, round_: int) -> list[tuple[str, str, Verdict | None]]:
        """Tools, arguments, and what is enforced; None where that is another's doing too."""
        return [
            ("send", "nothing", Verdict.ALLOW),
            ("scarce", "nothing", None),
            (
                "read",
                f"card {CARD}" if round_ % 2 else "nothing",
                Verdict.REDACT if round_ % 2 else Verdict.ALLOW,
            ),
            ("send", "nothing", Verdict.BLOCK),
        ]

    def step(self, conversation: str, tool: str, argument: str, expected: Verdict | None) -> None:
        operation = Operation("tool.before", {semconv.TOOL_NAME: tool}, arguments={"text": argument})
        with self.governor.conversation(conversation, agent=self.agent):
            decision = self.governor.decide(operation)
        self.made.append(
            Told(decision.seq, decision.id, conversation, self.agent, tool, decision.enforced.value)
        )
        if expected is not None and decision.enforced is not expected:
            self.wrong.append(f"{conversation} {tool}: {_said(decision)}")
        if CARD in str(decision.payload):
            self.wrong.append(f"{conversation} {tool}: not redacted")

    def run(self, until: float) -> None:
        for round_ in itertools.count():
            for tool, argument, expected in self.steps(round_):
                self.step(f"{self.name} {round_}", tool, argument, expected)
            if time.monotonic() >= until:
                return

    async def run_as_task(self, until: float) -> None:
        for round_ in itertools.count():
            for tool, argument, expected in self.steps(round_):
                self.step(f"{self.name} {round_}", tool, argument, expected)
                await asyncio.sleep(0)
            if time.monotonic() >= until:
                return


def _said(decision: Decision) -> str:
    return f"{decision.enforced} {[match.reason for match in decision.matches]}"


async def _tasks(workers: list[Worker], until: float) -> None:
    await asyncio.gather(*(worker.run_as_task(until) for worker in workers))


def soak(seconds: float) -> tuple[Collector, list[Worker]]:
    """Let everybody decide for that long while the policies are swapped all the time."""
    bundles = [parse_bundle(BUNDLE.format(version=version, most=MOST)) for version in ("1", "2")]
    collector, governor = Collector(), Governor(bundles[0])
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(collector)
    governor.set_decision_lane(provider)
    threads = [Worker(governor, f"thread {n}", f"agent {n % AGENTS}") for n in range(THREADS)]
    tasks = [Worker(governor, f"task {n}", f"agent {n % AGENTS}") for n in range(TASKS)]
    until, over = time.monotonic() + seconds, threading.Event()

    def swap() -> None:
        for bundle in itertools.cycle(bundles):
            governor.use(bundle)
            if over.wait(0.02):
                return

    running = [threading.Thread(target=worker.run, args=(until,)) for worker in threads]
    swapping = threading.Thread(target=swap)
    for thread in (*running, swapping):
        thread.start()
    asyncio.run(_tasks(tasks, until))
    for thread in running:
        thread.join()
    over.set()
    swapping.join()
    return collector, [*threads, *tasks]


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_nothing_is_lost_doubled_misattributed_or_miscounted_under_load(seconds: float) -> None:
    collector, workers = soak(seconds)
    made = [told for worker in workers for told in worker.made]
    assert [wrong for worker in workers for wrong in worker.wrong][:5] == []
    assert len(made) > 4 * len(workers) - 1
    assert [told.seq for told in sorted(collector.told)] == list(range(1, len(made) + 1))
    assert sorted(collector.told) == sorted(made)
    assert len({told.id for told in made}) == len(made)
    scarce = Counter(told.enforced for told in made if told.tool == "scarce")
    assert scarce["allow"] == MOST
    assert scarce["block"] == sum(scarce.values()) - MOST
    assert collector.versions == {"1", "2"}
