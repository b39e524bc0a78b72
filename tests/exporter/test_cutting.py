"""What is too long is cut, says so, and takes nothing else with it."""

from __future__ import annotations

import hashlib
import random
import string
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import StatusCode

from promethios.exporter.cutting import ITEM_BYTES, VALUE_BYTES, cut
from promethios.exporter.exporters import PromethiosSpanExporter
from promethios.exporter.testing import OtlpSink

MIB = 1024 * 1024


def request_with(**attributes: str) -> ExportTraceServiceRequest:
    """A request with a span that has these attributes, and with an ordinary one beside it."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    span = spans.add(name="long")
    for key, value in attributes.items():
        span.attributes.add(key=key).value.string_value = value
    spans.add(name="beside").attributes.add(key="a").value.string_value = "short"
    return request


def spans_of(request: ExportTraceServiceRequest) -> Any:
    return request.resource_spans[0].scope_spans[0].spans


def test_g06_a_value_is_cut_at_64_kib_with_a_marker_and_a_hash() -> None:
    text = "x" * (VALUE_BYTES + 1)
    request = request_with(a=text, b="short")
    assert cut(request)
    long, short = (each.value.string_value for each in spans_of(request)[0].attributes)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert long.endswith(f"x [cut: {VALUE_BYTES + 1} bytes, sha256 {digest}]")
    assert (len(long.encode()), short) == (VALUE_BYTES, "short")


def test_a_value_of_just_64_kib_stays_as_it_is() -> None:
    request = request_with(a="x" * VALUE_BYTES)
    before = request.SerializeToString()
    assert not cut(request)
    assert request.SerializeToString() == before


def test_letters_of_several_bytes_are_never_halved() -> None:
    for letter in "é€😀":
        request = request_with(a=letter * VALUE_BYTES)
        assert cut(request)
        value = spans_of(request)[0].attributes[0].value.string_value
        assert value.startswith(letter) and "\ufffd" not in value
        assert VALUE_BYTES - 4 < len(value.encode()) <= VALUE_BYTES


def test_equal_values_can_be_told_by_their_hash_and_others_apart() -> None:
    request = request_with(a="x" * MIB, b="x" * MIB, c="x" * MIB + "y")
    cut(request)
    a, b, c = (each.value.string_value[-40:] for each in spans_of(request)[0].attributes)
    assert a == b != c


def test_values_in_lists_maps_events_links_and_statuses_are_cut_too() -> None:
    text = "x" * (2 * VALUE_BYTES)
    request = request_with()
    span = spans_of(request)[0]
    span.status.message = text
    span.events.add(name="e").attributes.add(key="a").value.array_value.values.add().string_value = text
    span.links.add().attributes.add(key="a").value.kvlist_value.values.add(key="k").value.string_value = text
    span.attributes.add(key="b").value.bytes_value = b"x" * (2 * VALUE_BYTES)
    assert cut(request)
    assert request.ByteSize() < 3 * VALUE_BYTES + 1024
    assert span.attributes[0].value.string_value.startswith(f"[cut: {2 * VALUE_BYTES} bytes, sha256 ")


def test_resources_logs_and_metrics_are_cut_too() -> None:
    text = "x" * (2 * VALUE_BYTES)
    logs, metrics, traces = ExportLogsServiceRequest(), ExportMetricsServiceRequest(), request_with()
    logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = text
    gauge = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge
    gauge.data_points.add(as_int=7).attributes.add(key="a").value.string_value = text
    traces.resource_spans[0].resource.attributes.add(key="a").value.string_value = text
    for request in (logs, metrics, traces):
        assert cut(request)
        assert request.ByteSize() < VALUE_BYTES + 1024
    assert gauge.data_points[0].as_int == 7


def test_g06_a_span_of_more_than_1_mib_has_its_values_cut_shorter() -> None:
    request = request_with(**{f"a{number}": "x" * VALUE_BYTES for number in range(40)})
    assert cut(request)
    span, beside = spans_of(request)
    assert span.ByteSize() <= ITEM_BYTES
    assert len(span.attributes) == 40
    assert beside.attributes[0].value.string_value == "short"


def test_g06_a_span_of_too_many_things_loses_its_last_ones_and_counts_them() -> None:
    request = request_with(**{f"a{number:06}": "x" * 200 for number in range(10_000)})
    span = spans_of(request)[0]
    for _ in range(1_000):
        span.events.add(name="event").attributes.add(key="a").value.string_value = "y" * 200
    assert cut(request)
    assert span.ByteSize() <= ITEM_BYTES
    assert (len(span.events), span.dropped_events_count) == (0, 1_000)
    assert len(span.attributes) + span.dropped_attributes_count == 10_000
    assert span.attributes[0].key == "a000000"


def test_what_is_short_is_left_alone_byte_for_byte() -> None:
    request = request_with(**{f"a{number}": "x" * 100 for number in range(1_000)})
    before = request.SerializeToString()
    assert request.ByteSize() > VALUE_BYTES
    assert not cut(request)
    assert request.SerializeToString() == before


def test_a_span_of_50_mib_arrives_with_its_neighbours() -> None:
    letters = random.Random(7).choices(string.ascii_letters, k=MIB)
    with OtlpSink() as sink:
        exporter = PromethiosSpanExporter(endpoint=sink.url, api_key="k")
        provider = TracerProvider(
            resource=Resource.create({"service.name": "acme"}),
            span_limits=SpanLimits(max_attribute_length=None),
        )
        tracer = provider.get_tracer("acme")
        spans = [tracer.start_span("before"), tracer.start_span("huge"), tracer.start_span("after")]
        spans[1].set_attribute("document", "".join(letters) * 50)
        spans[1].set_status(StatusCode.ERROR, "too much")
        for span in spans:
            span.end()
        exporter.export(spans)  # type: ignore[arg-type]
        assert exporter.force_flush()
        exporter.shutdown()
        found = {span.name: span for span in sink.spans()}
    assert set(found) == {"before", "huge", "after"}
    assert found["huge"].attributes[0].value.string_value.startswith("".join(letters[:1_000]))
    assert found["huge"].status.message == "too much"
