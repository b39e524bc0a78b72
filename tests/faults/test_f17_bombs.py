"""F17: requests that are made to cost the receiver more than the client. Others do not notice."""

from __future__ import annotations

import gzip
import socket
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest
from tests.faults.oracle import Client, Footprint, peak_memory
from tests.support.receiver import RunningReceiver
from tests.support.wire import post, status_of

MIB = 1 << 20
#: The most memory that the receiver may ever hold, bytes.
BOUND = 350 * MIB
#: The same, once two messages of 64 MiB came over gRPC, whose library holds them too: 408 MiB were measured.
BOUND_WITH_GRPC = 512 * MIB
_AT_ONCE = 3


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningReceiver]:
    with RunningReceiver(tmp_path_factory.mktemp("bombs") / "promethios.db") as running:
        yield running


def _packed(block: bytes, times: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(block) for _ in range(times)]) + packer.flush()


def _framed(field: int, content: bytes) -> bytes:
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([field << 3 | 2]) + bytes(length) + bytes([size]) + content


def _empty_spans() -> bytes:
    """64 MiB of them, less what surrounds them: two bytes each."""
    return _framed(1, _framed(2, b"\x12\x00" * (32 * MIB - 16)))


def _nested() -> bytes:
    """A value in a value, 20,000 deep, as the body of a log record."""
    value = b"\x0a\x00"
    for _ in range(20_000):
        value = _framed(5, _framed(1, value))
    return _framed(1, _framed(2, _framed(2, _framed(5, value))))


def _request(path: str, body: bytes, **more: str) -> Callable[[RunningReceiver], int]:
    def send(receiver: RunningReceiver) -> int:
        headers = {"Content-Type": "application/x-protobuf", **receiver.ingest}
        return receiver.post(path, body, headers | {k.replace("_", "-"): v for k, v in more.items()}).status

    return send


def _raw(headers: dict[str, str], body: bytes, times: int, close: bool) -> Callable[[RunningReceiver], int]:
    """Send by hand: the head, then `body` so often, or until nobody reads any more; then read the answer."""

    def send(receiver: RunningReceiver) -> int:
        parts = urlsplit(receiver.http)
        head = {"Content-Type": "application/x-protobuf", **receiver.ingest, **headers}
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
            connection.sendall(post("/v1/traces", head.items()))
            try:
                for _ in range(times):
                    connection.sendall(body)
                if close:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has refused and reads no more: what it answered can still be read
            return status_of(connection.recv(65_536))

    return send


def _chunk(size: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, bytes(size))


BOMBS: dict[str, tuple[Callable[[], Callable[[RunningReceiver], int]], set[int]]] = {
    "gzip of 256 MiB of zeros": (
        lambda: _request("/v1/traces", _packed(bytes(MIB), 256), Content_Encoding="gzip"),
        {413},
    ),
    "64 MiB of empty spans": (lambda: _request("/v1/traces", _empty_spans()), {413}),
    "64 MiB of empty spans, packed": (
        lambda: _request("/v1/traces", gzip.compress(_empty_spans(), 1), Content_Encoding="gzip"),
        {413},
    ),
    "values in values": (lambda: _request("/v1/logs", _nested()), {400}),
    "lists in lists, as JSON": (
        lambda: _request("/v1/logs", b"[" * 100_000, Content_Type="application/json"),
        {400},
    ),
    "objects in objects, as JSON": (
        lambda: _request("/v1/logs", b'{"resourceLogs":' * 50_000, Content_Type="application/json"),
        {400},
    ),
    "chunked without end": (
        lambda: _raw({"Transfer-Encoding": "chunked"}, _chunk(MIB), 100, False),
        {413},
    ),
    "announced beyond the limit": (lambda: _raw({"Content-Length": str(10**12)}, b"", 0, False), {413}),
    "more announced than sent": (lambda: _raw({"Content-Length": "1000000"}, bytes(1000), 1, True), {400}),
    "a negative length": (lambda: _raw({"Content-Length": "-1"}, bytes(1000), 1, True), {400}),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_f17_is_refused_in_bounded_memory_while_others_are_served(
    receiver: RunningReceiver, tmp_path: Path, bomb: str
) -> None:
    make, expected = BOMBS[bomb]
    send = make()
    with Client(tmp_path, "http", receiver, key=_other_tenant(receiver), threads=1) as other:
        other.wait_for_more(1)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = set(pool.map(lambda _: send(receiver), range(_AT_ONCE)))
        # Several at once may be told to come back one by one.
        assert answers & expected and answers <= expected | {503}
        other.wait_for_more(1)
        other.drain()
    assert not other.ledger.answers
    assert peak_memory(receiver.process.pid) < BOUND


def test_f17_over_grpc_too(receiver: RunningReceiver) -> None:
    metadata = [("x-api-key", receiver.ingest_key)]
    method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    found = []
    with grpc.insecure_channel(str(receiver.grpc), [("grpc.max_send_message_length", -1)]) as channel:
        for body in (bytes(65 * MIB), _empty_spans()):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(method)(
                    body, metadata=metadata, timeout=60, compression=grpc.Compression.Gzip
                )
            found.append(caught.value.code())
    assert found == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2
    assert peak_memory(receiver.process.pid) < BOUND_WITH_GRPC


def test_f17_leaves_nothing_behind(receiver: RunningReceiver, tmp_path: Path) -> None:
    with Client(tmp_path, "http", receiver) as client:
        client.wait_for_more()
        before = Footprint.of(receiver.process.pid)
        for bomb in ("chunked without end", "more announced than sent", "64 MiB of empty spans, packed"):
            make, expected = BOMBS[bomb]
            assert make()(receiver) in expected
        client.drain()
    before.wait_back(receiver.process.pid)
    assert client.ledger.acknowledged == client.ledger.emitted


def _other_tenant(receiver: RunningReceiver) -> str:
    body = b'{"tenant": "others", "scope": "ingest"}'
    answer = receiver.request(
        "POST", "/api/v1/keys", body, {**receiver.admin, "Content-Type": "application/json"}
    )
    assert answer.status == 201, answer.body
    return str(answer.json()["key"])
