"""OTLP/HTTP: what is stored, what is refused, and in which words."""

from __future__ import annotations

import gzip
import http.client
import json
import math
import sqlite3
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from tests.support.otlp import gauge, logs_request, metrics_request, pairs, record, span, trace_request
from tests.support.receiver import RunningReceiver

from promethios.receiver.services import Services

PROTOBUF = "application/x-protobuf"


@pytest.fixture
def send(client: FlaskClient, make_key: Any) -> Any:
    """Send a request to a signal's endpoint with an ingest key."""
    key = make_key("default", "ingest")

    def post(path: str, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Any:
        return client.post(path, data=body, content_type=content_type, headers={**key, **headers})

    return post


def rows(services: Services, table: str) -> list[sqlite3.Row]:
    connection = sqlite3.connect(services.settings.path)
    connection.row_factory = sqlite3.Row
    found = connection.execute(f"SELECT * FROM {table}").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics", "/v1/logs"])
@pytest.mark.parametrize(("content_type", "body"), [(PROTOBUF, b""), ("application/json", b"{}")])
def test_an_empty_request_succeeds(send: Any, path: str, content_type: str, body: bytes) -> None:
    answer = send(path, body, content_type)
    assert (answer.status_code, answer.content_type) == (200, content_type)
    assert answer.data == body


def test_empty_envelopes_are_no_error(send: Any, services: Services) -> None:
    request = trace_request()
    request.resource_spans.add()
    assert send("/v1/traces", request.SerializeToString()).data == b""
    assert rows(services, "spans") == []


def test_one_bad_span_among_many_is_refused_alone(send: Any, services: Services) -> None:
    good = [span(f"good {number}") for number in range(9)]
    bad = span("bad", trace_id=b"short")
    answer = send("/v1/traces", trace_request(*good[:5], bad, *good[5:]).SerializeToString())
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_spans, partial.error_message) == (
        1,
        "span 'bad': its trace id must be 16 bytes, not all zero, and has 5",
    )
    assert [row["name"] for row in rows(services, "spans")] == [each.name for each in good]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": bytes(16)}, "its trace id must be 16 bytes, not all zero, and has 16"),
        ({"span_id": b""}, "its span id must be 8 bytes, not all zero, and has 0"),
        ({"span_id": bytes(8)}, "its span id must be 8 bytes, not all zero, and has 8"),
        ({"parent_span_id": b"1234"}, "its parent span id must be 0 or 8 bytes and has 4"),
        ({"end_time_unix_nano": 2**64 - 1}, "the end time 18446744073709551615 is beyond 2^63-1"),
        ({"attributes": pairs({str(n): n for n in range(1_025)})}, "more than 1024 attributes"),
    ],
)
def test_a_span_that_cannot_be_stored_says_why(send: Any, fields: dict[str, Any], reason: str) -> None:
    bad = span("bad")
    for name, value in fields.items():
        if name == "attributes":
            bad.attributes.extend(value)
        else:
            setattr(bad, name, value)
    answer = send("/v1/traces", trace_request(bad, span("good")).SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_spans, partial.error_message) == (1, f"span 'bad': {reason}")


def test_a_value_nested_too_deeply_is_refused_with_its_span(send: Any) -> None:
    deep = span("deep")
    value = deep.attributes.add(key="deep").value
    for _ in range(33):
        value = value.array_value.values.add()
    answer = send("/v1/traces", trace_request(deep, span("good")).SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert partial.error_message == "span 'deep': a value is nested more than 32 levels deep"


def test_a_resource_that_cannot_be_stored_refuses_its_spans_only(send: Any, services: Services) -> None:
    request = trace_request(span("bad"), span("bad"), resource={str(n): n for n in range(1_025)})
    request.resource_spans.extend(trace_request(span("good")).resource_spans)
    answer = send("/v1/traces", request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_spans, partial.error_message) == (
        2,
        "span 'bad': its resource has more than 1024 attributes",
    )
    assert [row["name"] for row in rows(services, "spans")] == ["good"]


def test_hostile_text_is_stored_as_it_is(send: Any, services: Services) -> None:
    hostile = {
        "__proto__": "{{7*7}}",
        "'; DROP TABLE spans; --": "=cmd()",
        "<script>": "nul \x00 and \u202e",
    }
    send("/v1/traces", trace_request(span("'\"\x00", hostile)).SerializeToString())
    (row,) = rows(services, "spans")
    assert (row["name"], json.loads(row["attributes"])) == ("'\"\x00", hostile)


def test_numbers_that_json_has_no_word_for_become_text(send: Any, services: Services) -> None:
    odd = {"nan": math.nan, "more": math.inf, "less": -math.inf, "bytes": b"\x00\xff", "big": 2**63 - 1}
    send("/v1/traces", trace_request(span(attributes=odd)).SerializeToString())
    (row,) = rows(services, "spans")
    assert json.loads(row["attributes"]) == {
        "nan": "NaN",
        "more": "Infinity",
        "less": "-Infinity",
        "bytes": "AP8=",
        "big": 2**63 - 1,
    }


def test_points_are_refused_alone(send: Any, services: Services) -> None:
    request = metrics_request(gauge("good", 1), gauge("nan", math.nan), gauge("more", math.inf))
    answer = send("/v1/metrics", request.SerializeToString())
    partial = ExportMetricsServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_data_points, partial.error_message) == (1, "point of 'nan': the value is NaN")
    points = rows(services, "metric_points")
    assert [(row["value_int"], row["value_double"]) for row in points] == [(1, None), (None, math.inf)]


