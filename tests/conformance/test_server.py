"""S01-S15: what OTLP asks of a server over every transport. The names are the statements' ids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request
from tests.support.receiver import RunningReceiver
from tests.support.samples import BAD, REJECTED, counts, good, item, stored, wrapped
from tests.support.transports import SIGNALS, TRANSPORTS, Transport

from promethios.receiver.settings import Settings

RESOURCE_EXHAUSTED = 8
LIMIT = 100_000
LARGEST_ANSWER = 1_024
EMPTY: dict[str, Message] = {
    "traces": ExportTraceServiceRequest(),
    "metrics": ExportMetricsServiceRequest(),
    "logs": ExportLogsServiceRequest(),
}
#: A field that no version of OTLP has, with text in it, as protobuf writes it.
UNKNOWN_FIELD = b"\xfa\x3f\x02hi"


@pytest.fixture(scope="module")
def small_receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver with limits of its own."""
    db = tmp_path_factory.mktemp("small") / "promethios.db"
    limits = {
        "PROMETHIOS_MAX_BODY_BYTES": str(LIMIT),
        "PROMETHIOS_MAX_RESPONSE_BYTES": str(LARGEST_ANSWER),
    }
    with RunningReceiver(db, environment=limits) as running:
        yield running


@pytest.fixture(params=TRANSPORTS)
def small(small_receiver: RunningReceiver, request: pytest.FixtureRequest) -> Transport:
    """Each way to send to it."""
    return Transport(small_receiver, request.param)


def of_size(transport: Transport, size: int) -> bytes:
    """A request that is `size` bytes long as this transport has it."""
    found = span("filled", attributes={"filling": "x" * size})
    value = found.attributes[0].value
    value.string_value = "x" * (2 * size - len(transport.encode(trace_request(found))))
    body = transport.encode(trace_request(found))
    assert len(body) == size
    return body


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("packed", [False, True], ids=["none", "gzip"])
def test_S01_none_and_gzip_are_accepted(
    transport: Transport, receiver: RunningReceiver, signal: str, packed: bool
) -> None:
    before = counts(receiver)[signal]
    assert transport.send(signal, good(signal), packed=packed).ok
    assert counts(receiver)[signal] == before + 2


@pytest.mark.parametrize("packed", [False, True], ids=["on the wire", "unpacked"])
def test_S02_R02_a_request_beyond_the_limit_is_refused_for_good(small: Transport, packed: bool) -> None:
    before = counts(small.receiver)
    sent = small.send_bytes("traces", of_size(small, LIMIT + 1), packed=packed)
    assert (sent.code, sent.retry_after) == (RESOURCE_EXHAUSTED, None)
    assert counts(small.receiver) == before


@pytest.mark.parametrize("packed", [False, True], ids=["on the wire", "unpacked"])
def test_S02_a_request_at_the_limit_is_stored(small: Transport, packed: bool) -> None:
    before = counts(small.receiver)["traces"]
    assert small.send_bytes("traces", of_size(small, LIMIT), packed=packed).ok
    assert counts(small.receiver)["traces"] == before + 1


def test_S03_the_limit_is_64_mebibytes_unless_it_is_configured(transport: Transport) -> None:
    assert Settings().max_body_bytes == 64 * 1024 * 1024
    beyond_what_grpc_takes_by_default = of_size(transport, 5 * 1024 * 1024)
    assert transport.send_bytes("traces", beyond_what_grpc_takes_by_default).ok


def test_S04_an_answer_is_cut_rather_than_exceed_its_limit(small: Transport) -> None:
    bad = [span("\U0001f680" * 60, trace_id=bytes([number])) for number in range(1, 8)]
    bad += [span("\x00" * 60, span_id=bytes([number])) for number in range(1, 8)]
    sent = small.send("traces", trace_request(*bad))
    assert sent.ok
    assert sent.size <= LARGEST_ANSWER
    assert sent.response.partial_success.rejected_spans == len(bad)


def test_S04_the_limit_of_an_answer_is_4_mebibytes_unless_it_is_configured(transport: Transport) -> None:
    assert Settings().max_response_bytes == 4 * 1024 * 1024
    sent = transport.send("traces", trace_request(*[span("x" * 100, trace_id=b"1") for _ in range(2_000)]))
    assert sent.response.partial_success.rejected_spans == 2_000
    assert sent.size < 4_096


