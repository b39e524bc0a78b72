"""Our encoder of spans says what OpenTelemetry's own does, for everything that a span can hold."""

from __future__ import annotations

import enum
import sys
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from promethios.exporter.spans import encode, head, write

IDS = st.integers(1, 2**64 - 1)
TIMES = st.integers(0, 2**63)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SIMPLE = st.one_of(TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
VALUES = st.recursive(
    SIMPLE | st.none() | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(TEXTS.filter(bool), VALUES | st.tuples(TEXTS, TEXTS), max_size=5)
STATES = st.sampled_from([None, TraceState(), TraceState([("a", "1"), ("b", "2")])])
CONTEXTS = st.builds(
    SpanContext, st.integers(1, 2**128 - 1), IDS, st.booleans(), st.just(TraceFlags(1)), STATES
)
RESOURCES = st.builds(Resource, st.dictionaries(TEXTS.filter(bool), SIMPLE, max_size=3), TEXTS)
SCOPES = st.none() | st.builds(
    InstrumentationScope, TEXTS, st.none() | TEXTS, st.none() | TEXTS, st.none() | st.just({"a": 1})
)
SPANS = st.builds(
    ReadableSpan,
    name=TEXTS,
    context=CONTEXTS,
    parent=st.none() | CONTEXTS,
    resource=st.just(Resource({"service.name": "one"})) | RESOURCES,
    attributes=ATTRIBUTES,
    events=st.lists(st.builds(Event, TEXTS, ATTRIBUTES, TIMES), max_size=2),
    links=st.lists(st.builds(Link, CONTEXTS, ATTRIBUTES), max_size=2),
    kind=st.sampled_from(SpanKind),
    status=st.builds(Status, st.just(StatusCode.ERROR), TEXTS) | st.builds(Status, st.just(StatusCode.OK)),
    start_time=TIMES,
    end_time=TIMES,
    instrumentation_scope=SCOPES,
)


class Colour(enum.StrEnum):
    RED = "red"


def _one(**given: Any) -> ReadableSpan:
    context = SpanContext(1, 2, False, TraceFlags(1))
    told = {"name": "s", "context": context, "start_time": 1, "end_time": 2, "resource": Resource({})}
    return ReadableSpan(**{**told, **given})


def _alike(request: ExportTraceServiceRequest) -> list[tuple[str, ...]]:
    """Each span with where it stands: the SDK's encoder puts resources together that are equal."""
    return [
        (str(resource.resource), resource.schema_url, str(scope.scope), scope.schema_url, str(span))
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(SPANS, max_size=5))
def test_it_says_what_the_sdks_encoder_says(spans: list[ReadableSpan]) -> None:
    assert sorted(_alike(encode(spans))) == sorted(_alike(encode_spans(spans)))


def test_spans_of_one_resource_and_scope_stand_together_in_their_order() -> None:
    here, there = Resource({"service.name": "here"}), Resource({"service.name": "there"})
    scope, other = InstrumentationScope("a"), InstrumentationScope("b")
    order = [(here, scope), (there, scope), (here, other), (here, scope)]
    spans = [
        _one(name=str(number), resource=resource, instrumentation_scope=scope)
        for number, (resource, scope) in enumerate(order)
    ]
    assert encode(spans) == encode_spans(spans)


def test_a_head_and_a_span_are_a_request() -> None:
    span = _one(resource=Resource({"service.name": "here"}), instrumentation_scope=InstrumentationScope("a"))
    request = ExportTraceServiceRequest.FromString(head(span))
    write(span, request.resource_spans[0].scope_spans[0].spans.add())
    assert request == encode_spans([span])


@pytest.mark.parametrize(
    "value",
    [object(), 2**64, "half a character: \ud800", {"deep": object()}, [1, object()]],
    ids=["object", "int", "text", "map", "list"],
)
def test_an_attribute_that_otlp_cannot_hold_is_left_out_and_counted(value: object) -> None:
    span = _one(attributes={"before": 1, "bad": value, "after": 2})
    (resource,) = encode([span]).resource_spans
    (encoded,) = resource.scope_spans[0].spans
    assert [attribute.key for attribute in encoded.attributes] == ["before", "after"]
    assert encoded.dropped_attributes_count == 1


def test_a_name_that_otlp_cannot_hold_is_an_error() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode([_one(name="\ud800")])


def test_values_of_types_made_of_simple_ones_are_those() -> None:
    span = _one(attributes={"colour": Colour.RED, "flag": signal_like()})
    assert _alike(encode([span])) == _alike(encode_spans([span]))


def signal_like() -> int:
    class Number(enum.IntEnum):
        ONE = 1

    return Number.ONE


def test_other_threads_run_while_many_spans_are_encoded() -> None:
    """With an interval in which nobody is interrupted, only a thread that stops by itself lets others run."""
    spans = [_one(attributes={"a": "b"}) for _ in range(400)]
    turns, done = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            time.sleep(0)

    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        other = threading.Thread(target=count)
        other.start()
        started = turns
        encode(spans)
        taken = turns - started
        done.set()
        other.join()
    finally:
        sys.setswitchinterval(before)
    assert taken >= 10
