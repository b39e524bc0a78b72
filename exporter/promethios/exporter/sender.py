"""One attempt to deliver one batch over OTLP/HTTP."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from promethios.exporter.batch import Batch, Signal
from promethios.exporter.outcomes import Delivered, Outcome, Parked, Permanent, Transient, outcome_of_failure
from promethios.exporter.retry import parse_retry_after
from promethios.exporter.settings import MIB, Settings

CONTENT_TYPE: Final = "application/x-protobuf"
#: https://opentelemetry.io/docs/specs/otlp/ : a client limits the answers it reads, also after decompression.
MAX_RESPONSE_BYTES: Final = 4 * MIB
#: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent
USER_AGENT: Final = (
    f"promethios/{version('promethios')}"
    f" OTel-OTLP-Exporter-Python/{version('opentelemetry-exporter-otlp-proto-common')}"
)

_RESPONSES: Final[dict[Signal, tuple[Any, str]]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
}


class ResponseTooLargeError(Exception):
    """The answer is longer than `MAX_RESPONSE_BYTES`."""


class Sender:
    """Sends batches to one endpoint over kept-alive connections. It neither retries nor follows redirects.

    Used by one thread at a time.
    """

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.endpoint)
        self._prefix = url.path.rstrip("/")
        self._timeout = settings.timeout
        self._headers = {
            **dict(settings.headers),
            "Content-Type": CONTENT_TYPE,
            "Content-Encoding": "gzip",
            "User-Agent": USER_AGENT,
        }
        if settings.api_key:
            self._headers["Authorization"] = f"Bearer {settings.api_key}"
        self._pool = urllib3.connection_from_url(
            f"{url.scheme}://{url.netloc}",
            timeout=urllib3.Timeout(connect=settings.timeout, read=settings.timeout),
            **({"ca_certs": str(settings.certificate)} if settings.certificate else {}),
        )

    def send(self, batch: Batch) -> Outcome:
        """Make one attempt. Never raises for what a network or a server can do."""
        try:
            response = self._pool.urlopen(
                "POST",
                self._prefix + batch.signal.path,
                body=batch.body,
                headers=self._headers,
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Transient(f"no answer: {_named(error)}")
        try:
            return _judge(response, batch.signal, time.monotonic() + self._timeout)
        finally:
            # An answer read to its end has given its connection back by now; the rest of another one must
            # not be taken for the next answer's beginning, so its connection goes.
            response.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _judge(response: urllib3.BaseHTTPResponse, signal: Signal, deadline: float) -> Outcome:
    try:
        body = _read(response, deadline)
    except ResponseTooLargeError:
        return Permanent(f"HTTP {response.status} with an answer of more than {MAX_RESPONSE_BYTES} bytes")
    except urllib3.exceptions.DecodeError:
        body = b""
        if response.status == 200:
            return Parked("HTTP 200 with a body that does not decompress: check `endpoint`")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        if response.status == 200:
            return Transient(f"the answer broke off: {_named(error)}")
        body = b""
    if response.status != 200:
        retry_after = parse_retry_after(response.headers.get("Retry-After"))
        return outcome_of_failure(response.status, retry_after, _said(response, body))
    return _success(response, signal, body)


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(65536, decode_content=True):
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ResponseTooLargeError
        if time.monotonic() > deadline:
            # The pool's timeout is for each piece: a server that drips would hold the only sending thread.
            raise TimeoutError
    return bytes(body)


def _success(response: urllib3.BaseHTTPResponse, signal: Signal, body: bytes) -> Outcome:
    """A proxy's page with status 200 is no success: the type must be right and the body must parse."""
    if _content_type(response) != CONTENT_TYPE:
        found = _content_type(response) or "no content type"
        return Parked(
            f"HTTP 200 with {found} instead of {CONTENT_TYPE}: not an OTLP receiver; check `endpoint`"
        )
    message, rejected = _RESPONSES[signal]
    try:
        partial = message.FromString(body).partial_success
    except DecodeError:
        return Parked("HTTP 200 with a body that is not OTLP: check `endpoint`")
    return Delivered(max(getattr(partial, rejected), 0), _clean(partial.error_message))


def _said(response: urllib3.BaseHTTPResponse, body: bytes) -> str:
    """The message of the ``google.rpc.Status`` that OTLP has in the body of every failure.

    `ExportTracePartialSuccess` has the same layout on the wire (an integer, then the text), which spares
    the agent another dependency.
    """
    if _content_type(response) != CONTENT_TYPE:
        return ""
    try:
        return _clean(ExportTracePartialSuccess.FromString(body).error_message)
    except DecodeError:
        return ""


def _content_type(response: urllib3.BaseHTTPResponse) -> str:
    value: str = response.headers.get("Content-Type", "")
    return value.partition(";")[0].strip().lower()


def _clean(text: str) -> str:
    """A server's words as they may stand in a log line: one line, of bounded length."""
    return " ".join(text[:400].split())[:200]


def _named(error: Exception) -> str:
    """Name an error without its text: urllib3's holds an object's address, and sometimes the URL."""
    if isinstance(error, urllib3.exceptions.SSLError):
        reason = getattr(error.args[0], "verify_message", "") or "no TLS between us"
        return f"SSLError ({reason}): check `endpoint` and `certificate`"
    return type(error).__name__
