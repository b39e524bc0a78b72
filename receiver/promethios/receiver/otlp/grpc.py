"""OTLP over gRPC: the three `Export` calls, on the same gate, limits and pipeline as HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc  # type: ignore[import-untyped]

from promethios.receiver.access.gate import Principal
from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp.arrivals import Arrivals
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.encoding import shortened
from promethios.receiver.otlp.messages import decode, response
from promethios.receiver.otlp.port import listen
from promethios.receiver.otlp.status import retry_info, status_of
from promethios.receiver.refusal import Kind, Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.settings import Address, Settings
from promethios.receiver.tls import Certificates

_log = logging.getLogger(__name__)

SERVICES: Final = {
    "opentelemetry.proto.collector.trace.v1.TraceService": Signal.SPANS,
    "opentelemetry.proto.collector.metrics.v1.MetricsService": Signal.METRICS,
    "opentelemetry.proto.collector.logs.v1.LogsService": Signal.LOGS,
}
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
#: Threads that only say "busy": grpc's own limit answers with a code that makes clients drop their data.
_SPARE_THREADS: Final = 8
STOP_SECONDS: Final = 3.0
#: How long a client has for the handshakes of TLS and HTTP/2, milliseconds.
_HANDSHAKE_MS: Final = 10_000
#: Calls at once on one connection; clients wait with further ones.
_MOST_STREAMS: Final = 128


class GrpcServer:
    """Serves OTLP/gRPC from start to `stop`.

    Args:
        services: The receiver's parts.
        budget: Bytes of requests in memory, shared with HTTP.
        address: Where to listen.

    Raises:
        SettingsError: The address cannot be listened on, or the certificate cannot be used.
    """

    def __init__(self, services: Services, budget: Budget, address: Address) -> None:
        settings = services.settings
        self._arrivals = Arrivals(settings.idle_seconds)
        self._server = grpc.server(
            _started_threads(settings.threads + _SPARE_THREADS), options=_options(settings)
        )
        calls = _Calls(services, budget, self._arrivals)
        self._server.add_generic_rpc_handlers(
            tuple(calls.handler(name, signal) for name, signal in SERVICES.items())
        )
        self.address = listen(self._server, address, Certificates.of(settings))
        self._server.start()

    def stop(self) -> threading.Event:
        """Take no more calls; the event is set when those that run are answered, or out of time."""
        ended: threading.Event = self._server.stop(STOP_SECONDS)
        self._arrivals.stop()
        return ended


def _started_threads(number: int) -> ThreadPoolExecutor:
    """A pool whose threads all run already.

    grpc hands calls to it in the loop that serves, and a thread that cannot be started when there are too
    many on the machine would end that loop: no call would be answered again.
    """
    pool = ThreadPoolExecutor(number, thread_name_prefix="promethios-grpc")
    all_run = threading.Barrier(number + 1)
    try:
        for _ in range(number):
            pool.submit(all_run.wait)
    except RuntimeError:
        # Those that run would wait for the others for ever, and the process for them.
        all_run.abort()
        raise
    all_run.wait()
    return pool


def _options(settings: Settings) -> tuple[tuple[str, int], ...]:
    """What gRPC's library bounds by itself (grpc/impl/channel_arg_names.h)."""
    return (
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_allowed_incoming_connections", settings.connections),
        ("grpc.max_concurrent_streams", _MOST_STREAMS),
        ("grpc.max_connection_idle_ms", settings.idle_seconds * 1000),
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.so_reuseport", 0),
    )


class _Calls:
    """How calls are answered."""

    def __init__(self, services: Services, budget: Budget, arrivals: Arrivals) -> None:
        self._services = services
        self._budget = budget
        self._arrivals = arrivals
        # For all services together: each has the same threads.
        self._slots = threading.BoundedSemaphore(services.settings.threads)

    def handler(self, name: str, signal: Signal) -> Any:
        """The handler of a service, whose one call is `Export`.

        Its request is a stream for the library, though it is one message: so it is asked for when the gate
        has let the call in. Of a unary call the library reads the message first, in a thread of ours.
        """

        def export(messages: Iterator[bytes], context: Any) -> bytes:
            try:
                return self._export(signal, messages, context)
            except Refusal as refusal:
                self._services.counts.refused_request(signal, refusal)
                _abort(context, refusal)
            except Exception:
                if not context.is_active():
                    raise  # the client went away, or was too slow: nobody hears what we say
                # An exception that leaves a handler becomes UNKNOWN, and the client drops its batch.
                _log.exception("%s/Export failed", name)
                failure = unavailable("the receiver failed to answer; its log says why", retry_after=3)
                self._services.counts.refused_request(signal, failure)
                _abort(context, failure)

        # Bytes in, bytes out: decoding happens behind the gate, where an error can be answered.
        return grpc.method_handlers_generic_handler(
            name, {"Export": grpc.stream_unary_rpc_method_handler(export)}
        )

    def _export(self, signal: Signal, messages: Iterator[bytes], context: Any) -> bytes:
        metadata = [(key, value) for key, value in context.invocation_metadata() if isinstance(value, str)]
        principal = self._services.gate.enter("otlp", metadata, context.peer())
        assert principal is not None, "the rules ask for a key"
        if not self._slots.acquire(blocking=False):
            raise unavailable("too many requests at once", crowded=True)
        try:
            with self._arrivals.awaited(context):
                body = next(messages, None)
            if body is None:
                raise Refusal(Kind.UNDECODABLE, "the call ended without a message")
            return self._store(principal, signal, body)
        finally:
            self._slots.release()

    def _store(self, principal: Principal, signal: Signal, body: bytes) -> bytes:
        settings = self._services.settings
        with self._budget.share() as share:
            share.take(len(body))
            message = decode(signal, body, settings.max_items)
            stored = self._services.pipeline.ingest(principal, signal, message, body)
        answer = response(signal, stored)
        if answer.ByteSize() > settings.max_response_bytes:
            answer = response(signal, shortened(stored, settings.max_response_bytes))
        return answer.SerializeToString()


def _abort(context: Any, refusal: Refusal) -> NoReturn:
    """End the call. `RetryInfo` goes into both trailers: clients differ in which one they read."""
    status = status_of(refusal)
    trailers = [("grpc-status-details-bin", status.SerializeToString())]
    if (retry := retry_info(refusal)) is not None:
        trailers.append(("google.rpc.retryinfo-bin", retry.SerializeToString()))
    context.set_trailing_metadata(tuple(trailers))
    context.abort(_CODES[refusal.kind.grpc], status.message)
    raise AssertionError("abort raises")
