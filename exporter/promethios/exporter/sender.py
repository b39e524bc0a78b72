"""One attempt to deliver one batch over OTLP/HTTP."""

from __future__ import annotations

import http.client
import ssl
from importlib.metadata import version
from typing import Final

import urllib3

from promethios.exporter.batch import Batch
from promethios.exporter.certificates import problem_with
from promethios.exporter.connections import open_pool
from promethios.exporter.judging import CONTENT_TYPE, judge
from promethios.exporter.outcomes import Outcome, Transient
from promethios.exporter.settings import Settings

#: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent
USER_AGENT: Final = (
    f"promethios/{version('promethios')}"
    f" OTel-OTLP-Exporter-Python/{version('opentelemetry-exporter-otlp-proto-common')}"
)
#: How many times `timeout` a request gets at most, after others that took too long: a batch that a slow line
#: cannot carry in time would be sent for ever otherwise, and hold up those behind it.
MOST_PATIENCE: Final = 16


class Sender:
    """Sends batches to one endpoint over kept-alive connections. It neither retries nor follows redirects.

    As many threads as `max_in_flight` says may use it at once.
    """

    def __init__(self, settings: Settings) -> None:
        self._base = settings.endpoint.rstrip("/")
        self._files = (settings.certificate, settings.client_certificate, settings.client_key)
        ours = {"Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip", "User-Agent": USER_AGENT}
        if settings.api_key:
            ours["Authorization"] = f"Bearer {settings.api_key}"
        taken = {name.lower() for name in ours}
        self._headers = ours | {name: text for name, text in settings.headers if name.lower() not in taken}
        self._pool = open_pool(settings)
        self._timeout = settings.timeout
        self._patience = 1

    def send(self, batch: Batch) -> Outcome:
        """Make one attempt. Never raises for what a network or a server can do.

        Whatever happens to a connection is transient: names, routes, certificates and proxies are repaired
        without the agent, and a receiver stores what it gets twice only once. After a request that took too
        long the next one gets twice the time.
        """
        try:
            response = self._pool.urlopen(
                "POST",
                self._base + batch.signal.path,
                body=batch.body,
                headers=self._headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self._timeout, total=self._timeout * self._patience),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if _took_too_long(error):
                self._patience = min(self._patience * 2, MOST_PATIENCE)
            return Transient(f"no answer: {self._wrong_file() or _named(error)}")
        self._patience = max(1, self._patience // 2)
        try:
            return judge(response, batch.signal)
        finally:
            # An answer read to its end has given its connection back by now; the rest of another one must
            # not be taken for the next answer's beginning, so its connection goes.
            response.close()

    def close(self) -> None:
        """Close the connections."""
        pools = self._pool.pools
        for key in list(pools.keys()):
            # Clearing alone leaves what is open to the garbage collector.
            pools[key].close()
        self._pool.clear()

    def _wrong_file(self) -> str:
        """Files were right when they were loaded; they may be in the middle of a change now."""
        problem = problem_with(*self._files)
        return "`{}` {}: {}".format(*problem) if problem else ""


def _took_too_long(error: Exception) -> bool:
    """Whether there was a connection, and no answer in time, or no end of the request."""
    return isinstance(error, urllib3.exceptions.ReadTimeoutError) or (
        isinstance(error, urllib3.exceptions.ProtocolError) and isinstance(error.args[-1], TimeoutError)
    )


def _named(error: Exception) -> str:
    """Name an error without its text: urllib3's holds an object's address, and sometimes the URL."""
    if isinstance(error, urllib3.exceptions.ProxyError):
        cause = error.original_error
        said = _said_by_network(cause)
        return f"of the proxy, {type(cause).__name__}{f' ({said})' if said else ''}: check `proxy`"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"SSLError ({_said_by_tls(error.args[0])}"
    name, said = type(error).__name__, _said_by_network(error)
    return f"{name} ({said}): check `endpoint`" if said else name


def _said_by_network(error: Exception) -> str:
    """What a mistake in the address looks like; empty where it looks like something else."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "no such host"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return (getattr(error.__cause__, "strerror", None) or "no connection").lower()
    cause = error.args[-1] if isinstance(error, urllib3.exceptions.ProtocolError) else None
    if isinstance(cause, http.client.BadStatusLine) and not isinstance(cause, ConnectionError):
        return "what answers does not speak HTTP/1.1; it may be a port for gRPC"
    return ""


def _said_by_tls(cause: object) -> str:
    reason = getattr(cause, "reason", None) or ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{cause.verify_message}): check `endpoint` and `certificate`"
    if "ALERT" in reason:
        return f"{reason.lower().replace('_', ' ')}): check `endpoint` and `client_certificate`"
    if isinstance(cause, ssl.SSLEOFError):
        # TLS 1.3 refuses a client after its handshake: often only the end of the connection is seen.
        return "the receiver ended it): check `endpoint` and `client_certificate`"
    return "no TLS between us): check `endpoint` and `certificate`"
