"""What is stored of a request: every kind of metric whole, each item once, and counts that add up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import (
    gauge,
    logs_request,
    metrics_request,
    pairs,
    record,
    span,
    trace_request,
    value,
)

from promethios.receiver.services import Services

PROTOBUF = {"Content-Type": "application/x-protobuf"}
CUMULATIVE, DELTA = 2, 1


@pytest.fixture
def send(client: FlaskClient, make_key: Any) -> Any:
    """Send a request of OTLP, and return the answer's message: empty where all is well."""
    headers = {**PROTOBUF, **make_key("acme", "ingest")}
    paths = {"ExportTraceServiceRequest": "traces", "ExportMetricsServiceRequest": "metrics"}

    def post(request: Any) -> bytes:
        path = paths.get(type(request).__name__, "logs")
        answer = client.post(f"/v1/{path}", data=request.SerializeToString(), headers=headers)
        assert answer.status_code == 200, answer.data
        return bytes(answer.data)

    return post


def rows(services: Services, statement: str) -> list[tuple[Any, ...]]:
    with services.readers.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def stored(services: Services, *columns: str) -> tuple[Any, ...]:
    """The only point there is, with its series."""
    names = ", ".join(columns)
    (row,) = rows(services, f"SELECT {names} FROM metric_points p JOIN metric_series s ON s.id = p.series_id")
    return row


def exemplar(**number: Any) -> Exemplar:
    labels = pairs({"user": "u1"})
    ids = {"trace_id": b"t" * 16, "span_id": b"s" * 8}
    return Exemplar(time_unix_nano=7, filtered_attributes=labels, **ids, **number)


EXEMPLAR = {
    "time": 7,
    "trace_id": (b"t" * 16).hex(),
    "span_id": (b"s" * 8).hex(),
    "attributes": {"user": "u1"},
}


@pytest.mark.parametrize(("number", "expected"), [(3, (3, None)), (2.5, (None, 2.5)), (0, (0, None))])
def test_a_gauge_is_stored_with_the_type_of_its_number(
    send: Any, services: Services, number: float, expected: Any
) -> None:
    assert send(metrics_request(gauge("depth", number))) == b""
    assert stored(services, "value_int", "value_double") == expected
    assert stored(services, "type", "temporality", "monotonic", "unit") == ("gauge", 0, 0, "1")


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
@pytest.mark.parametrize("monotonic", [True, False])
def test_a_sum_is_stored_with_its_temporality_and_exemplars(
    send: Any, services: Services, temporality: int, monotonic: bool
) -> None:
    point = NumberDataPoint(
        start_time_unix_nano=5, time_unix_nano=9, as_int=4, flags=0, exemplars=[exemplar(as_double=0.5)]
    )
    data = Sum(data_points=[point], aggregation_temporality=temporality, is_monotonic=monotonic)
    assert send(metrics_request(Metric(name="calls", sum=data))) == b""
    kind = stored(services, "type", "temporality", "monotonic", "start_unix_nano", "time_unix_nano")
    assert kind == ("sum", temporality, int(monotonic), 5, 9)
    (exemplars,) = stored(services, "exemplars")
    assert json.loads(exemplars) == [{**EXEMPLAR, "value": 0.5}]


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_histogram_is_stored_whole(send: Any, services: Services, temporality: int) -> None:
    point = HistogramDataPoint(
        time_unix_nano=9, count=6, sum=7.5, min=0.5, max=3, explicit_bounds=[1, 2], bucket_counts=[3, 2, 1],
        exemplars=[exemplar(as_int=2)],
    )  # fmt: skip
    data = Histogram(data_points=[point], aggregation_temporality=temporality)
    assert send(metrics_request(Metric(name="duration", unit="s", histogram=data))) == b""
    numbers = stored(services, "temporality", "count", "sum", "min", "max")
    assert numbers == (temporality, 6, 7.5, 0.5, 3.0)
    shape, exemplars = map(json.loads, stored(services, "distribution", "exemplars"))
    assert shape == {"bounds": [1.0, 2.0], "counts": [3, 2, 1]}
    assert exemplars == [{**EXEMPLAR, "value": 2}]


def test_what_a_histogram_does_not_say_is_nothing_and_not_zero(send: Any, services: Services) -> None:
    data = Histogram(data_points=[HistogramDataPoint(time_unix_nano=9, count=1)], aggregation_temporality=2)
    send(metrics_request(Metric(name="duration", histogram=data)))
    assert stored(services, "count", "sum", "min", "max", "exemplars") == (1, None, None, None, None)