def test_every_type_of_metric_is_stored(send: Any, services: Services) -> None:
    now = time.time_ns()
    counter, histogram, exponential, summary = (Metric(name=name) for name in ("sum", "h", "e", "s"))
    counter.sum.data_points.add(time_unix_nano=now, as_double=1.5)
    counter.sum.is_monotonic = True
    histogram.histogram.data_points.add(
        time_unix_nano=now, count=3, sum=6, min=1, max=3, explicit_bounds=[1, 2], bucket_counts=[1, 1, 1]
    )
    exponential.exponential_histogram.data_points.add(time_unix_nano=now, count=2, scale=3)
    summary.summary.data_points.add(time_unix_nano=now, count=1, sum=2).quantile_values.add(
        quantile=0.5, value=2
    )
    answer = send(
        "/v1/metrics", metrics_request(counter, histogram, exponential, summary).SerializeToString()
    )
    assert answer.data == b""
    series = {row["id"]: row for row in rows(services, "metric_series")}
    stored = {series[row["series_id"]]["type"]: row for row in rows(services, "metric_points")}
    assert set(stored) == {"sum", "histogram", "exponential_histogram", "summary"}
    point = stored["histogram"]
    assert (point["count"], point["sum"], point["min"], point["max"]) == (3, 6.0, 1.0, 3.0)
    assert json.loads(point["distribution"]) == {"bounds": [1, 2], "counts": [1, 1, 1]}
    assert json.loads(stored["summary"]["distribution"]) == {"quantiles": [[0.5, 2.0]]}


def test_a_metric_of_an_unknown_type_is_left_out_with_a_warning(send: Any) -> None:
    answer = send("/v1/metrics", metrics_request(Metric(name="new"), gauge("old", 1)).SerializeToString())
    partial = ExportMetricsServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_data_points, partial.error_message) == (
        0,
        "metric 'new' has no data of a known type and was left out",
    )


def test_records_are_refused_alone(send: Any, services: Services) -> None:
    answer = send("/v1/logs", logs_request(record("bad", trace_id=b"12"), record("good")).SerializeToString())
    partial = ExportLogsServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_log_records, partial.error_message) == (
        1,
        "log record: its trace id must be 0 or 16 bytes and has 2",
    )
    assert [row["body"] for row in rows(services, "logs")] == ["good"]


PAIRS: dict[str, tuple[str, Any]] = {
    "/v1/traces": ("spans", lambda: trace_request(span(), span())),
    "/v1/metrics": ("metric_points", lambda: metrics_request(gauge("a", 1), gauge("b", 2))),
    "/v1/logs": ("logs", lambda: logs_request(*[record("same", time_unix_nano=7)] * 2)),
}


@pytest.mark.parametrize("path", PAIRS)
def test_sending_again_adds_no_row(make_key: Any, send: Any, services: Services, path: str) -> None:
    table, build = PAIRS[path]
    body = build().SerializeToString()
    send(path, body)
    before = [tuple(row) for row in rows(services, table)]
    assert len(before) == 2
    other_key_of_the_tenant = make_key("default", "ingest")
    for headers in ({}, other_key_of_the_tenant, {"Content-Encoding": "gzip"}):
        again = gzip.compress(body) if "Content-Encoding" in headers else body
        assert send(path, again, **headers).data == b""
    assert [tuple(row) for row in rows(services, table)] == before


def test_items_batched_anew_add_no_row(send: Any, services: Services) -> None:
    spans, points = [span(), span()], [gauge("a", 1), gauge("b", 2)]
    for group in (spans, spans[:1], spans[::-1]):
        send("/v1/traces", trace_request(*group).SerializeToString())
    for several in (points, points[1:], points[::-1]):
        send("/v1/metrics", metrics_request(*several).SerializeToString())
    assert (len(rows(services, "spans")), len(rows(services, "metric_points"))) == (2, 2)


