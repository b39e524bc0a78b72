"""What each outcome is called over HTTP and over gRPC: the map that clients rely on, frozen."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from tests.support.http2 import grpc_call
from tests.support.otlp import span, trace_request
from tests.support.transports import PROTOBUF, export_of, refused

from promethios.receiver.access.keyring import KeyRequest, create_key
from promethios.receiver.access.roles import Scope
from promethios.receiver.app import create_app
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.grpc import GrpcServer
from promethios.receiver.refusal import unavailable
from promethios.receiver.services import Services
from promethios.receiver.settings import Address, Settings

PAGE = (Path(__file__).parents[2] / "receiver" / "OTLP.md").read_text(encoding="utf-8")
LIMIT = 10_000
#: A request of a tenant's minute.
ONE = 1
TRACES = export_of("traces")


def good() -> bytes:
    return trace_request(span()).SerializeToString()


@dataclass(frozen=True)
class Case:
    """What is sent, and what is answered.

    Args:
        http: The status.
        headers: What must be among the answer's headers.
        grpc: The canonical code.
        retry: Whether both say when to try again.
        rejected: Whether `partial_success` is set.
        body: What is sent.
        key: The scope of the key that is sent; empty for none.
        before: Requests that are sent before.
        fault: What storing raises.
        given: Further headers of the request over HTTP.
        method: The method of HTTP.
        call: The method of gRPC.
        packed: Whether the body is packed.
        raw: Headers of gRPC that no client library sends.
    """

    http: int
    grpc: grpc.StatusCode
    retry: bool = False
    rejected: bool = False
    headers: tuple[str, ...] = ()
    body: Callable[[], bytes] = good
    key: str = "ingest"
    before: int = 0
    fault: Exception | None = None
    given: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    call: str = TRACES
    packed: bool = False
    raw: tuple[tuple[str, str], ...] = ()


CASES: dict[str, Case] = {
    "stored": Case(200, grpc.StatusCode.OK),
    "some items refused": Case(
        200,
        grpc.StatusCode.OK,
        rejected=True,
        body=lambda: trace_request(span(), span(trace_id=b"1")).SerializeToString(),
    ),
    "undecodable": Case(400, grpc.StatusCode.INVALID_ARGUMENT, body=lambda: b"\xff"),
    "no key": Case(401, grpc.StatusCode.UNAUTHENTICATED, key="", headers=("WWW-Authenticate",)),
    "a bad key": Case(401, grpc.StatusCode.UNAUTHENTICATED, key="wrong", headers=("WWW-Authenticate",)),
    "a key without the scope": Case(403, grpc.StatusCode.PERMISSION_DENIED, key="read"),
    "a wrong method": Case(
        405,
        grpc.StatusCode.UNIMPLEMENTED,
        method="PUT",
        headers=("Allow",),
        call=TRACES.replace("Export", "Import"),
    ),
    "too large": Case(413, grpc.StatusCode.RESOURCE_EXHAUSTED, body=lambda: bytes(LIMIT + 1)),
    "too large when unpacked": Case(
        413, grpc.StatusCode.RESOURCE_EXHAUSTED, body=lambda: bytes(LIMIT + 1), packed=True
    ),
    "too many items": Case(413, grpc.StatusCode.RESOURCE_EXHAUSTED, body=lambda: b"\x0a\x00" * 1_001),
    "a tenant over quota": Case(
        429, grpc.StatusCode.RESOURCE_EXHAUSTED, retry=True, before=ONE, headers=("Retry-After",)
    ),
    "the queue is full": Case(
        503, grpc.StatusCode.UNAVAILABLE, retry=True, fault=unavailable("full", crowded=True)
    ),
    "the database is busy, full or down": Case(
        503, grpc.StatusCode.UNAVAILABLE, retry=True, fault=unavailable("the database", retry_after=3)
    ),
    "a bug of ours": Case(503, grpc.StatusCode.UNAVAILABLE, retry=True, fault=RuntimeError("a bug")),
    "an unknown content type": Case(415, grpc.StatusCode.OK, given=(("Content-Type", "text/html"),)),
    # By gRPC's own core, before any code of ours: not UNIMPLEMENTED, but as final.
    "an unknown encoding": Case(
        415,
        grpc.StatusCode.INTERNAL,
        given=(("Content-Encoding", "br"),),
        headers=("Accept-Encoding",),
        raw=(("grpc-encoding", "br"),),
    ),
}


class Failing:
    """A pipeline that cannot store."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def ingest(self, *_: object) -> Any:
        raise self.error


