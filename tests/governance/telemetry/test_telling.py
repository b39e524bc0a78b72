"""What is told of a decision, in a lane of its own and through a provider alike."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.support.governed import CARD, POLICIES, Traced

from promethios.governance import Governor, Operation, PolicyViolation
from promethios.governance.telemetry.lane import DecisionLane
from promethios.governance.trust import METHOD

DENIED = Operation("tool.before", {"gen_ai.tool.name": "delete_all", "gen_ai.agent.name": "clerk"})


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def governor(reader: InMemoryMetricReader) -> Iterator[Governor]:
    meters = MeterProvider([reader])
    yield Governor.from_text(POLICIES, meter_provider=meters)
    meters.shutdown()


@pytest.fixture(params=["lane", "provider"])
def traced(request: pytest.FixtureRequest, governor: Governor) -> Iterator[Traced]:
    limits = SpanLimits(max_span_attributes=128)
    traced = Traced(TracerProvider(resource=Resource({"service.instance.id": "i-1"}), span_limits=limits))
    governor.set_tracer_provider(traced.provider)
    if request.param == "lane":
        lane = DecisionLane(traced.provider)
        lane.add_span_processor(SimpleSpanProcessor(traced.exporter))
        governor.set_decision_lane(lane)
    else:
        traced.provider.add_span_processor(SimpleSpanProcessor(traced.exporter))
    yield traced
    traced.provider.shutdown()


def test_a_decision_says_who_decided_what_and_how_far_the_agent_is_trusted(
    governor: Governor, traced: Traced
) -> None:
    with traced.provider.get_tracer("app").start_as_current_span("work") as work:
        decision = governor.decide(DENIED)
    (span,) = traced.decisions
    attributes = dict(span.attributes or {})
    assert span.parent is not None
    assert span.context is not None
    assert (span.parent.span_id, span.context.trace_id) == (
        work.get_span_context().span_id,
        work.get_span_context().trace_id,
    )
    assert attributes["promethios.decision.id"] == decision.id
    assert attributes["service.instance.id"] == "i-1"
    assert attributes["gen_ai.agent.trust.method"] == METHOD
    assert attributes["gen_ai.agent.trust.score"] == governor.state.trust.standing("clerk").score
    (event,) = span.events
    assert event.attributes is not None
    assert event.attributes["promethios.policy.weight"] == 5.0
    assert event.attributes["gen_ai.guardrail.policy.id"] == "no-delete"


def test_g05_attributes_of_the_operation_push_no_decision_out(governor: Governor, traced: Traced) -> None:
    with traced.provider.get_tracer("app").start_as_current_span("work") as work:
        governor.decide(DENIED)
        work.set_attributes({f"app.{number}": number for number in range(500)})
    assert (traced.decisions[0].attributes or {})["promethios.decision.enforced"] == "block"


def test_durations_and_trust_are_there_when_metrics_are_collected(
    governor: Governor, traced: Traced, reader: InMemoryMetricReader
) -> None:
    for _ in range(3):
        governor.decide(DENIED)
    data: Any = reader.get_metrics_data()
    metrics = {m.name: m.data.data_points for s in data.resource_metrics[0].scope_metrics for m in s.metrics}
    (durations,) = metrics["promethios.evaluation.duration"]
    assert (durations.count, dict(durations.attributes)) == (3, {"point": "tool.before"})
    (trust,) = metrics["promethios.agent.trust"]
    assert (trust.value, dict(trust.attributes)) == (
        governor.state.trust.standing("clerk").score,
        {"agent": "clerk"},
    )


def test_what_is_only_looked_at_leaves_trust_alone(governor: Governor, traced: Traced) -> None:
    governor.peek(DENIED)
    governor.evaluate(DENIED)
    assert governor.state.trust.standings() == {}


DISABLED = """
from opentelemetry.sdk.trace import TracerProvider
from promethios.governance import GovernanceSpanProcessor, Governor, PolicyViolation
from tests.support.governed import POLICIES
governor, provider = Governor.from_text(POLICIES), TracerProvider()
provider.add_span_processor(GovernanceSpanProcessor(governor))
span = provider.get_tracer("x").start_span(
    "chat", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4"}
)
print("gate", span.is_recording())
try:
    with governor.guard("tool", name="delete_all"):
        print("ran")
except PolicyViolation as violation:
    print("guard", violation.policy_id)
"""


def test_g13_without_an_sdk_there_is_nothing_for_the_gate_and_guards_go_on() -> None:
    environment = {**os.environ, "OTEL_SDK_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-c", DISABLED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["gate False", "guard no-delete"]


def test_names_that_are_content_are_told_redacted(governor: Governor, traced: Traced) -> None:
    with governor.conversation(CARD, agent=f"of {CARD}"):
        governor.decide(Operation("tool.before", {"gen_ai.tool.name": CARD}))
        governor.decide(Operation("tool.before", {"gen_ai.tool.name": CARD}))
    assert len(traced.decisions) == 2
    assert "4111 " not in traced.everything()


def test_a_message_that_names_content_has_none_of_it(governor: Governor, traced: Traced) -> None:
    with pytest.raises(PolicyViolation) as raised, governor.guard("model", CARD):
        pass
    assert "REDACTED:pii.card" in str(raised.value)
    assert "4111 " not in repr(raised.value) + repr(raised.value.decision) + str(
        [span.events[0].attributes for span in traced.decisions]
    )