@pytest.mark.parametrize("signal", SIGNALS)
def test_S05_an_empty_request_succeeds(transport: Transport, signal: str) -> None:
    sent = transport.send(signal, EMPTY[signal])
    assert sent.ok
    assert not sent.response.HasField("partial_success")
    assert transport.send_bytes(signal, b"").ok


@pytest.mark.parametrize("signal", SIGNALS)
def test_S06_full_success_leaves_partial_success_unset(transport: Transport, signal: str) -> None:
    sent = transport.send(signal, good(signal))
    assert sent.ok
    assert not sent.response.HasField("partial_success")


@pytest.mark.parametrize("wrong", BAD)
@pytest.mark.parametrize("number", [1, 3])
def test_S07_partial_success_counts_exactly_what_was_rejected(
    transport: Transport, wrong: str, number: int
) -> None:
    signal, make, _ = BAD[wrong]
    items = [make() for _ in range(number)] + [item(signal)]
    sent = transport.send(signal, wrapped(signal, *items))
    assert sent.ok
    assert getattr(sent.response.partial_success, REJECTED[signal]) == number


@pytest.mark.parametrize("wrong", BAD)
def test_S08_the_message_says_in_english_which_item_and_why(transport: Transport, wrong: str) -> None:
    signal, make, message = BAD[wrong]
    sent = transport.send(signal, wrapped(signal, make()))
    assert sent.response.partial_success.error_message == message


def test_S08_a_refusal_says_in_english_why(transport: Transport) -> None:
    sent = transport.send_bytes("traces", b"\xff")
    encoding = "JSON" if transport.name == "json" else "protobuf"
    assert sent.message.startswith(f"the body is not an ExportTraceServiceRequest in {encoding}: ")


def test_S09_a_warning_rejects_nothing_and_has_a_message(
    transport: Transport, receiver: RunningReceiver
) -> None:
    before = counts(receiver)["metrics"]
    sent = transport.send("metrics", metrics_request(Metric(name="new"), gauge("old", 1)))
    partial = sent.response.partial_success
    assert (partial.rejected_data_points, partial.error_message) == (
        0,
        "metric 'new' has no data of a known type and was left out",
    )
    assert counts(receiver)["metrics"] == before + 1


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("signal", SIGNALS)
def test_S10_empty_envelopes_are_no_error(transport: Transport, signal: str, depth: int) -> None:
    request = type(EMPTY[signal])()
    parent: Any = request
    names = {"traces": "spans", "metrics": "metrics", "logs": "logs"}
    for level in ("resource", "scope")[: min(depth, 2)]:
        parent = getattr(parent, f"{level}_{names[signal]}").add()
    if depth == 3 and signal == "metrics":
        parent.metrics.add(name="no points").gauge.SetInParent()
    elif depth == 3:
        parent.scope.SetInParent()
    sent = transport.send(signal, request)
    assert sent.ok
    assert not sent.response.HasField("partial_success")


def test_S11_unknown_fields_of_protobuf_are_ignored(receiver: RunningReceiver) -> None:
    known = span().SerializeToString()
    newer = Span.FromString(known + UNKNOWN_FIELD)
    request = trace_request(newer)
    request.resource_spans[0].ParseFromString(request.resource_spans[0].SerializeToString() + UNKNOWN_FIELD)
    body = request.SerializeToString() + UNKNOWN_FIELD
    assert len(UnknownFieldSet(ExportTraceServiceRequest.FromString(body))) == 1
    assert body.count(UNKNOWN_FIELD) == 3
    before = counts(receiver)["traces"]
    for name in ("protobuf", "grpc"):
        sent = Transport(receiver, name).send_bytes("traces", body)
        assert sent.ok
        assert not sent.response.HasField("partial_success")
    assert counts(receiver)["traces"] == before + 1


def test_S11_unknown_keys_of_json_are_ignored(receiver: RunningReceiver) -> None:
    transport = Transport(receiver, "json")
    body = transport.encode(trace_request(span()))
    for known in (b'"resource":', b'"scope":', b'"traceId":', b'"resourceSpans":'):
        assert body.count(known) == 1
        body = body.replace(known, b'"fromTheFuture": [{"deep": {"er": [1, null, "x"]}}], ' + known)
    before = counts(receiver)["traces"]
    sent = transport.send_bytes("traces", body)
    assert sent.ok
    assert not sent.response.HasField("partial_success")
    assert counts(receiver)["traces"] == before + 1