@pytest.fixture
def parts(tmp_path: Any, request: pytest.FixtureRequest) -> Iterator[Services]:
    """A receiver's parts with small limits, and the fault of the case."""
    case: Case = CASES[request.getfixturevalue("name")]
    settings = Settings(
        db=str(tmp_path / "promethios.db"),
        commit_ms=0,
        max_body_bytes=LIMIT,
        max_items=1_000,
        quota_items_per_minute=ONE * bool(case.before),
    )
    opened = Services.open(settings)
    yield opened if case.fault is None else replace(opened, pipeline=Failing(case.fault))  # type: ignore[arg-type]
    opened.close()


def key_of(parts: Services, name: str) -> list[tuple[str, str]]:
    """Metadata with a key of a scope."""
    if name in ("", "wrong"):
        return [("x-api-key", "pmk_live_wrong")] if name else []
    request = KeyRequest("default", frozenset({Scope(name)}), None)
    return [("x-api-key", parts.writer.do(lambda connection: create_key(connection, request)).reveal())]


@pytest.mark.parametrize("name", CASES)
def test_over_http(name: str, parts: Services) -> None:
    case = CASES[name]
    client = create_app(parts, Budget(1 << 30)).test_client()
    key = key_of(parts, case.key)
    for _ in range(case.before):
        assert client.post("/v1/traces", data=good(), content_type=PROTOBUF, headers=key).status_code == 200
    body = gzip.compress(case.body()) if case.packed else case.body()
    packed = [("Content-Encoding", "gzip")] if case.packed else []
    headers = {"Content-Type": PROTOBUF, **dict(key), **dict(packed), **dict(case.given)}
    answer = client.open("/v1/traces", method=case.method, data=body, headers=headers)
    assert answer.status_code == case.http
    assert answer.content_type == PROTOBUF
    assert set(case.headers) <= {header for header, _ in answer.headers}
    assert ("Retry-After" in answer.headers) == case.retry
    if case.retry:
        assert 1 <= int(answer.headers["Retry-After"]) <= 5
    if case.http == 200:
        assert bool(answer.data) == case.rejected


@pytest.mark.parametrize("name", CASES)
def test_over_grpc(name: str, parts: Services) -> None:
    case = CASES[name]
    server = GrpcServer(parts, Budget(1 << 30), Address("127.0.0.1", 0))
    metadata = key_of(parts, case.key)
    compression = grpc.Compression.Gzip if case.packed else None
    if case.raw:
        headers = {"content-type": "application/grpc", **dict(metadata), **dict(case.raw)}
        code = int(grpc_call(str(server.address), case.call, good(), headers)["grpc-status"])
        server.stop().wait()
        assert code == case.grpc.value[0]
        return
    with grpc.insecure_channel(str(server.address)) as channel:
        for _ in range(case.before):
            channel.unary_unary(TRACES)(good(), metadata=metadata, timeout=30)
        try:
            answer = channel.unary_unary(case.call)(
                case.body(), metadata=metadata, timeout=30, compression=compression
            )
        except grpc.RpcError as error:
            sent = refused(error)
            assert (sent.code, sent.retry_after is not None) == (case.grpc.value[0], case.retry)
            assert sent.retry_after is None or 1 <= sent.retry_after <= 5
        else:
            assert case.grpc is grpc.StatusCode.OK
            assert bool(answer) == case.rejected
    server.stop().wait()


def test_the_readme_has_the_same_map() -> None:
    section = PAGE.split("| What happened | HTTP | gRPC |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| ([A-Z_]+) \| [^|]+ \|$", section, re.MULTILINE)
    told = {name: (int(http), code) for names, http, code in rows for name in names.split("; ")}
    assert told == {name: (case.http, case.grpc.name) for name, case in CASES.items()}
