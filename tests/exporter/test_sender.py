"""One attempt, and what each answer means."""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from promethios.exporter.batch import Batch
from promethios.exporter.judging import MAX_RESPONSE_BYTES
from promethios.exporter.outcomes import Delivered, Outcome, Parked, Permanent, TooLarge, Transient
from promethios.exporter.sender import USER_AGENT, Sender
from promethios.exporter.settings import Settings
from promethios.exporter.testing import Answer, OtlpSink

MakeBatch = Callable[..., Batch]
KEY = "pmk_live_0123456789"
TLS = Path(__file__).with_name("tls")


@pytest.fixture
def sender(sink: OtlpSink) -> Iterator[Sender]:
    sender = Sender(Settings.load(endpoint=sink.url, api_key=KEY, timeout=5.0))
    yield sender
    sender.close()


def _partial(rejected: int, message: str) -> bytes:
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial).SerializeToString()


def test_a_request_is_what_otlp_asks_for(sink: OtlpSink, sender: Sender, batch: MakeBatch) -> None:
    assert sender.send(batch("one")) == Delivered()
    (request,) = sink.requests
    assert request.path == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["user-agent"] == USER_AGENT
    assert USER_AGENT.startswith("promethios/")
    assert " OTel-OTLP-Exporter-Python/" in USER_AGENT
    assert [span.name for span in sink.spans()] == ["one"]


def test_an_empty_key_sends_no_authorization(sink: OtlpSink, batch: MakeBatch) -> None:
    sender = Sender(Settings.load(endpoint=sink.url, api_key=""))
    sender.send(batch())
    sender.close()
    assert "authorization" not in sink.requests[0].headers


def test_a_path_in_the_endpoint_is_kept(sink: OtlpSink, batch: MakeBatch) -> None:
    sender = Sender(Settings.load(endpoint=f"{sink.url}/tenant/", api_key=KEY))
    sender.send(batch())
    sender.close()
    assert sink.requests[0].path == "/tenant/v1/traces"


def test_one_connection_serves_many_requests(sink: OtlpSink, sender: Sender, batch: MakeBatch) -> None:
    sink.script(Answer(), Answer(400, b"no"), Answer(503))
    for _ in range(5):
        sender.send(batch())
    assert sink.connections == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200), Delivered()),
        (Answer(200, headers={"Content-Type": "application/x-protobuf; charset=utf-8"}), Delivered()),
        (Answer(200, _partial(1, "too\nold")), Delivered(1, "too old")),
        (Answer(200, _partial(0, "a warning")), Delivered(0, "a warning")),
        (Answer(400), Permanent("HTTP 400")),
        (
            # On the wire a google.rpc.Status: code 3, and a message.
            Answer(400, b"\x08\x03\x12\x06bad id"),
            Permanent("HTTP 400 (bad id)"),
        ),
        (Answer(408), Permanent("HTTP 408")),
        (Answer(413), TooLarge("HTTP 413")),
        (
            Answer.failing(400, "http: request body too large"),
            TooLarge("HTTP 400 (http: request body too large)"),
        ),
        (Answer(500), Permanent("HTTP 500")),
        (Answer(501, b"<h1>", {"Content-Type": "text/html"}), Permanent("HTTP 501")),
        (Answer(429), Transient("HTTP 429")),
        (Answer(502), Transient("HTTP 502")),
        (Answer(503, headers={"Retry-After": "3"}), Transient("HTTP 503", 3.0)),
        (Answer(503, headers={"Retry-After": "Sun, 22 Nov 2015 12:00:00 GMT"}), Transient("HTTP 503", 0.0)),
        (Answer(504), Transient("HTTP 504")),
        (Answer(401), Parked("HTTP 401: the key is missing, wrong or expired: check `api_key`")),
        (Answer(403), Parked("HTTP 403: the key may not ingest: give one with the scope `ingest`")),
        (Answer(404), Parked("HTTP 404: nothing takes OTLP there: check `endpoint`")),
        (
            Answer(302, headers={"Location": "/elsewhere"}),
            Parked("HTTP 302: not an OTLP receiver, or a redirect, which is not followed: check `endpoint`"),
        ),
        (
            Answer(202),
            Parked("HTTP 202: not an OTLP receiver, or a redirect, which is not followed: check `endpoint`"),
        ),
        (
            Answer(200, b"<html>", {"Content-Type": "text/html"}),
            Parked(
                "HTTP 200 with text/html instead of application/x-protobuf:"
                " not an OTLP receiver; check `endpoint`"
            ),
        ),
        (
            Answer(200, b"{}", {"Content-Type": "application/json"}),
            Parked(
                "HTTP 200 with application/json instead of application/x-protobuf:"
                " not an OTLP receiver; check `endpoint`"
            ),
        ),
        (Answer(200, b"\xff\xff\xff"), Parked("HTTP 200 with a body that is not OTLP: check `endpoint`")),
        (
            Answer(200, b"not gzip", {"Content-Encoding": "gzip"}),
            Parked("HTTP 200 with a body that does not decompress: check `endpoint`"),
        ),
        (Answer(200, _partial(1, "x" * 50), cut=10), Transient("the answer broke off: ProtocolError")),
        (Answer(400, b"12345", cut=2), Permanent("HTTP 400")),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Answer) else type(value).__name__,
)
def test_each_answer_has_its_outcome(
    sink: OtlpSink, sender: Sender, batch: MakeBatch, answer: Answer, outcome: Outcome
) -> None:
    sink.script(answer)
    assert sender.send(batch()) == outcome
    assert len(sink.requests) == 1


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
def test_an_endless_answer_is_given_up(
    sink: OtlpSink, sender: Sender, batch: MakeBatch, headers: dict[str, str]
) -> None:
    body = bytes(MAX_RESPONSE_BYTES + 1)
    sink.script(Answer(200, gzip.compress(body) if headers else body, headers))
    assert sender.send(batch()) == Parked(
        "HTTP 200 with an answer of more than 4194304 bytes: not an OTLP receiver; check `endpoint`"
    )
    assert sender.send(batch()) == Delivered()


