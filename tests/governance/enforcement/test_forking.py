"""A forked child is a process of its own: its numbers, its instance, its counts and its locks."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

# Prints a line for each process: the instance, the numbers and the counts of its decisions.
PROGRAM = """
import json, os, sys
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.support.governed import POLICIES, Traced
from promethios.governance import Governor

def provider(instance):
    return Traced(TracerProvider(resource=Resource({"service.instance.id": instance})))

def decide(times=2):
    for _ in range(times):
        with governor.guard("response"):
            pass

def report(who):
    metrics = json.loads(reader.get_metrics_data().to_json())
    sums = [m for s in metrics["resource_metrics"][0]["scope_metrics"] for m in s["metrics"]]
    counted = next(m for m in sums if m["name"] == "promethios.decisions")["data"]["data_points"]
    told = [dict(span.attributes) for span in traced.decisions if span.attributes]
    print(json.dumps({
        "who": who,
        "instances": sorted({each["service.instance.id"] for each in told}),
        "numbers": [each["promethios.decision.seq"] for each in told],
        "counted": sum(point["value"] for point in counted),
    }), flush=True)

reader = InMemoryMetricReader()
traced = provider("of-the-parent")
traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
governor = Governor.from_text(POLICIES, tracer_provider=traced.provider,
                              meter_provider=MeterProvider(metric_readers=[reader]))
before, held, in_child = json.loads(sys.argv[1])
decide(before)
if held:
    teller = governor._teller
    locks = [governor.operations._lock, governor.state._lock, teller._metrics._lock]
    [lock.acquire() for lock in locks]
child = os.fork()
if child == 0:
    traced.exporter.clear()
    if in_child:
        traced = provider("of-the-child")
        traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
        governor.set_decision_lane(traced.provider)
    decide()
    report("child")
    os._exit(0)
if held:
    [lock.release() for lock in locks]
os.waitpid(child, 0)
decide()
report("parent")
"""


def run(*, before: int = 0, held: bool = False, in_child: bool = False) -> dict[str, dict[str, object]]:
    arguments = json.dumps([before, held, in_child])
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return {line["who"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("before", [0, 3])
def test_a_child_numbers_anew_under_an_instance_of_its_own(before: int) -> None:
    told = run(before=before)
    assert told["child"]["numbers"] == [1, 2]
    assert told["parent"]["numbers"] == list(range(1, before + 3))
    assert told["parent"]["instances"] == ["of-the-parent"]
    (instance,) = told["child"]["instances"]  # type: ignore[misc, attr-defined]
    assert instance != "of-the-parent"


def test_a_child_with_an_instance_of_its_own_keeps_it() -> None:
    assert run(before=1, in_child=True)["child"]["instances"] == ["of-the-child"]


def test_a_child_counts_its_own_decisions_only() -> None:
    told = run(before=3)
    assert told["child"]["counted"] == 2
    assert told["parent"]["counted"] == 5


def test_a_child_that_was_forked_while_a_thread_decided_goes_on() -> None:
    assert run(before=1, held=True)["child"]["numbers"] == [1, 2]
