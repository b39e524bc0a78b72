"""Bodies too large, cut short, or packed badly: refused with a reason, and nothing is stored."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from tests.support.otlp import span, trace_request
from tests.support.receiver import RunningReceiver
from tests.support.wire import body_of, chunked, exchange, post, status_of

LIMIT = 200_000
TOO_LARGE = f"the body is larger than {LIMIT} bytes: send smaller batches"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    """A receiver that takes bodies of up to `LIMIT` bytes."""
    db = tmp_path_factory.mktemp("small") / "promethios.db"
    with RunningReceiver(db, "--max-body-bytes", str(LIMIT), grpc="off") as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_stored(small: RunningReceiver) -> Iterator[None]:
    before = small.data("status")[0]["spans"]
    yield
    assert small.data("status")[0]["spans"] == before


def headers(running: RunningReceiver, *further: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Content-Type", "application/x-protobuf"), *running.ingest.items(), *further]


def refused(response: bytes) -> tuple[int, str]:
    return status_of(response), Status.FromString(body_of(response)).message


def request_of(size: int) -> bytes:
    """A whole, valid request of at least `size` bytes."""
    return trace_request(span(attributes={"filling": "x" * size})).SerializeToString()


def test_a_body_announced_too_large_is_413(small: RunningReceiver) -> None:
    body = request_of(LIMIT)
    answer = small.post("/v1/traces", body)
    assert (answer.status, Status.FromString(answer.body)) == (413, Status(code=8, message=TOO_LARGE))


def test_a_chunked_body_too_large_is_413(small: RunningReceiver) -> None:
    whole = request_of(2 * LIMIT)
    parts = [whole[at : at + 50_000] for at in range(0, len(whole), 50_000)]
    response = exchange(
        small.http,
        post("/v1/traces", headers(small, ("Transfer-Encoding", "chunked")), chunked(*parts)),
    )
    assert refused(response) == (413, TOO_LARGE)


def test_a_body_that_unpacks_too_large_is_413(small: RunningReceiver) -> None:
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    assert len(bomb) < LIMIT
    answer = small.post(
        "/v1/traces",
        bomb,
        {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **small.ingest},
    )
    assert (answer.status, Status.FromString(answer.body).message) == (
        413,
        f"the body is larger than {LIMIT} bytes: send smaller batches",
    )


@pytest.mark.parametrize("keep", [0, 5, 30, -1])
def test_gzip_that_is_cut_short_is_400(small: RunningReceiver, keep: int) -> None:
    packed = gzip.compress(request_of(1_000))[:keep]
    answer = small.post(
        "/v1/traces",
        packed,
        {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **small.ingest},
    )
    assert (answer.status, Status.FromString(answer.body).message) == (
        400,
        "the body is not valid gzip: it is cut short",
    )


def test_gzip_with_a_wrong_checksum_is_400(small: RunningReceiver) -> None:
    packed = bytearray(gzip.compress(request_of(1_000)))
    packed[-6] ^= 1
    answer = small.post(
        "/v1/traces",
        bytes(packed),
        {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **small.ingest},
    )
    assert answer.status == 400
    assert Status.FromString(answer.body).message == (
        "the body is not valid gzip: Error -3 while decompressing data: incorrect data check"
    )


def test_many_empty_gzip_members_are_400(small: RunningReceiver) -> None:
    answer = small.post(
        "/v1/traces",
        gzip.compress(b"") * 1_000,
        {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", **small.ingest},
    )
    assert (answer.status, Status.FromString(answer.body).message) == (
        400,
        "the body has more than 16 gzip members",
    )


def test_another_encoding_is_415_and_says_what_is_taken(small: RunningReceiver) -> None:
    answer = small.post(
        "/v1/traces",
        zlib.compress(b""),
        {"Content-Type": "application/x-protobuf", "Content-Encoding": "deflate", **small.ingest},
    )
    assert (answer.status, answer.headers["Accept-Encoding"]) == (415, "gzip")
    assert Status.FromString(answer.body).message == (
        "the content encoding 'deflate' is not supported: send gzip or none"
    )


def test_fewer_bytes_than_announced_are_400(small: RunningReceiver) -> None:
    body = request_of(100)
    announced = ("Content-Length", str(len(body) + 50))
    response = exchange(small.http, post("/v1/traces", headers(small, announced), body), half_close=True)
    assert refused(response) == (
        400,
        f"Bad Request: the body ended after {len(body)} of {len(body) + 50} bytes",
    )


@pytest.mark.parametrize("end", [b"", b"zz\r\n\r\n", b"-1\r\n\r\n"])
def test_broken_chunks_are_400(small: RunningReceiver, end: bytes) -> None:
    body = chunked(request_of(100), end=end)
    request = post("/v1/traces", headers(small, ("Transfer-Encoding", "chunked")), body)
    assert refused(exchange(small.http, request, half_close=True))[0] == 400


def test_an_unknown_transfer_encoding_is_415(small: RunningReceiver) -> None:
    request = post("/v1/traces", headers(small, ("Transfer-Encoding", "gzip, chunked")))
    assert refused(exchange(small.http, request))[0] == 415


def test_headers_beyond_their_limit_are_431(small: RunningReceiver) -> None:
    response = exchange(small.http, post("/v1/traces", headers(small, ("X-Filling", "x" * 70_000))))
    assert status_of(response) == 431


def test_a_stranger_cannot_send_a_large_body(small: RunningReceiver) -> None:
    strange = [("Content-Type", "application/x-protobuf"), ("Content-Length", "150000")]
    response = exchange(small.http, post("/v1/traces", strange, bytes(1_000)))
    assert refused(response) == (401, "a body beyond 65536 bytes is taken with a valid API key only")