def test_nobody_there_is_transient(batch: MakeBatch, deaf_port: int) -> None:
    sender = Sender(Settings.load(endpoint=f"http://127.0.0.1:{deaf_port}", api_key=KEY))
    assert sender.send(batch()) == Transient(
        "no answer: NewConnectionError (connection refused): check `endpoint`"
    )
    sender.close()


def test_an_unknown_host_is_transient(batch: MakeBatch) -> None:
    sender = Sender(Settings.load(endpoint="http://receiver.invalid", api_key=KEY))
    assert sender.send(batch()) == Transient(
        "no answer: NameResolutionError (no such host): check `endpoint`"
    )
    sender.close()


def test_silence_is_transient(sink: OtlpSink, batch: MakeBatch) -> None:
    sink.script(Answer(hang=True))
    sender = Sender(Settings.load(endpoint=sink.url, api_key=KEY, timeout=0.2))
    assert sender.send(batch()) == Transient("no answer: ReadTimeoutError")
    sender.close()


@contextlib.contextmanager
def _speaking(*parts: bytes) -> Iterator[str]:
    """A server that answers its one client with these bytes, a pause after each."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                for part in parts:
                    connection.sendall(part)
                    time.sleep(0.05)

        thread = threading.Thread(target=speak)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


_NO_HTTP = Transient(
    "no answer: ProtocolError (what answers does not speak HTTP/1.1; it may be a port for gRPC):"
    " check `endpoint`"
)


def test_a_server_that_is_no_http_server_is_transient(batch: MakeBatch) -> None:
    with _speaking(b"220 smtp ready\r\n") as url:
        sender = Sender(Settings.load(endpoint=url, api_key=KEY))
        assert sender.send(batch()) == _NO_HTTP
        sender.close()


def test_a_port_for_grpc_is_named_as_what_it_may_be(batch: MakeBatch) -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sender = Sender(Settings.load(endpoint=f"http://127.0.0.1:{port}", api_key=KEY))
    # A server that hangs up before it has read all may have its word cut off.
    assert any(sender.send(batch()) == _NO_HTTP for _ in range(20))
    sender.close()
    server.stop(None).wait()


def test_an_answer_that_drips_is_given_up(batch: MakeBatch) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 500\r\n\r\n"
    with _speaking(head, *[b"x"] * 500) as url:
        sender = Sender(Settings.load(endpoint=url, api_key=KEY, timeout=2.0))
        assert sender.send(batch()) == Transient("the answer broke off: ReadTimeoutError")
        sender.close()


def test_the_same_request_always_gives_the_same_bytes(batch: MakeBatch) -> None:
    assert batch("a", 3).body == batch("a", 3).body


@pytest.fixture
def secure_sink() -> Iterator[OtlpSink]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    with OtlpSink(tls=context) as sink:
        yield sink


def test_https_works_with_the_certificate_that_is_given(secure_sink: OtlpSink, batch: MakeBatch) -> None:
    certificate = TLS / "certificate.pem"
    sender = Sender(Settings.load(endpoint=secure_sink.url, api_key=KEY, certificate=certificate))
    assert [sender.send(batch()), sender.send(batch())] == [Delivered(), Delivered()]
    assert secure_sink.connections == 1
    sender.close()


def test_a_certificate_that_is_not_trusted_gets_no_key(secure_sink: OtlpSink, batch: MakeBatch) -> None:
    sender = Sender(Settings.load(endpoint=secure_sink.url, api_key=KEY))
    outcome = sender.send(batch())
    assert isinstance(outcome, Transient)
    # OpenSSL 1.1 writes "self signed", 3 writes "self-signed".
    said = r"no answer: SSLError \(self.signed certificate\): check `endpoint` and `certificate`"
    assert re.fullmatch(said, outcome.reason)
    assert secure_sink.requests == []
    sender.close()


def test_https_to_a_server_without_it_says_so(sink: OtlpSink, batch: MakeBatch) -> None:
    sender = Sender(Settings.load(endpoint=sink.url.replace("http:", "https:"), api_key=KEY))
    assert sender.send(batch()) == Transient(
        "no answer: SSLError (no TLS between us): check `endpoint` and `certificate`"
    )
    sender.close()