def test_an_exponential_histogram_is_stored_whole(send: Any, services: Services) -> None:
    buckets = ExponentialHistogramDataPoint.Buckets
    point = ExponentialHistogramDataPoint(
        time_unix_nano=9, count=9, sum=1.5, scale=-2, zero_count=1, zero_threshold=0.25,
        positive=buckets(offset=-3, bucket_counts=[1, 2]), negative=buckets(offset=4, bucket_counts=[5]),
        exemplars=[exemplar(as_double=1.0)],
    )  # fmt: skip
    data = ExponentialHistogram(data_points=[point], aggregation_temporality=DELTA)
    assert send(metrics_request(Metric(name="size", exponential_histogram=data))) == b""
    assert stored(services, "type", "temporality", "count", "sum") == ("exponential_histogram", 1, 9, 1.5)
    shape, exemplars = map(json.loads, stored(services, "distribution", "exemplars"))
    assert shape == {
        "scale": -2,
        "zero_count": 1,
        "zero_threshold": 0.25,
        "positive": {"offset": -3, "counts": [1, 2]},
        "negative": {"offset": 4, "counts": [5]},
    }
    assert exemplars == [{**EXEMPLAR, "value": 1.0}]


def test_a_summary_is_stored_whole(send: Any, services: Services) -> None:
    quantile = SummaryDataPoint.ValueAtQuantile
    point = SummaryDataPoint(
        time_unix_nano=9, count=3, sum=4.5, quantile_values=[quantile(quantile=0.5, value=1.5)]
    )
    assert send(metrics_request(Metric(name="wait", summary=Summary(data_points=[point])))) == b""
    assert stored(services, "type", "count", "sum") == ("summary", 3, 4.5)
    (shape,) = stored(services, "distribution")
    assert json.loads(shape) == {"quantiles": [[0.5, 1.5]]}


def test_series_that_are_known_are_kept_and_new_ones_added(send: Any, services: Services) -> None:
    labels = [pairs({"number": number}) for number in range(41)]
    for first, last, when in ((0, 40, 1), (0, 41, 2), (30, 31, 3)):
        points = [gauge("depth", 1, attributes=each, time_unix_nano=when) for each in labels[first:last]]
        assert send(metrics_request(*points)) == b""
    assert rows(services, "SELECT count(*), (SELECT count(*) FROM metric_points) FROM metric_series") == [
        (41, 40 + 41 + 1)
    ]


@pytest.mark.parametrize("length", [1, 2_000], ids=["remembered", "too long to be"])
def test_a_series_is_one_whatever_the_order_of_its_attributes(
    send: Any, services: Services, length: int
) -> None:
    labels = {"b": "x" * length, "a": 1}
    for when, each in enumerate((labels, dict(reversed(labels.items())), labels), 1):
        assert send(metrics_request(gauge("depth", 1, attributes=pairs(each), time_unix_nano=when))) == b""
    assert rows(services, "SELECT attributes FROM metric_series") == [
        (f'{{"a":1,"b":"{labels["b"]}"}}',),
    ]
    assert rows(services, "SELECT count(*) FROM metric_points") == [(3,)]


def test_series_whose_attributes_differ_in_type_only_are_not_one(send: Any, services: Services) -> None:
    for each in (1, 1.0, True, "1", ["1"]):
        assert send(metrics_request(gauge("depth", 1, attributes=pairs({"a": each})))) == b""
    assert {told for (told,) in rows(services, "SELECT attributes FROM metric_series")} == {
        '{"a":1}', '{"a":1.0}', '{"a":true}', '{"a":"1"}', '{"a":["1"]}'
    }  # fmt: skip


def test_the_name_of_an_event_is_stored_with_its_record(send: Any, services: Services) -> None:
    assert send(logs_request(record("asked", event_name="gen_ai.user.message"))) == b""
    assert rows(services, "SELECT event_name, body FROM logs") == [("gen_ai.user.message", "asked")]


@pytest.mark.parametrize("number", [1, 2, 511, 512, 513, 1100])
def test_a_request_of_any_length_is_stored_whole(send: Any, services: Services, number: int) -> None:
    spans = [span(trace_id=b"t" * 16, span_id=(each + 1).to_bytes(8)) for each in range(number)]
    assert send(trace_request(*spans)) == b""
    assert rows(services, "SELECT count(*) FROM spans") == [(number,)]
    counted = services.counts.look()
    assert (counted.received["spans"], counted.stored["spans"]) == (number, number)


