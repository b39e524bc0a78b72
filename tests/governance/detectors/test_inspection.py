"""Asynchronous plug-ins: nobody waits for them, and what they find is told as a flag."""

from __future__ import annotations

import os
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.plugins import Install

from promethios.governance import Operation
from promethios.governance.decision import Decision
from promethios.governance.detectors.worker import Worker
from promethios.governance.governor import Governor
from promethios.governance.inspection import Inspector
from promethios.governance.limits import State
from promethios.governance.policies import parse_bundle

SLOW = """
import time
class Slow:
    asynchronous = True
    def find(self, text):
        time.sleep(0.1)
        return [(0, 4)] if text.startswith("evil") else []
"""
POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: t, version: "1"}
spec:
  defaults: {onError: block}
  policies:
    - id: slow
      severity: high
      on: [tool.before]
      match: {tool: [search]}
      detect: {any: [mood.evil, pii.card]}
      action: block
"""


def operation(text: str, tool: str = "search") -> Operation:
    return Operation("tool.before", {"gen_ai.tool.name": tool}, arguments={"q": text})


def test_what_it_finds_is_told_later_as_a_flag_below_the_same_span(install: Install) -> None:
    install(SLOW, "mood.evil", "Slow")
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    governor = Governor.from_text(POLICIES, tracer_provider=provider)
    with provider.get_tracer("t").start_as_current_span("tool") as span:
        decision = governor.decide(operation("evil plan"))
    assert decision.enforced == "allow"
    inspector = Inspector.of(governor.bundle)
    assert inspector is not None
    assert governor.flush_inspections()
    decided = [each for each in exporter.get_finished_spans() if each.name == "promethios.decide"]
    verdicts = [(each.attributes or {})["promethios.decision.verdict"] for each in decided]
    assert verdicts == ["allow", "flag"]
    assert all(each.parent and each.parent.span_id == span.get_span_context().span_id for each in decided)
    assert trace.get_current_span() is trace.INVALID_SPAN


def late(text: str, tool: str = "search") -> list[Decision]:
    inspector = Inspector.of(parse_bundle(POLICIES))
    assert inspector is not None
    found: list[Decision] = []
    assert inspector.submit(operation(text, tool), State(), found.append)
    assert inspector.flush()
    return found


def test_a_policy_that_blocks_only_flags_late_and_counts_nothing_against_the_agent(install: Install) -> None:
    install(SLOW, "mood.evil", "Slow")
    (decision,) = late("evil plan")
    assert (decision.verdict, decision.enforced) == ("flag", "flag")
    (match,) = decision.matches
    assert [evidence.detector for evidence in match.evidence] == ["mood.evil"]
    assert match.weight == 0


def test_its_policy_asks_for_the_same_operations_as_ever(install: Install) -> None:
    install(SLOW, "mood.evil", "Slow")
    assert late("evil plan", tool="other") == []
    assert late("good plan") == []
    assert late("4111 1111 1111 1111") == []  # was decided at once


def test_one_that_fails_flags_too(install: Install) -> None:
    install(
        "class Bad:\n    asynchronous = True\n    def find(self, text): raise OSError\n", "mood.evil", "Bad"
    )
    (decision,) = late("evil plan")
    assert decision.enforced == "flag"
    assert decision.matches[0].failed


def test_without_asynchronous_detectors_there_is_no_inspector() -> None:
    assert Inspector.of(parse_bundle(POLICIES.replace("mood.evil, ", ""))) is None


def test_what_finds_no_place_is_dropped_and_counted_and_nobody_waits() -> None:
    worker, gate, done = Worker(capacity=2), threading.Event(), []
    started = threading.Event()

    def wait() -> None:
        started.set()
        gate.wait(10)

    assert worker.submit(wait)
    assert started.wait(10)
    answers = [worker.submit(lambda: done.append(1)) for _ in range(5)]
    assert answers == [True, True, False, False, False]
    assert worker.dropped == 3
    gate.set()
    assert worker.flush()
    assert done == [1, 1]


def test_a_job_that_raises_is_counted_and_the_next_one_is_done(caplog: pytest.LogCaptureFixture) -> None:
    worker, done = Worker(), []
    for _ in range(3):
        worker.submit(lambda: 1 // 0)  # type: ignore[arg-type,return-value]
    worker.submit(lambda: done.append(1))
    assert worker.flush()
    assert (done, worker.failed) == ([1], 3)
    assert [record.message for record in caplog.records] == [
        "a detector in the background failed with ZeroDivisionError"
    ]


def test_a_worker_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity is 0: at least one job must be able to wait"):
        Worker(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_worker_of_its_own() -> None:
    worker, gate = Worker(), threading.Event()
    worker.submit(lambda: gate.wait(10))  # type: ignore[arg-type,return-value]
    worker.submit(lambda: None)
    child = os.fork()
    if child == 0:
        done: list[int] = []
        fine = worker.submit(lambda: done.append(1)) and worker.flush() and done == [1]
        os._exit(0 if fine and worker.dropped == 0 else 1)
    _, status = os.waitpid(child, 0)
    gate.set()
    assert os.waitstatus_to_exitcode(status) == 0
    assert worker.flush()
