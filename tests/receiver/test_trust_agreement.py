"""The agent and the receiver come to the same score, from the same decisions, each by itself."""

from __future__ import annotations

import random
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.support.governed import CARD

from promethios.governance import Governor
from promethios.governance.operation import Operation
from promethios.governance.trust import METHOD

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: trust, version: "1"}
spec:
  defaults: {onError: flag}
  policies:
    - {id: low, severity: low, on: [tool.before], match: {tool: [low]}, action: flag}
    - {id: high, severity: high, on: [tool.before], match: {tool: [high]}, action: block, onError: block}
    - {id: critical, severity: critical, on: [tool.before], match: {tool: [critical]}, action: flag}
    - {id: own, severity: critical, weight: 0.5, on: [tool.before], match: {tool: [own]}, action: flag}
    - {id: none, severity: critical, weight: 0, on: [tool.before], match: {tool: [none]}, action: flag}
    - {id: trial, severity: critical, mode: shadow, on: [tool.before], match: {tool: [trial]}, action: flag}
    - id: broken
      severity: critical
      on: [tool.before]
      match: {tool: [broken]}
      when: 'attributes["missing"] == "x"'
      action: flag
    - id: typed
      severity: critical
      on: [model.before]
      detect: {in: [input], any: ["pii.card"]}
      action: flag
    - id: said
      severity: medium
      on: [model.after]
      detect: {in: [output], any: ["pii.card"]}
      action: flag
"""
#: What each tool's decision weighs.
WEIGHTS = {"low": 0.1, "high": 1, "critical": 5, "own": 0.5, "none": 0, "trial": 0, "broken": 0, "ok": 0}


@pytest.fixture
def told() -> tuple[Governor, InMemorySpanExporter]:
    """A governor, and what it tells."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "clerk"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Governor.from_text(POLICIES, tracer_provider=provider), exporter


def test_both_come_to_the_same_score(
    told: tuple[Governor, InMemorySpanExporter], client: FlaskClient, make_key: Any
) -> None:
    governor, exporter = told
    draw = random.Random(11)
    for _ in range(150):
        tool = draw.choice([*WEIGHTS, *["ok"] * 10])
        governor.decide(Operation("tool.before", {"gen_ai.tool.name": tool}))
    governor.decide(Operation("model.before", {"gen_ai.request.model": "m"}, input=f"my card is {CARD}"))
    governor.decide(Operation("model.after", {"gen_ai.request.model": "m"}, output=f"your card is {CARD}"))
    spans = exporter.get_finished_spans()
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    body = encode_spans(spans).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=headers).data == b""
    (row,) = client.get("/api/v1/trust", headers=make_key("default", "read")).get_json()["data"]
    standing = governor.state.trust.standing("clerk")
    assert (row["agent_id"], row["decisions"], row["method"]) == ("clerk", 152, METHOD)
    assert (row["good"], row["bad"], row["change"]) == pytest.approx(standing[:3], abs=0.001)
    assert row["score"] == standing.score == spans[-1].attributes["gen_ai.agent.trust.score"]


@pytest.mark.parametrize(("tool", "weight"), WEIGHTS.items())
def test_the_agent_says_what_a_match_weighs_and_the_receiver_takes_it(
    told: tuple[Governor, InMemorySpanExporter],
    client: FlaskClient,
    make_key: Any,
    services: Any,
    tool: str,
    weight: float,
) -> None:
    governor, exporter = told
    governor.decide(Operation("tool.before", {"gen_ai.tool.name": tool}))
    headers = {**make_key("default", "ingest"), "Content-Type": "application/x-protobuf"}
    body = encode_spans(exporter.get_finished_spans()).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=headers).data == b""
    with services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT weight FROM decisions").scalar() == weight
    assert governor.state.trust.standing("clerk").s == pytest.approx(weight)
