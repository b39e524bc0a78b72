"""OTLP's statements about what a client sends: how large, how packed, as what, by whom."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from tests.support.deliveries import batch, delivering, soon

from promethios.exporter import (
    DropReason,
    FlushResult,
    PromethiosLogExporter,
    PromethiosMetricExporter,
    PromethiosSpanExporter,
)
from promethios.exporter.delivery import Delivery
from promethios.exporter.testing import Answer, OtlpSink, attributes

LIMIT = 20_000


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


def made(*sizes: int) -> list[ReadableSpan]:
    """Ended spans, each with a text of so many characters that do not compress."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    spans = []
    for number, size in enumerate(sizes):
        noise = "".join(hashlib.sha256(b"%d" % each).hexdigest() for each in range(size // 64 + 1))
        span = tracer.start_span(f"span {number}", attributes={"text": noise[:size]})
        span.end()
        assert isinstance(span, ReadableSpan)
        spans.append(span)
    return spans


def export(delivery: Delivery, spans: list[ReadableSpan]) -> FlushResult:
    PromethiosSpanExporter(delivery=delivery).export(spans)
    return delivery.flush(soon())


def test_C01_what_exceeds_the_limit_is_split_by_its_size_before_compression(sink: OtlpSink) -> None:
    with delivering(sink.url, max_request_bytes=LIMIT) as delivery:
        assert export(delivery, made(*[3_000] * 30)) == FlushResult(delivered=30)
    sizes = [len(gzip.decompress(request.body)) for request in sink.requests]
    assert len(sizes) > 1
    assert max(sizes) <= LIMIT
    assert [span.name for span in sink.spans()] == [f"span {number}" for number in range(30)]


def test_C01_a_metric_of_many_points_is_split_between_them(sink: OtlpSink) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    counter = meters.get_meter("test").create_counter("calls", unit="1")
    for number in range(1000):
        counter.add(number, {"tool": f"tool {number}"})
    collected = reader.get_metrics_data()
    assert collected is not None
    meters.shutdown()
    with delivering(sink.url, max_request_bytes=LIMIT) as delivery:
        PromethiosMetricExporter(delivery=delivery).export(collected)
        assert delivery.flush(soon()) == FlushResult(delivered=1000)
    assert max(len(gzip.decompress(request.body)) for request in sink.requests) <= LIMIT
    found = {(metric.name, metric.unit, metric.sum.is_monotonic) for metric in sink.metrics()}
    assert found == {("calls", "1", True)}
    points = [point for metric in sink.metrics() for point in metric.sum.data_points]
    assert {attributes(point)["tool"]: point.as_int for point in points} == {
        f"tool {number}": number for number in range(1000)
    }


def test_C01_the_one_item_that_is_too_large_is_cut_and_the_others_are_whole(sink: OtlpSink) -> None:
    with delivering(sink.url) as delivery:
        assert export(delivery, made(10, 9 * 1024 * 1024, 10)) == FlushResult(delivered=3)
    assert max(len(gzip.decompress(request.body)) for request in sink.requests) <= 4 * 1024 * 1024
    lengths = [len(attributes(span)["text"]) for span in sink.spans()]
    assert lengths == [10, 64 * 1024, 10]
    assert " [cut: 9437184 bytes, sha256 " in attributes(sink.spans()[1])["text"]


def test_C01_what_cannot_be_brought_within_the_limit_makes_no_request_and_is_recorded(sink: OtlpSink) -> None:
    with delivering(sink.url, max_request_bytes=LIMIT) as delivery:
        assert export(delivery, made(30_000)) == FlushResult(dropped=1)
        assert delivery.totals().dropped == {DropReason.TOO_LARGE: 1}
    assert sink.requests == []


def test_C01_the_limit_is_on_unless_someone_raises_it(sink: OtlpSink) -> None:
    with delivering(sink.url) as delivery:
        assert delivery.settings.max_request_bytes == 4 * 1024 * 1024
    with delivering(sink.url, max_request_bytes=64 * 1024 * 1024) as delivery:
        assert delivery.settings.max_request_bytes == 64 * 1024 * 1024


def test_C03_every_signal_goes_to_its_path_as_protobuf_in_gzip_and_says_so(sink: OtlpSink) -> None:
    with delivering(sink.url) as delivery:
        reader = PeriodicExportingMetricReader(PromethiosMetricExporter(delivery=delivery), 60_000)
        meters = MeterProvider([reader], shutdown_on_exit=False)
        loggers = LoggerProvider(shutdown_on_exit=False)
        loggers.add_log_record_processor(SimpleLogRecordProcessor(PromethiosLogExporter(delivery=delivery)))
        meters.get_meter("test").create_counter("calls").add(1)
        loggers.get_logger("test").emit(LogRecord(body="hello", severity_number=SeverityNumber.INFO))
        meters.shutdown()
        loggers.shutdown()
        assert export(delivery, made(10)).parked == 0
    assert {request.path for request in sink.requests} == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    for request in sink.requests:
        assert request.headers["content-encoding"] == "gzip"
        assert request.headers["content-type"] == "application/x-protobuf"
        assert int(request.headers["content-length"]) == len(request.body)
    assert [len(found) for found in (sink.spans(), sink.metrics(), sink.logs())] == [1, 1, 1]


def test_C11_the_user_agent_names_the_product_before_the_exporter_and_its_version(sink: OtlpSink) -> None:
    with delivering(sink.url, headers={"user-agent": "someone-else/1"}) as delivery:
        delivery.submit(batch())
        delivery.flush(soon())
    (request,) = sink.requests
    product = r"promethios/\d\S* OTel-OTLP-Exporter-Python/\d+\.\d\S*"
    assert re.fullmatch(product, request.headers["user-agent"])


def test_C13_a_retry_sends_the_identical_bytes_and_headers(sink: OtlpSink) -> None:
    unheard = (Answer(raw=b""), Answer(raw=b"", reset=True), Answer(body=b"x", cut=0))
    sink.script(Answer.busy(), Answer.busy(0, status=429), *unheard, Answer(502))
    with delivering(sink.url) as delivery:
        delivery.submit(batch("a", 50))
        assert delivery.flush(soon()) == FlushResult(delivered=50)
    assert len(sink.requests) == 7
    assert {request.body for request in sink.requests} == {batch("a", 50).body}
    assert len({tuple(sorted(request.headers.items())) for request in sink.requests}) == 1


def test_C13_bytes_from_the_spool_are_the_bytes_that_were_tried_first(sink: OtlpSink, tmp_path: Path) -> None:
    sink.default = Answer.busy()
    with delivering(sink.url, spool_dir=tmp_path) as delivery:
        delivery.submit(batch("a", 50))
        sink.wait(4)
    sink.default = Answer()
    before = len(sink.requests)
    with delivering(sink.url, spool_dir=tmp_path) as delivery:
        sink.wait(before + 1)
        assert delivery.flush(soon()) == FlushResult(delivered=50)
    assert {request.body for request in sink.requests} == {batch("a", 50).body}
