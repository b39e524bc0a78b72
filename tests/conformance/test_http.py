"""H01-H14: what OTLP asks of a server over HTTP. The names are the statements' ids."""

from __future__ import annotations

import gzip
import http.client
import socket
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from google.protobuf.json_format import Parse
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.support.otlp import span, trace_request
from tests.support.receiver import Answer, RunningReceiver
from tests.support.samples import counts, good
from tests.support.transports import JSON, PROTOBUF, SIGNALS, as_json, status_of
from tests.support.wire import body_of, chunked, exchange, post
from tests.support.wire import status_of as http_status

from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.refusal import Kind, unavailable
from promethios.receiver.services import Services
from promethios.receiver.settings import Settings

LIMIT = 100_000
#: What OTLP lets a client send again; everything else makes it drop its data.
RETRYABLE = {429, 502, 503, 504}


@pytest.fixture(params=[PROTOBUF, JSON])
def content_type(request: pytest.FixtureRequest) -> str:
    """Both encodings, one after the other."""
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that takes bodies of up to `LIMIT` bytes."""
    db = tmp_path_factory.mktemp("small") / "promethios.db"
    with RunningReceiver(db, "--max-body-bytes", str(LIMIT), grpc="off") as running:
        yield running


def encoded(content_type: str, request: Any) -> bytes:
    return as_json(request) if content_type == JSON else request.SerializeToString()


def raw(
    running: RunningReceiver,
    content_type: str,
    body: bytes,
    *headers: tuple[str, str],
    path: str = "/v1/traces",
    cut: bool = False,
) -> Answer:
    """POST by hand, with the ingest key, exactly these headers and this body."""
    given = [("Content-Type", content_type), *running.ingest.items(), *headers]
    response = exchange(running.http, post(path, given, body), half_close=cut)
    head = response.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    found = dict(line.split(": ", 1) for line in head)
    return Answer(http_status(response), found, body_of(response))


def assert_refused(answer: Answer, status: int, content_type: str) -> str:
    """A `Status` in the encoding of the request, with a message."""
    assert (answer.status, answer.headers["Content-Type"]) == (status, content_type), answer.body
    told = status_of(answer)
    assert told.message
    return str(told.message)


@pytest.mark.parametrize("signal", SIGNALS)
def test_H01_the_three_paths_take_a_post_on_port_4318(receiver: RunningReceiver, signal: str) -> None:
    assert Settings().http_address.port == 4318
    assert receiver.post(f"/v1/{signal}", good(signal).SerializeToString()).status == 200


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("parameter", ["", "; charset=utf-8", ";charset=UTF-8; v=1", " "])
def test_H02_H03_H04_the_content_type_chooses_the_encoding_of_both(
    receiver: RunningReceiver, content_type: str, signal: str, parameter: str
) -> None:
    before = counts(receiver)[signal]
    headers = {"Content-Type": content_type.title() + parameter, **receiver.ingest}
    answer = receiver.post(f"/v1/{signal}", encoded(content_type, good(signal)), headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)
    assert counts(receiver)[signal] == before + 2


def test_H05_a_body_announced_too_large_is_413(small: RunningReceiver, content_type: str) -> None:
    answer = raw(small, content_type, b"", ("Content-Length", str(LIMIT + 1)))
    assert_refused(answer, 413, content_type)


def test_H05_a_chunked_body_too_large_is_413(small: RunningReceiver, content_type: str) -> None:
    whole = encoded(content_type, trace_request(span(attributes={"filling": "x" * LIMIT})))
    parts = [whole[at : at + 30_000] for at in range(0, len(whole), 30_000)]
    answer = raw(small, content_type, chunked(*parts), ("Transfer-Encoding", "chunked"))
    assert_refused(answer, 413, content_type)
    assert counts(small)["traces"] == 0


def test_H05_a_body_that_unpacks_too_large_is_413(small: RunningReceiver, content_type: str) -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    assert len(bomb) < LIMIT
    for framed in ([("Content-Length", str(len(bomb)))], [("Transfer-Encoding", "chunked")]):
        body = bomb if framed[0][0] == "Content-Length" else chunked(bomb)
        answer = raw(small, content_type, body, ("Content-Encoding", "gzip"), *framed)
        assert_refused(answer, 413, content_type)


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff", b"[", b"<html>"])
def test_H06_what_cannot_be_decoded_is_400_with_bad_request_in_its_details(
    receiver: RunningReceiver, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type, **receiver.ingest}
    answer = receiver.post("/v1/traces", body, headers)
    message = assert_refused(answer, 400, content_type)
    (detail,) = status_of(answer).details
    bad = BadRequest()
    assert detail.Unpack(bad)
    assert [violation.description for violation in bad.field_violations] == [message]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v1/traces", {"Authorization": ""}, 401),
        ("POST", "/v1/traces", {"Authorization": "Bearer pmk_live_wrong"}, 401),
        ("POST", "/v1/unknown", {}, 404),
        ("POST", "/v1/", {}, 404),
        ("GET", "/v1/traces", {}, 405),
        ("PUT", "/v1/metrics", {}, 405),
        ("DELETE", "/v1/logs", {}, 405),
        ("POST", "/v1/traces", {"Content-Encoding": "br"}, 415),
        ("POST", "/v1/traces", {"Transfer-Encoding": "gzip"}, 415),
        ("POST", "/v1/traces", {"X-Filling": "x" * 70_000}, 431),
        ("POST", "/v1/traces", {"Content-Length": "-1"}, 400),
        ("POST", "/v1/traces", {"Broken": "x\ry"}, 400),
    ],
)
def test_H07_the_frameworks_own_errors_are_a_status_too(
    receiver: RunningReceiver, content_type: str, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    given = {"Content-Type": content_type, **receiver.ingest, **headers}
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in given.items()]
    response = exchange(receiver.http, "\r\n".join([*lines, "", ""]).encode())
    head = dict(line.split(b": ", 1) for line in response.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])
    answer = Answer(
        http_status(response), {"Content-Type": head[b"Content-Type"].decode()}, body_of(response)
    )
    assert_refused(answer, status, content_type)


def test_H07_a_forbidden_request_is_a_status(receiver: RunningReceiver, content_type: str) -> None:
    wanted = b'{"scope": "read"}'
    made = receiver.post("/api/v1/keys", wanted, {**receiver.admin, "Content-Type": JSON}).json()
    answer = receiver.post("/v1/traces", b"", {"Content-Type": content_type, "x-api-key": made["key"]})
    assert "'ingest'" in assert_refused(answer, 403, content_type)


def test_H07_a_content_type_of_neither_encoding_is_answered_in_protobuf(receiver: RunningReceiver) -> None:
    answer = receiver.post("/v1/traces", b"", {"Content-Type": "text/html", **receiver.ingest})
    assert_refused(answer, 415, PROTOBUF)


class Failing:
    """A pipeline that does what a full queue, a broken disk or a bug of ours does."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def ingest(self, *_: object) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (unavailable("the queue is full"), "1"),
        (RuntimeError("a bug"), "3"),
        (MemoryError(), "3"),
        (OSError(28, "No space left on device"), "3"),
        (TimeoutError(), "3"),
        (KeyError("x"), "3"),
    ],
)
def test_H08_H09_a_fault_of_ours_is_503_with_retry_after(
    services: Services, ingest: dict[str, str], content_type: str, error: Exception, seconds: str
) -> None:
    failing = replace(services, pipeline=Failing(error))  # type: ignore[arg-type]
    client = create_app(failing, Budget(1 << 20)).test_client()
    answer = client.post("/v1/traces", data=b"", content_type=content_type, headers=ingest)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, seconds)
    assert 1 <= int(seconds) <= 5
    assert answer.content_type == content_type


