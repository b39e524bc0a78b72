"""What is too much at once for a receiver goes in parts: nothing is lost, or counted twice."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from promethios.exporter import DropReason, FlushResult
from promethios.exporter.batch import Batch, Lane, Signal
from promethios.exporter.delivery import Delivery
from promethios.exporter.splitting import halves
from promethios.exporter.testing import Answer, OtlpSink, Received

Deliver = Callable[..., Delivery]
MakeBatch = Callable[..., Batch]
Soon = Callable[[], float]

LIMIT = 400


@pytest.fixture
def strict() -> Iterator[OtlpSink]:
    """Takes requests of up to `LIMIT` bytes, uncompressed."""
    with OtlpSink(default=lambda request: Answer() if _fits(request) else Answer(413)) as sink:
        yield sink


def _fits(request: Received) -> bool:
    return len(gzip.decompress(request.body)) <= LIMIT


def _taken(sink: OtlpSink) -> list[str]:
    """The names of the spans that it took."""
    names = []
    for request in filter(_fits, sink.requests):
        message = ExportTraceServiceRequest.FromString(gzip.decompress(request.body))
        scopes = (scope for resource in message.resource_spans for scope in resource.scope_spans)
        names += [span.name for scope in scopes for span in scope.spans]
    return names


def _spans(*names: str) -> bytes:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for name in names:
        spans.add(name=name)
    return request.SerializeToString()


@pytest.mark.parametrize("on_disk", [True, False], ids=["spool", "memory"])
def test_what_is_too_large_for_its_receiver_goes_in_parts(
    strict: OtlpSink, deliver: Deliver, soon: Soon, tmp_path: Path, on_disk: bool
) -> None:
    delivery = deliver(endpoint=strict.url, spool_dir=tmp_path if on_disk else None)
    names = [f"{number:03}" + "x" * 30 for number in range(100)]
    delivery.submit(Batch.pack(Signal.TRACES, 100, _spans(*names)))
    assert delivery.flush(soon()) == FlushResult(delivered=100)
    assert _taken(strict) == names
    decisions = [f"decision {number}" for number in range(50)]
    for name in decisions:
        delivery.submit(Batch(Signal.TRACES, 1, _spans(name), Lane.DECISIONS, packed=False))
    assert delivery.flush(soon()) == FlushResult(delivered=50)
    assert _taken(strict) == names + decisions
    delivery.close(soon())
    assert list(tmp_path.iterdir()) == []


def test_an_item_that_is_too_large_alone_costs_only_itself(
    strict: OtlpSink, deliver: Deliver, soon: Soon, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = deliver(endpoint=strict.url)
    delivery.submit(Batch.pack(Signal.TRACES, 5, _spans("a", "b", "large" * 100, "c", "d")))
    assert delivery.flush(soon()) == FlushResult(delivered=4, dropped=1)
    assert delivery.totals().dropped == {DropReason.REFUSED: 1}
    assert _taken(strict) == list("abcd")
    assert caplog.messages == ["HTTP 413: dropped 1 items of /v1/traces"]


def test_what_has_gone_in_part_is_whole_for_who_adopts_it(
    strict: OtlpSink, deliver: Deliver, soon: Soon, tmp_path: Path, deaf_port: int
) -> None:
    before = deliver(endpoint=f"http://127.0.0.1:{deaf_port}", spool_dir=tmp_path)
    before.submit(Batch.pack(Signal.TRACES, 40, _spans(*(f"{number:03}" * 10 for number in range(40)))))
    assert before.close(time.monotonic()) == FlushResult(parked=40)
    after = deliver(endpoint=strict.url, spool_dir=tmp_path)
    while after.totals().delivered < 40:
        after.flush(soon())
    assert after.close(soon()).parked == 0
    assert len(_taken(strict)) == 40


def test_log_records_are_split_between_resources_and_scopes() -> None:
    request = ExportLogsServiceRequest()
    for resource in range(3):
        logs = request.resource_logs.add(schema_url=str(resource))
        for scope in range(2):
            records = logs.scope_logs.add(schema_url=str(scope)).log_records
            records.add(time_unix_nano=1)
            records.add(time_unix_nano=2)
    two = halves(Batch.pack(Signal.LOGS, 12, request.SerializeToString(), Lane.BULK))
    assert two
    first, second = (ExportLogsServiceRequest.FromString(gzip.decompress(half.body)) for half in two)
    assert [half.items for half in two] == [6, 6]
    places = [
        [(resource.schema_url, [len(scope.log_records) for scope in resource.scope_logs])
         for resource in half.resource_logs]
        for half in (first, second)
    ]  # fmt: skip
    assert places == [[("0", [2, 2]), ("1", [2])], [("1", [2]), ("2", [2, 2])]]


def test_a_metric_of_many_points_is_split_between_them() -> None:
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    metrics.add(name="one").gauge.data_points.add(as_int=0)
    for number in range(1, 6):
        (metrics[1] if number > 1 else metrics.add(name="many")).sum.data_points.add(as_int=number)
    two = halves(Batch.pack(Signal.METRICS, 6, request.SerializeToString()))
    assert two
    first, second = (ExportMetricsServiceRequest.FromString(gzip.decompress(half.body)) for half in two)
    kept = first.resource_metrics[0].scope_metrics[0].metrics
    assert [metric.name for metric in kept] == ["one", "many"]
    assert [point.as_int for point in kept[1].sum.data_points] == [1, 2]
    (rest,) = second.resource_metrics[0].scope_metrics[0].metrics
    assert [point.as_int for point in rest.sum.data_points] == [3, 4, 5]


@pytest.mark.parametrize(
    "batch",
    [
        Batch.pack(Signal.TRACES, 1, _spans("a")),
        Batch.pack(Signal.TRACES, 0, b""),
        Batch.pack(Signal.TRACES, 3, _spans("a", "b")),
        Batch.pack(Signal.TRACES, 2, b"\xff"),
        Batch(Signal.TRACES, 2, b"no gzip"),
        Batch(Signal.TRACES, 2, gzip.compress(_spans("a", "b"))[:-9]),
    ],
    ids=["one item", "nothing", "another count", "no protobuf", "no gzip", "half a gzip"],
)
def test_what_has_no_two_items_that_are_certain_is_not_split(batch: Batch) -> None:
    assert halves(batch) is None