IDS: dict[str, Any] = {
    "trace_id": b"t" * 16,
    "span_id": b"s" * 8,
    "start_time_unix_nano": 5,
    "end_time_unix_nano": 9,
}
CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "kind": {"kind": 3},
    "parent": {"parent_span_id": b"p" * 8},
    "start": {"start_time_unix_nano": 6},
    "end": {"end_time_unix_nano": 10},
    "status": {"status": {"code": 2}},
    "status message": {"status": {"message": "no"}},
    "state": {"trace_state": "a=b"},
    "flags": {"flags": 1},
    "attributes": {"attributes": {"a": 1}},
    "events": {"events": [Span.Event(name="e")]},
    "links": {"links": [Span.Link(trace_id=b"l" * 16, span_id=b"l" * 8)]},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_span_that_comes_again_with_other_content_is_told(
    send: Any, services: Services, change: dict[str, Any]
) -> None:
    assert send(trace_request(span(**IDS))) == b""
    answer = send(trace_request(span(**{**IDS, **change}), span()))
    assert b"1 spans were stored before with other content; the first is kept" in answer
    assert rows(services, f"SELECT name, kind FROM spans WHERE span_id = x'{IDS['span_id'].hex()}'") == [
        ("chat gpt-4o", 0)
    ]


def test_a_span_that_comes_again_in_another_batch_is_no_conflict(send: Any, services: Services) -> None:
    assert send(trace_request(span(**IDS, attributes={"a": 1}))) == b""
    assert send(trace_request(span(**IDS, attributes={"a": 1}), span())) == b""
    counted = services.counts.look()
    assert (counted.stored["spans"], counted.duplicate["spans"]) == (2, 1)


def test_records_that_differ_in_anything_are_two(send: Any, services: Services) -> None:
    changes: list[dict[str, Any]] = [
        {"severity_number": 10},
        {"severity_text": "INFO"},
        {"event_name": "e"},
        {"observed_time_unix_nano": 4},
        {"flags": 1},
        {"trace_id": b"t" * 16},
        {"span_id": b"s" * 8},
        {"attributes": pairs({"a": 1})},
        {"attributes": pairs({"a": "1"})},
        {"dropped_attributes_count": 1},
    ]
    records = [record(**{"time_unix_nano": 3, **change}) for change in changes]
    for body in (value("[1]"), value([1]), AnyValue(), value("")):
        records.append(record(time_unix_nano=3))
        records[-1].body.CopyFrom(body)
    for each in records:
        assert send(logs_request(each)) == b""
    assert rows(services, "SELECT count(*) FROM logs") == [(len(records),)]


def test_a_record_with_a_field_that_we_do_not_know_is_the_same_record(send: Any, services: Services) -> None:
    known = record(time_unix_nano=3)
    unknown = type(known).FromString(known.SerializeToString() + b"\xfa\x3f\x01x")
    assert unknown.SerializeToString() != known.SerializeToString()
    assert send(logs_request(known)) == send(logs_request(unknown)) == b""
    assert rows(services, "SELECT count(*) FROM logs") == [(1,)]


def test_counts_add_up_for_what_is_new_known_refused_and_left_out(send: Any, services: Services) -> None:
    good, bad = span(), span(trace_id=b"short")
    send(trace_request(good, bad))
    send(trace_request(good, bad))  # the very same bytes: known by the hash of the request
    send(trace_request(good, bad, span()))
    send(metrics_request(gauge("depth", 1), Metric(name="of a type that comes next year")))
    counted = services.counts.look()
    assert (counted.received["spans"], counted.stored["spans"], counted.duplicate["spans"]) == (7, 2, 2)
    assert counted.refused["spans", "invalid_item"] == 3
    assert (counted.received["metrics"], counted.stored["metrics"]) == (2, 1)
    assert counted.refused["metrics", "invalid_item"] == 1


def test_the_items_of_a_request_that_cannot_be_stored_are_counted(
    client: FlaskClient, make_key: Any, services: Services
) -> None:
    headers = {**PROTOBUF, **make_key("acme", "ingest")}
    services.writer.hold("the disk is almost full")
    body = trace_request(span(), span()).SerializeToString()
    assert client.post("/v1/traces", data=body, headers=headers).status_code == 503
    counted = services.counts.look()
    assert (counted.received["spans"], counted.refused["spans", "unavailable"]) == (2, 2)