@pytest.mark.parametrize("kind", Kind)
def test_H09_only_what_clients_send_again_is_a_passing_fault(kind: Kind) -> None:
    assert kind.retryable == (kind.http in RETRYABLE)
    assert kind.http not in (408, 500, 507)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("deflate, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("", None)],
)
def test_H10_an_answer_is_packed_for_a_client_that_takes_gzip(
    receiver: RunningReceiver, content_type: str, accepted: str, encoding: str | None
) -> None:
    bad = [
        span(f"number {number} of those that are bad".ljust(60, "-"), trace_id=b"1") for number in range(9)
    ]
    headers = {"Content-Type": content_type, "Accept-Encoding": accepted, **receiver.ingest}
    answer = receiver.post("/v1/traces", encoded(content_type, trace_request(*bad)), headers)
    assert (answer.headers.get("Content-Encoding"), answer.headers["Vary"]) == (encoding, "Accept-Encoding")
    body = gzip.decompress(answer.body) if encoding else answer.body
    told = ExportTraceServiceResponse()
    if content_type == JSON:
        Parse(body, told)
    else:
        told.ParseFromString(body)
    assert told.partial_success.rejected_spans == 9
    assert int(answer.headers["Content-Length"]) == len(answer.body)


@pytest.mark.parametrize("other", ["text/plain", "application/xml", "application/x-protobuffer", ""])
def test_H11_an_unknown_content_type_is_415(receiver: RunningReceiver, other: str) -> None:
    answer = receiver.post("/v1/traces", b"", {"Content-Type": other, **receiver.ingest})
    message = assert_refused(answer, 415, PROTOBUF)
    assert message == f"the content type must be {PROTOBUF} or {JSON}, not {other!r}"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_H11_a_wrong_method_is_405_and_says_which_is_right(receiver: RunningReceiver, method: str) -> None:
    answer = receiver.request(method, "/v1/traces", headers={"Content-Type": PROTOBUF, **receiver.ingest})
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "x"])
def test_H11_an_unknown_encoding_is_415_and_says_which_is_taken(
    receiver: RunningReceiver, content_type: str, encoding: str
) -> None:
    headers = {"Content-Type": content_type, "Content-Encoding": encoding, **receiver.ingest}
    answer = receiver.post("/v1/traces", zlib.compress(b"{}"), headers)
    assert_refused(answer, 415, content_type)
    assert answer.headers["Accept-Encoding"] == "gzip"


