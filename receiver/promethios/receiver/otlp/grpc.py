"""OTLP over gRPC: the three `Export` calls, on the same gate, limits and pipeline as HTTP."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc  # type: ignore[import-untyped]

from promethios.receiver.ingest.pipeline import Signal
from promethios.receiver.otlp.budget import Budget
from promethios.receiver.otlp.encoding import shortened
from promethios.receiver.otlp.messages import decode, response
from promethios.receiver.otlp.port import listen
from promethios.receiver.otlp.status import retry_info, status_of
from promethios.receiver.refusal import Refusal, unavailable
from promethios.receiver.services import Services
from promethios.receiver.settings import Address
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
        # For all services together: each has the same threads.
        slots = threading.BoundedSemaphore(settings.threads)
        self._server = grpc.server(
            _started_threads(settings.threads + _SPARE_THREADS),
            options=(("grpc.max_receive_message_length", settings.max_body_bytes), ("grpc.so_reuseport", 0)),
        )
        self._server.add_generic_rpc_handlers(
            tuple(_handler(services, budget, slots, name, signal) for name, signal in SERVICES.items())
        )
        self.address = listen(self._server, address, Certificates.of(settings))
        self._server.start()

    def stop(self) -> threading.Event:
        """Take no more calls; the event is set when those that run are answered, or out of time."""
        ended: threading.Event = self._server.stop(STOP_SECONDS)
        return ended


def _started_threads(number: int) -> ThreadPoolExecutor:
    """A pool whose threads all run already.

    grpc hands calls to it in the loop that serves, and a thread that cannot be started when there are too
    many on the machine would end that loop: no call would be answered again.
    """
    pool = ThreadPoolExecutor(number, thread_name_prefix="promethios-grpc")
    all_run = threading.Barrier(number + 1)
    for _ in range(number):
        pool.submit(all_run.wait)
    all_run.wait()
    return pool


def _handler(
    services: Services, budget: Budget, slots: threading.BoundedSemaphore, name: str, signal: Signal
) -> Any:
    def export(body: bytes, context: Any) -> bytes:
        try:
            if not slots.acquire(blocking=False):
                raise unavailable("too many requests at once", crowded=True)
            try:
                return _export(services, budget, signal, body, context)
            finally:
                slots.release()
        except Refusal as refusal:
            services.counts.refused_request(signal, refusal)
            _abort(context, refusal)
        except Exception:
            # An exception that leaves a handler becomes UNKNOWN, and the client drops its batch.
            _log.exception("%s/Export failed", name)
            failure = unavailable("the receiver failed to answer; its log says why", retry_after=3)
            services.counts.refused_request(signal, failure)
            _abort(context, failure)

    methods: dict[str, Any] = {"Export": _unary(export)}
    return grpc.method_handlers_generic_handler(name, methods)


def _unary(export: Callable[[bytes, Any], bytes]) -> Any:
    """Bytes in, bytes out: decoding happens behind the gate, where an error can be answered."""
    return grpc.unary_unary_rpc_method_handler(export)


def _export(services: Services, budget: Budget, signal: Signal, body: bytes, context: Any) -> bytes:
    metadata = [(key, value) for key, value in context.invocation_metadata() if isinstance(value, str)]
    principal = services.gate.enter("otlp", metadata, context.peer())
    assert principal is not None, "the rules ask for a key"
    with budget.share() as share:
        share.take(len(body))
        message = decode(signal, body, services.settings.max_items)
        stored = services.pipeline.ingest(principal, signal, message, body)
    answer = response(signal, stored)
    if answer.ByteSize() > services.settings.max_response_bytes:
        answer = response(signal, shortened(stored, services.settings.max_response_bytes))
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
