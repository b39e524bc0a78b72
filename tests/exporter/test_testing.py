"""The test double itself, spoken to by plain sockets: it does what its answers say."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import textwrap
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.support.wire import chunked, exchange, post

import promethios.exporter.testing
from promethios.exporter import PromethiosSpanExporter
from promethios.exporter.rpc_status import read_status
from promethios.exporter.testing import Answer, DeadEnd, OtlpSink, Received, attributes

TYPE = ("Content-Type", "application/x-protobuf")
ONE_SPAN = ExportTraceServiceRequest()
ONE_SPAN.resource_spans.add().scope_spans.add().spans.add(name="hello")
BODY = ONE_SPAN.SerializeToString()


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    with OtlpSink() as sink:
        yield sink


def ask(url: str, body: bytes = BODY, path: str = "/v1/traces") -> bytes:
    """One request, and everything that came back."""
    return exchange(url, post(path, [TYPE, ("Content-Length", str(len(body)))], body))


def parts(response: bytes) -> tuple[str, bytes]:
    head, _, body = response.partition(b"\r\n\r\n")
    return head.decode(), body


def test_what_it_offers_is_pinned() -> None:
    assert promethios.exporter.testing.__all__ == ["Answer", "DeadEnd", "OtlpSink", "Received", "attributes"]


def test_the_example_of_its_documentation_runs() -> None:
    documentation = promethios.exporter.testing.__doc__ or ""
    example = re.search(r"\n\n((?:    .*\n)+)", documentation)
    assert example is not None
    names = {
        "Answer": Answer,
        "OtlpSink": OtlpSink,
        "PromethiosSpanExporter": PromethiosSpanExporter,
        "SimpleSpanProcessor": SimpleSpanProcessor,
        "TracerProvider": TracerProvider,
    }
    exec(compile(textwrap.dedent(example[1]), "documentation", "exec"), names)
    exporter = names["exporter"]
    assert isinstance(exporter, PromethiosSpanExporter)
    exporter.shutdown()


def test_answers_come_in_the_order_of_the_script_and_then_by_default(sink: OtlpSink) -> None:
    sink.default = Answer(418)
    sink.script(Answer(503), Answer(200))
    found = [int(ask(sink.url).split()[1]) for _ in range(4)]
    assert found == [503, 200, 418, 418]


def test_a_function_answers_by_what_was_asked() -> None:
    def answer(request: Received) -> Answer:
        return Answer.failing(400, "no spans here") if request.spans() else Answer()

    with OtlpSink(default=answer) as sink:
        assert ask(sink.url).startswith(b"HTTP/1.1 400 ")
        assert ask(sink.url, b"", "/v1/logs").startswith(b"HTTP/1.1 200 ")


def test_a_partial_success_is_one_for_every_signal() -> None:
    body = Answer.rejecting(3, "why").body
    assert isinstance(body, bytes)
    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (partial.rejected_spans, partial.error_message) == (3, "why")


@pytest.mark.parametrize(
    ("given", "header"),
    [
        (7, "7"),
        (7.9, "7"),
        (-1, "-1"),
        ("soon", "soon"),
        (datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC), "Sun, 06 Nov 1994 08:49:37 GMT"),
    ],
)
def test_a_busy_server_says_when_to_come_back(sink: OtlpSink, given: object, header: str) -> None:
    sink.script(Answer.busy(given))  # type: ignore[arg-type]
    head, body = parts(ask(sink.url))
    assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert f"\r\nRetry-After: {header}" in head
    assert read_status(body) == ("busy", None)


def test_a_delay_can_be_in_the_body(sink: OtlpSink) -> None:
    sink.script(Answer.retry_info(1.5, 429), Answer.retry_info(-2))
    delays = [read_status(parts(ask(sink.url))[1])[1] for _ in range(2)]
    assert delays == [1.5, -2.0]


def test_pages_and_redirects_look_like_what_they_are(sink: OtlpSink) -> None:
    sink.script(Answer.page(), Answer.redirect("https://elsewhere/", 307))
    assert "\r\nContent-Type: text/html; charset=utf-8" in parts(ask(sink.url))[0]
    assert "\r\nLocation: https://elsewhere/" in parts(ask(sink.url))[0]


@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_huge_body_is_as_long_as_it_says(sink: OtlpSink, in_chunks: bool) -> None:
    size = (3 << 20) + 17
    sink.script(Answer.huge(size, in_chunks))
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=30)
    connection.request("POST", "/v1/traces", b"")
    response = connection.getresponse()
    assert (response.getheader("Content-Length") is None) == in_chunks
    assert response.read() == bytes(size)
    connection.close()


def test_a_bomb_is_small_whole_and_large(sink: OtlpSink) -> None:
    sink.script(Answer.gzip_bomb(20 << 20))
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=30)
    connection.request("POST", "/v1/traces", b"")
    response = connection.getresponse()
    assert response.getheader("Content-Encoding") == "gzip"
    packed = response.read()
    connection.close()
    unpacking = zlib.decompressobj(31)
    assert len(packed) < 64 * 1024
    assert unpacking.decompress(packed) == bytes(20 << 20)
    assert unpacking.eof


def test_a_body_can_be_cut_and_a_connection_ended_or_reset(sink: OtlpSink) -> None:
    sink.script(Answer(200, b"0123456789", cut=4), Answer(raw=b""), Answer(raw=b"EHLO"))
    head, body = parts(ask(sink.url))
    assert "\r\nContent-Length: 10" in head
    assert body == b"0123"
    assert ask(sink.url) == b""
    assert ask(sink.url) == b"EHLO"
    sink.script(Answer(raw=b"", reset=True))
    with pytest.raises(ConnectionResetError):
        ask(sink.url)


def test_a_drip_is_a_byte_at_a_time_from_the_first(sink: OtlpSink) -> None:
    sink.script(Answer(drip=0.001), Answer(drip=3600))
    assert ask(sink.url).startswith(b"HTTP/1.1 200 OK\r\n")
    with socket.create_connection(("127.0.0.1", sink.port)) as connection:
        connection.sendall(post("/v1/traces", [TYPE, ("Content-Length", "0")]))
        assert connection.recv(65536) == b"H"


def test_a_delayed_answer_comes_and_not_at_once(sink: OtlpSink) -> None:
    sink.script(Answer(418, delay=0.01), Answer(delay=3600))
    assert ask(sink.url).startswith(b"HTTP/1.1 418 ")
    with socket.create_connection(("127.0.0.1", sink.port)) as connection:
        connection.sendall(post("/v1/traces", [TYPE, ("Content-Length", "0")]))
        sink.wait(2)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)


def test_a_request_in_chunks_is_read_and_headers_that_come_twice_are_both_kept(sink: OtlpSink) -> None:
    headers = [TYPE, ("Transfer-Encoding", "chunked"), ("X-Team", "a"), ("x-team", "b")]
    exchange(sink.url, post("/tenant/v1/traces", headers, chunked(BODY[:3], BODY[3:])))
    (request,) = sink.requests
    assert [span.name for span in request.spans()] == ["hello"]
    assert request.headers["x-team"] == "a, b"
    assert (request.signal, request.metrics(), request.logs()) == ("traces", [], [])


def test_what_is_no_otlp_is_kept_and_carries_nothing(sink: OtlpSink) -> None:
    ask(sink.url, b"whatever", "/elsewhere")
    (request,) = sink.requests
    assert (request.signal, request.spans(), request.body) == ("", [], b"whatever")
    assert sink.spans() == []
    with pytest.raises(KeyError):
        assert request.message


def test_attributes_are_read_as_python_has_them() -> None:
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add().resource
    for key in ("text", "nothing"):
        resource.attributes.add(key=key)
    resource.attributes[0].value.string_value = "x"
    values = resource.attributes.add(key="list").value.array_value.values
    values.add().int_value = 1
    values.add().bool_value = True
    values.add().kvlist_value.values.add(key="a").value.double_value = 0.5
    assert attributes(resource) == {"text": "x", "nothing": None, "list": [1, True, {"a": 0.5}]}


def test_waiting_ends_when_it_is_so_and_says_what_came_when_it_never_is(sink: OtlpSink) -> None:
    thread = threading.Thread(target=ask, args=(sink.url,))
    thread.start()
    sink.wait_for(lambda sink: sink.spans())
    thread.join()
    with pytest.raises(TimeoutError, match=r"^1 of 2 requests arrived in 0\.01 seconds$"):
        sink.wait(2, 0.01)
    with pytest.raises(TimeoutError) as caught:
        sink.wait_for(lambda sink: sink.decisions(), 0.01)
    assert str(caught.value) == "not so after 1 requests in 0.01 seconds: 1 spans, 0 metrics, 0 logs"


def test_a_closed_sink_answers_nobody_not_even_on_an_old_connection(sink: OtlpSink) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=30)
    connection.request("POST", "/v1/traces", b"")
    connection.getresponse().read()
    sink.close()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        connection.request("POST", "/v1/traces", b"")
        connection.getresponse()
    connection.close()
    assert len(sink.requests) == 1
    with pytest.raises(ConnectionRefusedError):
        ask(sink.url)


def test_a_hanging_request_ends_with_the_sink(sink: OtlpSink) -> None:
    sink.script(Answer(hang=True))
    thread = threading.Thread(target=lambda: suppressed(sink.url))
    thread.start()
    sink.wait(1)
    sink.close()
    thread.join(20)
    assert not thread.is_alive()


def suppressed(url: str) -> None:
    with suppress(OSError):
        ask(url)


def test_one_client_that_never_ends_its_handshake_holds_up_nobody(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with OtlpSink(tls=context) as sink, socket.create_connection(("127.0.0.1", sink.port)):
        assert urlsplit(sink.url).scheme == "https"
        connection = http.client.HTTPSConnection("127.0.0.1", sink.port, context=client, timeout=30)
        connection.request("POST", "/v1/traces", BODY)
        assert connection.getresponse().status == 200
        connection.close()
        assert [span.name for span in sink.spans()] == ["hello"]


def test_other_exporters_can_be_tested_with_it_too(sink: OtlpSink) -> None:
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{sink.url}/v1/traces")))
    tracers.get_tracer("test").start_span("theirs", attributes={"n": 1}).end()
    tracers.shutdown()
    (span,) = sink.spans()
    assert (span.name, attributes(span)) == ("theirs", {"n": 1})


def test_a_dead_end_takes_connections_and_answers_nothing() -> None:
    with DeadEnd() as nowhere, socket.create_connection(("127.0.0.1", nowhere.port), 5) as connection:
        connection.sendall(post("/v1/traces", [TYPE]))
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_dead_end_without_connections_takes_none_however_often_one_knocks() -> None:
    with DeadEnd(connects=False) as nowhere:
        for _ in range(5):
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", nowhere.port), 0.05)
