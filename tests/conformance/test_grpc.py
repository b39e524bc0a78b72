"""R01-R07: what OTLP asks of a server over gRPC. The names are the statements' ids."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.support.http2 import grpc_call
from tests.support.receiver import RunningReceiver
from tests.support.samples import TABLES, counts, good
from tests.support.transports import SIGNALS, Sent, Transport, call, export_of, refused

from promethios.receiver.ingest.pipeline import Stored
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.grpc import GrpcServer
from promethios.receiver.refusal import Kind, Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.settings import Address, Settings

#: https://opentelemetry.io/docs/specs/otlp/#failures-1; RESOURCE_EXHAUSTED with RetryInfo only.
RETRYABLE = {1, 4, 10, 11, 14, 15}
RESOURCE_EXHAUSTED = 8
TRACES = export_of("traces")

Asker = Callable[..., Sent]


@pytest.fixture
def serve(services: Services, ingest: dict[str, str]) -> Iterator[Callable[[Any], Asker]]:
    """Serve with another pipeline in this process, and get what calls it."""
    running: list[GrpcServer] = []

    def start(pipeline: Any) -> Asker:
        server = GrpcServer(replace(services, pipeline=pipeline), Budget(1 << 30), Address("127.0.0.1", 0))
        running.append(server)

        def ask(signal: str = "traces", body: bytes = b"") -> Sent:
            with grpc.insecure_channel(str(server.address)) as channel:
                try:
                    channel.unary_unary(export_of(signal))(body, metadata=tuple(ingest.items()), timeout=30)
                except grpc.RpcError as error:
                    return refused(error)
            return Sent(0)

        return ask

    yield start
    for server in running:
        server.stop().wait()


class Failing:
    """A pipeline that does what a full queue, a broken disk or a bug of ours does."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def ingest(self, *_: object) -> Any:
        raise self.error


