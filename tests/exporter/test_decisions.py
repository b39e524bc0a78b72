"""Decisions that matter are on disk before their caller sees them, and reach a receiver whole."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.exporter import DropReason, Promethios, configure
from promethios.exporter.batch import Lane
from promethios.exporter.spools import SpoolFolder
from promethios.exporter.testing import Answer, OtlpSink
from promethios.governance import PolicyViolation

POLICIES = """
apiVersion: promethios.dev/v1alpha1
kind: PolicySet
metadata: {name: shop, version: "1"}
spec:
  policies:
    - {id: no-refunds, severity: high, on: [tool.before], match: {tool: [refund]}, when: 'true',
       action: block, onError: block, controls: [A.1, B.2], message: "a person must"}
    - {id: look-at-mails, severity: low, on: [tool.before], match: {tool: [mail]}, when: 'true', action: flag}
    - {id: no-cards, severity: high, on: [tool.before], match: {tool: [note]},
       detect: {in: [tool.arguments], any: [pii.card]}, action: redact}
    - {id: not-yet, severity: high, on: [tool.before], match: {tool: [trial]}, when: 'true', action: block,
       onError: block, mode: shadow}
"""

Start = Callable[..., Promethios]


class _Ended(SpanProcessor):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


@pytest.fixture
def start(sink: OtlpSink, tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "policies.yaml").write_text(POLICIES)
    started: list[Promethios] = []

    def begin(**settings: Any) -> Promethios:
        given = {"spool_dir": tmp_path / "spool", "set_global": False, "adapters": False, **settings}
        started.append(configure(sink.url, "key", str(tmp_path / "policies.yaml"), "shop", **given))
        return started[-1]

    yield begin
    for agent in started:
        agent.shutdown(0.1)


def _call(agent: Promethios, tool: str, **arguments: object) -> str:
    """The id of what was decided about a call."""
    assert agent.governor
    try:
        with agent.governor.guard("tool", tool, arguments=arguments) as guarded:
            return str(guarded.decision.id)
    except PolicyViolation as violation:
        return str(violation.decision.id)


def _kept(tmp_path: Path) -> list[str]:
    """The ids in the decisions' files, as whoever comes after a kill would find them."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in (tmp_path / "spool").glob("*.decisions.spool"):
        (copy / path.name).write_bytes(path.read_bytes())
    folder = SpoolFolder(copy, 1 << 30, print, print)
    folder.adopt(folder.find((), 1 << 30))
    found = []
    while lease := folder.take(Lane.DECISIONS):
        found += _spans(lease.batch().body)
    folder.close()
    return found


def _spans(body: bytes) -> list[str]:
    request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    return [
        attribute.value.string_value
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        for attribute in span.attributes
        if attribute.key == "promethios.decision.id"
    ]


@pytest.mark.parametrize("fsync", ["never", "decisions", "always"])
def test_what_blocks_redacts_or_flags_is_on_disk_when_its_caller_sees_it(
    start: Start, sink: OtlpSink, tmp_path: Path, fsync: str
) -> None:
    sink.default = Answer(hang=True)
    agent = start(spool_fsync=fsync)
    seen = [_call(agent, "refund"), _call(agent, "mail"), _call(agent, "note", text="4111 1111 1111 1111")]
    assert _kept(tmp_path) == seen


def test_what_is_allowed_or_only_observed_is_collected(start: Start, sink: OtlpSink, tmp_path: Path) -> None:
    sink.default = Answer(hang=True)
    agent = start()
    called = [[_call(agent, tool) for tool in ("harmless", "trial", "refund")] for _ in range(5)]
    kept = {decision: place for place, decision in enumerate(_kept(tmp_path))}
    # What is collected is written several times a second: between two calls, where that moment falls there.
    waited = [
        all(kept[enforced] < kept.get(other, len(kept)) for other in (allowed, observed))
        for allowed, observed, enforced in called
    ]
    assert any(waited)


def test_every_decision_is_kept_at_once_where_that_is_wanted(
    start: Start, sink: OtlpSink, tmp_path: Path
) -> None:
    sink.default = Answer(hang=True)
    agent = start(durable_decisions="all")
    seen = [_call(agent, "harmless"), _call(agent, "trial")]
    assert _kept(tmp_path) == seen


def test_decisions_that_come_together_share_a_request(start: Start, sink: OtlpSink) -> None:
    agent = start()
    for _ in range(50):
        _call(agent, "refund")
    agent.flush()
    requests = [request for request in sink.requests if request.path == "/v1/traces"]
    assert (
        sum(len(resource.scope_spans) for each in requests for resource in each.message.resource_spans) >= 50
    )
    assert len(requests) < 25


@pytest.mark.parametrize("spooled", [True, False])
def test_what_arrives_is_what_the_sdk_would_have_sent(
    start: Start, sink: OtlpSink, tmp_path: Path, spooled: bool
) -> None:
    agent = start(**({} if spooled else {"spool_dir": None}))
    ended = _Ended()
    assert agent.decision_provider
    agent.decision_provider.add_span_processor(ended)
    with agent.tracer_provider.get_tracer("t").start_as_current_span("outer"):
        _call(agent, "refund")
    _call(agent, "note", text="4111 1111 1111 1111")
    _call(agent, "harmless")
    agent.flush()
    expected = {
        span.span_id: span
        for resource in encode_spans(ended.spans).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    arrived = {span.span_id: span for span in sink.spans() if span.name == "promethios.decide"}
    assert arrived == expected
    assert len(arrived) == 3


def test_a_span_that_cannot_be_encoded_is_counted_as_lost_and_raises_nothing(start: Start) -> None:
    agent, ended = start(), _Ended()
    agent.tracer_provider.add_span_processor(ended)
    agent.tracer_provider.get_tracer("t").start_span("half a character: \ud800").end()
    assert agent.decision_provider
    agent.decision_provider.add(ended.spans[0])
    agent.flush()
    assert agent.totals().dropped == {DropReason.NOT_ENCODED: 2}