def test_S12_a_metric_of_an_unknown_type_does_not_fail_its_neighbours(
    transport: Transport, receiver: RunningReceiver
) -> None:
    newer = Metric.FromString(Metric(name="new").SerializeToString() + UNKNOWN_FIELD)
    before = counts(receiver)["metrics"]
    request = metrics_request(gauge("before", 1), newer, gauge("after", 1))
    body = transport.encode(request)
    if transport.name == "json":
        body = body.replace(b'{"name": "new"}', b'{"name": "new", "tDigest": {"dataPoints": [{}]}}')
        assert b"tDigest" in body
    assert transport.send_bytes("metrics", body).ok
    assert counts(receiver)["metrics"] == before + 2


def test_S12_unknown_values_of_enums_are_stored_as_they_are(
    transport: Transport, receiver: RunningReceiver
) -> None:
    newer = span("newer", kind=99)  # type: ignore[arg-type]
    newer.status.code = 7  # type: ignore[assignment]
    counter = Metric(name="newer")
    counter.sum.data_points.add(time_unix_nano=1, as_int=1)
    counter.sum.aggregation_temporality = 9  # type: ignore[assignment]
    for signal, request in (
        ("traces", trace_request(newer)),
        ("metrics", metrics_request(counter)),
        ("logs", logs_request(record(severity_number=99))),
    ):
        sent = transport.send(signal, request)
        assert sent.ok
        assert not sent.response.HasField("partial_success")
    assert stored(receiver, "spans", "kind", "status_code", trace_id=newer.trace_id) == [(99, 7)]
    assert (9,) in stored(receiver, "metric_series", "temporality", name="newer")
    assert (99,) in stored(receiver, "logs", "severity_number")


def test_S12_a_value_of_an_unknown_type_is_stored_as_nothing(
    transport: Transport, receiver: RunningReceiver
) -> None:
    found = span()
    found.attributes.add(key="new").value.ParseFromString(UNKNOWN_FIELD)
    body = transport.encode(trace_request(found))
    assert transport.send_bytes("traces", body).ok
    assert stored(receiver, "spans", "attributes", trace_id=found.trace_id) == [('{"new":null}',)]


def test_S13_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    running = RunningReceiver(tmp_path / "promethios.db")
    for name in TRANSPORTS:
        for signal in SIGNALS:
            assert Transport(running, name).send(signal, good(signal)).ok
    running.kill()
    assert counts(running) == {signal: 2 * len(TRANSPORTS) for signal in SIGNALS}


@pytest.mark.parametrize("signal", SIGNALS)
def test_S14_resending_a_request_changes_no_count(
    transport: Transport, receiver: RunningReceiver, signal: str
) -> None:
    request = good(signal)
    assert transport.send(signal, request).ok
    before = counts(receiver)
    for packed in (False, True, False):
        assert transport.send(signal, request, packed=packed).ok
    for name in TRANSPORTS:
        assert Transport(receiver, name).send(signal, request).ok
    assert counts(receiver) == before


def test_S14_resending_to_a_receiver_that_started_anew_changes_no_count(tmp_path: Path) -> None:
    db = tmp_path / "promethios.db"
    requests = {signal: good(signal) for signal in SIGNALS}
    with RunningReceiver(db) as first:
        key = first.ingest_key
        assert all(Transport(first, "grpc").send(*each).ok for each in requests.items())
        before = counts(first)
    with RunningReceiver(db) as second:
        for name in TRANSPORTS:
            assert all(Transport(second, name).send(*each, key=key).ok for each in requests.items())
        assert counts(second) == before


@pytest.mark.parametrize("wrong", BAD)
def test_S15_the_neighbours_of_an_invalid_item_are_stored(
    transport: Transport, receiver: RunningReceiver, wrong: str
) -> None:
    signal, make, _ = BAD[wrong]
    before = counts(receiver)[signal]
    sent = transport.send(signal, wrapped(signal, item(signal), make(), item(signal)))
    assert sent.ok
    assert re.fullmatch(r"[ -~]+", sent.response.partial_success.error_message)
    assert counts(receiver)[signal] == before + 2