def test_other_content_under_the_same_ids_keeps_the_first_and_says_so(send: Any, services: Services) -> None:
    first = span("first")
    send("/v1/traces", trace_request(first).SerializeToString())
    forged = span("second", trace_id=first.trace_id, span_id=first.span_id)
    answer = send("/v1/traces", trace_request(forged).SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert (partial.rejected_spans, partial.error_message) == (
        0,
        "1 spans were stored before with other content; the first is kept",
    )
    assert [row["name"] for row in rows(services, "spans")] == ["first"]


WHOLE = trace_request(span(trace_id=b"t" * 16, span_id=b"s" * 8)).SerializeToString()


@pytest.mark.parametrize("body", [b"\xff", b"hello", WHOLE[:-3]], ids=["a byte", "text", "cut short"])
def test_a_malformed_body_is_400(send: Any, services: Services, body: bytes) -> None:
    answer = send("/v1/traces", body)
    status = Status.FromString(answer.data)
    assert (answer.status_code, answer.content_type, status.code) == (400, PROTOBUF, 3)
    assert status.message.startswith("the body is not an ExportTraceServiceRequest in protobuf: ")
    assert rows(services, "spans") == []


def test_deeply_nested_protobuf_is_400(send: Any) -> None:
    inner = b""
    for _ in range(20_000):
        inner = b"\x2a" + _varint(len(inner) + 2 + _size(len(inner))) + b"\x0a" + _varint(len(inner)) + inner
        if len(inner) > 60_000:
            break
    attribute = b"\x0a\x01k\x12" + _varint(len(inner)) + inner
    body = attribute
    for tag in (b"\x4a", b"\x12", b"\x12", b"\x0a"):
        body = tag + _varint(len(body)) + body
    assert send("/v1/traces", body).status_code == 400


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def _size(number: int) -> int:
    return len(_varint(number)) - 1


def test_too_many_items_are_413(send: Any) -> None:
    answer = send("/v1/traces", b"\x0a\x00" * 100_001)
    assert (answer.status_code, Status.FromString(answer.data).message) == (
        413,
        "the request has more than 100000 items: send smaller batches",
    )


def test_an_unknown_content_type_is_415(send: Any) -> None:
    answer = send("/v1/traces", b"", "text/html")
    assert (answer.status_code, answer.content_type) == (415, PROTOBUF)
    assert Status.FromString(answer.data).message == (
        "the content type must be application/x-protobuf or application/json, not 'text/html'"
    )


def test_another_method_is_405_and_says_which(client: FlaskClient) -> None:
    answer = client.get("/v1/traces")
    assert (answer.status_code, answer.content_type) == (405, PROTOBUF)
    allowed = answer.headers["Allow"]
    assert set(allowed.split(", ")) == {"POST", "OPTIONS"}
    assert Status.FromString(answer.data).message == f"GET is not possible at '/v1/traces': use {allowed}"


def test_an_unknown_address_is_404_in_otlps_words(client: FlaskClient) -> None:
    answer = client.post("/v1/profiles", content_type="application/json")
    assert (answer.status_code, answer.get_json()) == (
        404,
        {
            "code": 5,
            "message": (
                "there is nothing at '/v1/profiles': OTLP goes to /v1/traces, /v1/metrics and /v1/logs, "
                "questions to /api/v1/"
            ),
        },
    )


def test_a_parameter_of_the_content_type_is_accepted(send: Any) -> None:
    answer = send("/v1/traces", b"{}", "application/json; charset=utf-8")
    assert (answer.status_code, answer.content_type) == (200, "application/json")


def test_doubled_and_trailing_slashes_never_pass_the_gate_by(receiver: RunningReceiver) -> None:
    body = trace_request(span()).SerializeToString()
    for path in ("//v1/traces", "/v1//traces", "/v1/traces/", "/v1%2ftraces", "/v1/./traces", "///v1/traces"):
        assert receiver.post(path, body, {"Content-Type": PROTOBUF}).status in (401, 404), path
    assert receiver.data("status")[0]["spans"] == 0


def test_a_hundred_requests_share_one_connection(receiver: RunningReceiver) -> None:
    parts = urlsplit(receiver.http)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.connect()
    first = connection.sock
    for _ in range(100):
        connection.request("POST", "/v1/traces", b"", {"Content-Type": PROTOBUF, **receiver.ingest})
        assert connection.getresponse().read() == b""
        assert connection.sock is first
    connection.close()


def test_answers_carry_security_headers_and_no_version(receiver: RunningReceiver) -> None:
    headers = receiver.get("/health/live", headers={}).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers
