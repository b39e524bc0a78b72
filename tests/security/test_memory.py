"""Bodies that are small on the way and large in memory: refused with memory below the limit, with TLS too."""

from __future__ import annotations

import contextlib
import socket
import ssl
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.certificates import Certificates
from tests.support.receiver import RunningReceiver
from tests.support.wire import post, status_of

MIB = 1 << 20
LIMIT = 16 * MIB
#: What a process needs besides the body: buffers of sockets and of the allocator.
SLACK = 24 * MIB
DEEP = 20_000


@pytest.fixture(scope="module", params=["clear", "tls"])
def target(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningReceiver, ssl.SSLContext | None]]:
    folder = tmp_path_factory.mktemp("memory")
    options = ("--max-body-bytes", str(LIMIT))
    if request.param == "clear":
        with RunningReceiver(folder / "promethios.db", *options) as running:
            yield running, None
        return
    certificates = Certificates.make(folder / "certificates")
    with RunningReceiver(folder / "promethios.db", *options, *certificates.options) as running:
        yield running, certificates.client()


def attack(
    target: tuple[RunningReceiver, ssl.SSLContext | None],
    headers: list[tuple[str, str]],
    *parts: bytes,
    path: str = "/v1/traces",
    key: bool = True,
) -> tuple[int, int]:
    """Send a request by hand; its status, and by how many bytes the receiver's memory grew at most."""
    receiver, context = target
    own = [("x-api-key", receiver.ingest_key)] if key else []
    before = memory(receiver, "VmRSS")
    Path(f"/proc/{receiver.process.pid}/clear_refs").write_text("5")  # forget the highest so far
    with connected(receiver, context) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(post(path, [*own, *headers]))
            for part in parts:
                connection.sendall(part)
        answer = connection.recv(65_536)
    return status_of(answer), memory(receiver, "VmHWM") - before


@contextlib.contextmanager
def connected(receiver: RunningReceiver, context: ssl.SSLContext | None) -> Iterator[socket.socket]:
    parts = urlsplit(receiver.http)
    assert parts.hostname is not None and parts.port is not None
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as plain:
        if context is None:
            yield plain
            return
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            yield secure


def memory(receiver: RunningReceiver, field: str) -> int:
    """A figure of Linux' /proc, bytes."""
    lines = Path(f"/proc/{receiver.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


def packed() -> bytes:
    """200 MiB, packed by gzip to 200 KiB."""
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join([packer.compress(bytes(MIB)) for _ in range(200)]) + packer.flush()
    assert len(body) < 210 * 1024
    return body


def nested() -> bytes:
    """A value of a log record in a value, in protobuf."""
    value = b"\x0a\x00"
    for _ in range(DEEP):
        value = framed(5, framed(1, value))
    return framed(1, framed(2, framed(2, framed(5, value))))


def framed(field: int, content: bytes) -> bytes:
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([field << 3 | 2]) + bytes(length) + bytes([size]) + content


def nested_json() -> bytes:
    """The same in JSON."""
    value = '{"arrayValue":{"values":[' * DEEP + "{}" + "]}}" * DEEP
    records = f'[{{"logRecords":[{{"body":{value}}}]}}]'
    return f'{{"resourceLogs":[{{"scopeLogs":{records}}}]}}'.encode()


PROTOBUF = ("Content-Type", "application/x-protobuf")


def test_k19_two_hundred_mebibytes_packed_are_413_within_the_limit(
    target: tuple[RunningReceiver, ssl.SSLContext | None],
) -> None:
    body = packed()
    headers = [PROTOBUF, ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))]
    for _ in range(3):
        status, grown = attack(target, headers, body)
        assert status == 413
        assert grown < LIMIT + SLACK


def test_k19_a_chunked_body_without_end_is_413_within_the_limit(
    target: tuple[RunningReceiver, ssl.SSLContext | None],
) -> None:
    chunk = b"%x\r\n%s\r\n" % (MIB, bytes(MIB))
    status, grown = attack(target, [PROTOBUF, ("Transfer-Encoding", "chunked")], *[chunk] * 200)
    assert status == 413
    assert grown < LIMIT + SLACK


@pytest.mark.parametrize(
    ("length", "status"), [(str(200 * MIB), 413), (str(10**15), 413), ("-5", 400), ("1e9", 400)]
)
def test_k19_a_length_that_is_false_is_refused_at_once(
    target: tuple[RunningReceiver, ssl.SSLContext | None], length: str, status: int
) -> None:
    found, grown = attack(target, [PROTOBUF, ("Content-Length", length)])
    assert found == status
    assert grown < SLACK


def test_k19_a_stranger_cannot_fill_memory_at_all(
    target: tuple[RunningReceiver, ssl.SSLContext | None],
) -> None:
    chunk = b"%x\r\n%s\r\n" % (MIB, bytes(MIB))
    for headers, parts in (
        ([("Transfer-Encoding", "chunked")], [chunk] * 15),
        ([("Content-Length", str(15 * MIB))], [bytes(15 * MIB)]),
    ):
        status, grown = attack(target, [PROTOBUF, *headers], *parts, key=False)
        assert status == 401
        assert grown < SLACK // 2


@pytest.mark.parametrize(("kind", "make"), [("x-protobuf", nested), ("json", nested_json)])
def test_k19_twenty_thousand_levels_are_400(
    target: tuple[RunningReceiver, ssl.SSLContext | None], kind: str, make: object
) -> None:
    assert callable(make)
    body = make()
    headers = [("Content-Type", f"application/{kind}"), ("Content-Length", str(len(body)))]
    status, grown = attack(target, headers, body, path="/v1/logs")
    assert status == 400
    assert grown < LIMIT + SLACK


def test_k19_the_receiver_goes_on(target: tuple[RunningReceiver, ssl.SSLContext | None]) -> None:
    status, _ = attack(target, [PROTOBUF, ("Content-Length", "0")])
    assert status == 200
    assert target[0].process.poll() is None