class Blocking:
    """A pipeline that stores when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.inside = threading.Semaphore(0)

    def ingest(self, *_: object) -> Stored:
        self.inside.release()
        assert self.go.wait(60)
        return Stored()


@pytest.mark.parametrize("signal", SIGNALS)
def test_R01_each_service_has_its_unary_export_on_port_4317(receiver: RunningReceiver, signal: str) -> None:
    address = Settings().grpc_address
    assert address is not None
    assert address.port == 4317
    before = counts(receiver)[signal]
    assert Transport(receiver, "grpc").send(signal, good(signal)).ok
    assert counts(receiver)[signal] == before + 2


def test_R01_calls_are_served_at_once(serve: Any, services: Services) -> None:
    pipeline = Blocking()
    ask = serve(pipeline)
    together = services.settings.threads
    with ThreadPoolExecutor(together) as pool:
        waiting = [pool.submit(ask, SIGNALS[number % 3]) for number in range(together)]
        for _ in range(together):
            assert pipeline.inside.acquire(timeout=60)
        pipeline.go.set()
        assert [each.result().code for each in waiting] == [0] * together


def test_R01_calls_at_once_store_everything(receiver: RunningReceiver) -> None:
    transport = Transport(receiver, "grpc")
    before = counts(receiver)
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda each: transport.send(each, good(each)), SIGNALS * 8))
    assert all(each.ok for each in sent)
    assert counts(receiver) == {signal: before[signal] + 16 for signal in TABLES}


@pytest.mark.parametrize("packed", [False, True], ids=["on the wire", "unpacked"])
def test_R02_an_oversize_message_is_resource_exhausted_without_retry_info(
    receiver: RunningReceiver, packed: bool
) -> None:
    sent = call(receiver, TRACES, bytes(64 * 1024 * 1024 + 1), packed=packed, key=receiver.ingest_key)
    assert (sent.code, sent.retry_after) == (RESOURCE_EXHAUSTED, None)


@pytest.mark.parametrize("crowded", [False, True])
def test_R03_overload_is_unavailable_with_retry_info_in_both_trailers(serve: Any, crowded: bool) -> None:
    ask = serve(Failing(unavailable("the queue is full", retry_after=2, crowded=crowded)))
    assert ask() == Sent(14, "the queue is full", 2)


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        ("ingest", b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        ("", b"", grpc.StatusCode.UNAUTHENTICATED),
        ("pmk_live_wrong", b"", grpc.StatusCode.UNAUTHENTICATED),
        ("read", b"", grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_R04_bad_data_and_bad_keys_have_codes_of_their_own(
    receiver: RunningReceiver, key: str, body: bytes, code: grpc.StatusCode
) -> None:
    sent = call(receiver, TRACES, body, key=key_of(receiver, key))
    assert (sent.code, sent.retry_after) == (code.value[0], None)
    assert sent.message


def key_of(receiver: RunningReceiver, name: str) -> str:
    """The key itself, or the one that is meant."""
    if name != "read":
        return receiver.ingest_key if name == "ingest" else name
    headers = {**receiver.admin, "Content-Type": "application/json"}
    made: str = receiver.post("/api/v1/keys", b'{"scope": "read"}', headers).json()["key"]
    return made


@pytest.mark.parametrize(("keep", "encoding"), [(-9, "gzip"), (-4, "gzip"), (None, "br"), (None, "identity")])
def test_R04_what_cannot_be_unpacked_is_refused_for_good_and_nothing_is_stored(
    receiver: RunningReceiver, keep: int | None, encoding: str
) -> None:
    assert receiver.grpc is not None
    body = gzip.compress(good("traces").SerializeToString())[:keep]
    before = counts(receiver)
    headers = {
        "content-type": "application/grpc",
        "grpc-encoding": encoding,
        "x-api-key": receiver.ingest_key,
    }
    answer = grpc_call(receiver.grpc, TRACES, body, headers)
    # By gRPC's own core, which a handler cannot change; no client sends it again.
    assert int(answer["grpc-status"]) == grpc.StatusCode.INTERNAL.value[0]
    assert not any("retryinfo" in name for name in answer)
    assert counts(receiver) == before


@pytest.mark.parametrize(
    "method",
    [
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/x/y",
    ],
)
def test_R04_an_unknown_service_or_method_is_unimplemented(receiver: RunningReceiver, method: str) -> None:
    sent = call(receiver, method, b"", key=receiver.ingest_key)
    assert (sent.code, sent.retry_after) == (12, None)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("a bug"), MemoryError(), OSError(28, "full"), TimeoutError(), KeyError("x"), SystemError()],
)
@pytest.mark.parametrize("signal", SIGNALS)
def test_R05_whatever_is_raised_behind_a_call_is_unavailable(
    serve: Any, error: Exception, signal: str
) -> None:
    sent = serve(Failing(error))(signal)
    assert sent == Sent(14, "the receiver failed to answer; its log says why", 3)


def test_R06_calls_beyond_the_limit_are_unavailable_with_retry_info(serve: Any, services: Services) -> None:
    pipeline = Blocking()
    ask = serve(pipeline)
    most = services.settings.threads
    with ThreadPoolExecutor(most) as pool:
        # Of all signals: the limit is one for all of them, as the threads are.
        waiting = [pool.submit(ask, SIGNALS[number % 3]) for number in range(most)]
        for _ in range(most):
            assert pipeline.inside.acquire(timeout=60)
        beyond = [ask(signal) for signal in SIGNALS]
        pipeline.go.set()
        assert [each.result().code for each in waiting] == [0] * most
    assert beyond == [Sent(14, "too many requests at once", 1)] * 3
    assert ask().ok


@pytest.mark.parametrize("kind", Kind)
def test_R07_a_refusal_is_sent_again_exactly_where_it_may_be(serve: Any, kind: Kind) -> None:
    seconds = 2 if kind.retryable else None
    sent = serve(Failing(Refusal(kind, "no", retry_after=seconds)))()
    assert (sent.code, sent.retry_after) == (kind.grpc, seconds)
    exhausted_for_a_time = sent.code == RESOURCE_EXHAUSTED and sent.retry_after is not None
    assert kind.retryable == (sent.code in RETRYABLE or exhausted_for_a_time)


class FailingOnce:
    """A pipeline that refuses the first request for a time, and passes the others on."""

    def __init__(self, services: Services) -> None:
        self.left = 1
        self.seen = 0
        self._pipeline = services.pipeline

    def ingest(self, *given: Any) -> Stored:
        self.seen += 1
        if self.left:
            self.left -= 1
            raise unavailable("not now")
        return self._pipeline.ingest(*given)


def test_R07_the_stock_exporter_sends_again_and_it_is_stored(
    services: Services, ingest: dict[str, str]
) -> None:
    pipeline = FailingOnce(services)
    server = GrpcServer(
        replace(services, pipeline=pipeline),  # type: ignore[arg-type]
        Budget(1 << 30),
        Address("127.0.0.1", 0),
    )
    exporter = OTLPSpanExporter(
        endpoint=str(server.address), insecure=True, headers=tuple(ingest.items()), timeout=30
    )
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("tests").start_span("chat").end()
    provider.shutdown()
    server.stop().wait()
    assert pipeline.seen == 2
    with services.readers.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM spans").scalar() == 1
