"""OTLP/gRPC: the same gate, limits and rows as over HTTP, and codes that make clients do the right thing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.support.otlp import gauge, logs_request, metrics_request, record, span, trace_request

from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.grpc import GrpcServer
from promethios.receiver.services import Services
from promethios.receiver.settings import Address, SettingsError

PACKAGE = "opentelemetry.proto.collector"
TRACES = f"/{PACKAGE}.trace.v1.TraceService/Export"


@pytest.fixture
def call(services: Services) -> Iterator[Any]:
    """Call a method with bytes, on a server in this process."""
    server = GrpcServer(services, Budget(services.settings.memory_bytes), Address("127.0.0.1", 0))
    options = (("grpc.max_send_message_length", -1),)
    with grpc.insecure_channel(str(server.address), options=options) as channel:
        yield lambda method, body, metadata=(): channel.unary_unary(method)(
            body, metadata=metadata, timeout=30
        )
    server.stop().wait()


@pytest.fixture
def metadata(make_key: Any) -> list[tuple[str, str]]:
    """Metadata with an ingest key."""
    return [("authorization", make_key("default", "ingest")["Authorization"])]


def test_every_signal_is_stored(call: Any, metadata: Any, services: Services) -> None:
    for method, request in {
        TRACES: trace_request(span()),
        f"/{PACKAGE}.metrics.v1.MetricsService/Export": metrics_request(gauge("a", 1)),
        f"/{PACKAGE}.logs.v1.LogsService/Export": logs_request(record()),
    }.items():
        assert call(method, request.SerializeToString(), metadata) == b""
    with services.readers.connect() as connection:
        for table in ("spans", "metric_points", "logs"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1


def test_one_bad_span_is_refused_alone(call: Any, metadata: Any) -> None:
    body = trace_request(span("bad", trace_id=b"1"), span()).SerializeToString()
    answer = ExportTraceServiceResponse.FromString(call(TRACES, body, metadata))
    assert answer.partial_success.rejected_spans == 1


def test_what_was_sent_over_http_is_known(call: Any, client: Any, metadata: Any, services: Services) -> None:
    body = trace_request(span()).SerializeToString()
    headers = {"Authorization": metadata[0][1]}
    assert (
        client.post("/v1/traces", data=body, content_type="application/x-protobuf", headers=headers).data
        == b""
    )
    assert call(TRACES, body, metadata) == b""
    with services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM spans").scalar() == 1


@pytest.mark.parametrize(
    ("body", "scope", "code"),
    [
        (b"", None, grpc.StatusCode.UNAUTHENTICATED),
        (b"", "read", grpc.StatusCode.PERMISSION_DENIED),
        (b"\xff", "ingest", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a\x00" * 100_001, "ingest", grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_a_refusal_has_its_code_and_is_final(
    call: Any, make_key: Any, body: bytes, scope: str | None, code: grpc.StatusCode
) -> None:
    key = [("x-api-key", make_key("default", scope)["Authorization"][7:])] if scope else []
    with pytest.raises(grpc.RpcError) as caught:
        call(TRACES, body, key)
    trailers = dict(caught.value.trailing_metadata())
    assert caught.value.code() == code
    assert "google.rpc.retryinfo-bin" not in trailers
    assert Status.FromString(trailers["grpc-status-details-bin"]).message == caught.value.details()


def test_a_message_beyond_the_limit_is_resource_exhausted(
    call: Any, metadata: Any, services: Services
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(TRACES, bytes(services.settings.max_body_bytes + 1), metadata)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_service_is_unimplemented(call: Any, metadata: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(f"/{PACKAGE}.profiles.v1.ProfilesService/Export", b"", metadata)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_passing_fault_says_when_to_try_again(call: Any, metadata: Any, services: Services) -> None:
    services.writer.stop()
    with pytest.raises(grpc.RpcError) as caught:
        call(TRACES, trace_request(span()).SerializeToString(), metadata)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    trailers = dict(caught.value.trailing_metadata())
    assert RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.seconds == 1
    (detail,) = Status.FromString(trailers["grpc-status-details-bin"]).details
    assert detail.Is(RetryInfo.DESCRIPTOR)


def test_an_address_that_is_taken_is_named_with_what_to_do(services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingsError) as caught:
            GrpcServer(services, Budget(1), address)
    assert str(caught.value) == (
        f"grpc = {address}: cannot listen there: it is in use, or not this machine's; "
        "choose another with --grpc, or off"
    )
