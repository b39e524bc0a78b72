"""The server's part of the OTLP specification, statement by statement; the names are the statements' ids."""

from __future__ import annotations

import gzip
import sqlite3
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request
from tests.support.receiver import RunningReceiver

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
EMPTY: dict[str, Message] = {
    "traces": ExportTraceServiceRequest(),
    "metrics": ExportMetricsServiceRequest(),
    "logs": ExportLogsServiceRequest(),
}


def full() -> dict[str, Message]:
    """A good request for each signal."""
    return {
        "traces": trace_request(span()),
        "metrics": metrics_request(gauge("a", 1)),
        "logs": logs_request(record()),
    }


def mixed() -> dict[str, tuple[Message, str, int]]:
    """For each signal a request with bad items, the field that counts them, and how many there are."""
    return {
        "traces": (trace_request(span(), span(trace_id=b"1"), span(span_id=b"")), "rejected_spans", 2),
        "metrics": (
            metrics_request(gauge("a", 1), gauge("b", 1, time_unix_nano=2**64 - 1)),
            "rejected_data_points",
            1,
        ),
        "logs": (logs_request(record("bad", span_id=b"1"), record("good")), "rejected_log_records", 1),
    }


def counts(receiver: RunningReceiver) -> tuple[int, ...]:
    """How many rows the database itself has."""
    connection = sqlite3.connect(receiver.db)
    tables = ("spans", "metric_points", "logs")
    found = tuple(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)
    connection.close()
    return found


@pytest.mark.parametrize("signal", EMPTY)
def test_S05_empty_request_succeeds(transport: Any, signal: str) -> None:
    assert transport.send(signal, EMPTY[signal]).ok


@pytest.mark.parametrize("signal", EMPTY)
def test_S06_full_success_leaves_partial_success_unset(transport: Any, signal: str) -> None:
    sent = transport.send(signal, full()[signal])
    assert sent.ok
    assert not sent.response.HasField("partial_success")


@pytest.mark.parametrize("signal", EMPTY)
def test_S07_partial_acceptance_counts_exactly_what_was_rejected(transport: Any, signal: str) -> None:
    request, field, number = mixed()[signal]
    sent = transport.send(signal, request)
    assert sent.ok
    assert getattr(sent.response.partial_success, field) == number
    assert sent.response.partial_success.error_message


def test_S10_empty_envelopes_are_no_error(transport: Any) -> None:
    request = trace_request()
    request.resource_spans.add()
    assert transport.send("traces", request).ok


def test_S11_unknown_fields_are_ignored(receiver: RunningReceiver) -> None:
    unknown = trace_request(span()).SerializeToString() + b"\xfa\x3f\x02hi"
    assert len(UnknownFieldSet(ExportTraceServiceRequest.FromString(unknown))) == 1
    assert receiver.post("/v1/traces", unknown).body == b""
    headers = {"Content-Type": JSON, **receiver.ingest}
    assert receiver.post("/v1/traces", b'{"new": [{"deep": 1}]}', headers).json() == {}


@pytest.mark.parametrize("signal", EMPTY)
def test_S13_success_means_that_it_is_in_the_database(
    transport: Any, receiver: RunningReceiver, signal: str
) -> None:
    before = counts(receiver)
    assert transport.send(signal, full()[signal]).ok
    assert sum(counts(receiver)) == sum(before) + 1


@pytest.mark.parametrize("signal", EMPTY)
def test_S14_resending_a_request_changes_no_count(
    transport: Any, receiver: RunningReceiver, signal: str
) -> None:
    request = full()[signal]
    transport.send(signal, request)
    before = counts(receiver)
    for _ in range(2):
        assert transport.send(signal, request).ok
    assert counts(receiver) == before


@pytest.mark.parametrize("signal", EMPTY)
def test_S15_the_neighbours_of_an_invalid_item_are_stored(
    transport: Any, receiver: RunningReceiver, signal: str
) -> None:
    before = counts(receiver)
    assert transport.send(signal, mixed()[signal][0]).ok
    assert sum(counts(receiver)) == sum(before) + 1


@pytest.mark.parametrize("signal", EMPTY)
@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize("packed", [False, True])
def test_S01_H02_H03_H04_each_encoding_and_compression_is_200_in_its_own_type(
    receiver: RunningReceiver, signal: str, content_type: str, packed: bool
) -> None:
    body = full()[signal].SerializeToString() if content_type == PROTOBUF else b"{}"
    headers = {"Content-Type": f"{content_type}; charset=utf-8", **receiver.ingest}
    if packed:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    answer = receiver.post(f"/v1/{signal}", body, headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
@pytest.mark.parametrize(
    ("method", "path", "key", "encoding", "body", "status"),
    [
        ("POST", "/v1/traces", True, "", b"\xff", 400),
        ("POST", "/v1/traces", False, "", b"", 401),
        ("POST", "/v1/unknown", True, "", b"", 404),
        ("PUT", "/v1/traces", True, "", b"", 405),
        ("POST", "/v1/traces", True, "gzip", gzip.compress(bytes(70 * 1024 * 1024)), 413),
        ("POST", "/v1/traces", True, "br", b"", 415),
    ],
)
def test_H05_H06_H07_H11_every_refusal_is_a_status_in_the_requests_encoding(
    receiver: RunningReceiver,
    content_type: str,
    method: str,
    path: str,
    key: bool,
    encoding: str,
    body: bytes,
    status: int,
) -> None:
    headers = {"Content-Type": content_type, "Content-Encoding": encoding, **(receiver.ingest if key else {})}
    answer = receiver.request(method, path, body, headers)
    assert (answer.status, answer.headers["Content-Type"]) == (status, content_type)
    told = answer.json() if content_type == JSON else Status.FromString(answer.body)
    message = told["message"] if content_type == JSON else told.message
    assert message
    if status == 405:
        assert "POST" in answer.headers["Allow"]
    if status == 415:
        assert answer.headers["Accept-Encoding"] == "gzip"