def cut_short(content_type: str) -> dict[str, tuple[bytes, list[tuple[str, str]]]]:
    """Bodies of which something is missing, with the headers that frame them."""
    body = encoded(content_type, trace_request(span(attributes={"filling": "x" * 3_000})))
    packed = gzip.compress(body)
    wrong = packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    gzipped = ("Content-Encoding", "gzip")
    chunks = ("Transfer-Encoding", "chunked")
    return {
        "fewer bytes than announced": (body, [("Content-Length", str(len(body) + 1))]),
        "no byte at all": (b"", [("Content-Length", "10")]),
        "no last chunk": (chunked(body, end=b""), [chunks]),
        "half a chunk": (chunked(body)[:-900], [chunks]),
        "a chunk's size that is none": (chunked(body, end=b"zz\r\n\r\n"), [chunks]),
        "a chunk's negative size": (chunked(body, end=b"-1\r\n\r\n"), [chunks]),
        "gzip cut short": (packed[:-9], [gzipped, ("Content-Length", str(len(packed) - 9))]),
        "gzip without its end": (packed[:-4], [gzipped, ("Content-Length", str(len(packed) - 4))]),
        "gzip with a wrong checksum": (wrong, [gzipped, ("Content-Length", str(len(wrong)))]),
        "gzip with something behind it": (
            packed + b"junk",
            [gzipped, ("Content-Length", str(len(packed) + 4))],
        ),
        "gzip cut short, in chunks": (chunked(packed[:-9]), [gzipped, chunks]),
    }


@pytest.mark.parametrize("missing", cut_short(PROTOBUF))
def test_H12_a_body_cut_short_is_400_and_nothing_is_stored(
    receiver: RunningReceiver, content_type: str, missing: str
) -> None:
    body, framing = cut_short(content_type)[missing]
    before = counts(receiver)
    answer = raw(receiver, content_type, body, *framing, cut=True)
    assert_refused(answer, 400, content_type)
    assert counts(receiver) == before


def test_H13_a_hundred_requests_share_one_connection(receiver: RunningReceiver, content_type: str) -> None:
    parts = urlsplit(receiver.http)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.connect()
    first = connection.sock
    headers = {"Content-Type": content_type, **receiver.ingest}
    before = counts(receiver)["traces"]
    for number in range(100):
        # Every tenth is refused: that must not end the connection.
        body = b"\xff" if number % 10 == 9 else encoded(content_type, trace_request(span()))
        connection.request("POST", "/v1/traces", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (400 if number % 10 == 9 else 200)
        assert connection.sock is first
    connection.close()
    assert counts(receiver)["traces"] == before + 90


def test_H13_requests_sent_at_once_are_answered_in_their_order(receiver: RunningReceiver) -> None:
    parts = urlsplit(receiver.http)
    requests = b""
    for body in (b"{}", b"[", b"{}"):
        headers = [f"{name}: {value}" for name, value in receiver.ingest.items()]
        lines = ["POST /v1/traces HTTP/1.1", "Host: test", f"Content-Type: {JSON}", *headers]
        requests += "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30) as connection:
        connection.sendall(requests)
        received = b""
        while received.count(b"HTTP/1.1 ") < 3:
            part = connection.recv(65_536)
            assert part
            received += part
    assert [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]] == [200, 400, 200]


VARIANTS = [
    "//v1/traces",
    "///v1/traces",
    "/v1//traces",
    "/v1/traces/",
    "/v1/traces//",
    "/v1%2ftraces",
    "/v1%2Ftraces",
    "/%2fv1/traces",
    "/%76%31/traces",
    "/v1/./traces",
    "/./v1/traces",
    "/x/../v1/traces",
    "/v1/traces/..",
    "/v1/traces;x=1",
    "/v1/traces%00",
    "/v1/traces%20",
    "/V1/TRACES",
    "/v1/traces?key=x",
    "/v1\\traces",
    "http://other/v1/traces",
]


@pytest.mark.parametrize("path", VARIANTS)
def test_H14_no_way_to_write_the_path_passes_the_gate_by(
    receiver: RunningReceiver, content_type: str, path: str
) -> None:
    body = encoded(content_type, trace_request(span()))
    before = counts(receiver)
    given = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    response = exchange(receiver.http, post(path, given, body))
    assert http_status(response) in (400, 401, 404), response
    assert counts(receiver) == before
