"""The receiver's own figures, sent over OTLP to whoever watches it. Off unless `self_endpoint` is set.

It may be sent to the receiver's own address: each request has the same points, whose number does not depend
on what was received before, so it cannot feed itself. Figures are cumulative: what could not be sent is
in the next request, and nothing is kept.
"""

from __future__ import annotations

import gzip
import logging
import threading
import uuid
from importlib.metadata import version
from typing import Final

import urllib3
from urllib3.exceptions import HTTPError

from promethios.receiver.settings import Settings
from promethios.receiver.telemetry.encoding import encode
from promethios.receiver.telemetry.figures import Observer

_log = logging.getLogger(__name__)

_TIMEOUT: Final = urllib3.Timeout(connect=3.0, read=5.0)
#: How long the end of the receiver waits for a request that is under way, seconds.
_STOP_SECONDS: Final = 0.5
_MOST_ANSWER: Final = 4_096


class SelfTelemetry:
    """Sends the figures at a fixed pace, from a thread of its own.

    Args:
        observer: Knows the figures.
        endpoint: The base address; ``/v1/metrics`` is added.
        key: The API key, or empty.
        seconds: The pace.
    """

    def __init__(self, observer: Observer, endpoint: str, key: str, seconds: float) -> None:
        self._observer = observer
        self._url = f"{endpoint.rstrip('/')}/v1/metrics"
        self._seconds = seconds
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": f"promethios-receiver/{version('promethios')}",
        }
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._resource = {
            "service.name": "promethios-receiver",
            "service.version": version("promethios"),
            "service.instance.id": str(uuid.uuid4()),
        }
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=1, timeout=_TIMEOUT, retries=False)
        self._failed = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="promethios-self", daemon=True)

    @classmethod
    def of(cls, settings: Settings, observer: Observer) -> SelfTelemetry | None:
        """As the settings say; None where it is off."""
        if not settings.self_endpoint:
            return None
        return cls(observer, settings.self_endpoint, settings.self_key, settings.self_seconds)

    def start(self) -> None:
        """Begin to send, the first time after one turn."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more."""
        self._ending.set()
        self._thread.join(_STOP_SECONDS)
        self._pool.clear()

    def send(self) -> bool:
        """Send the figures once; whether they were taken. Why not is logged when it changes."""
        body = encode(self._observer.look(), self._observer.started, self._resource)
        failed = self._post(gzip.compress(body, 6))
        if failed and failed != self._failed:
            _log.warning("cannot send the receiver's own figures to %s: %s", self._url, failed)
        elif self._failed and not failed:
            _log.warning("the receiver's own figures are sent to %s again", self._url)
        self._failed = failed
        return not failed

    def _run(self) -> None:
        while not self._ending.wait(self._seconds):
            self.send()

    def _post(self, body: bytes) -> str:
        """What went wrong, or nothing. No redirection is followed: it would take the key along."""
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=self._headers, redirect=False, preload_content=False
            )
        except (HTTPError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        try:
            answer.read(_MOST_ANSWER)
            answer.drain_conn()
        except (HTTPError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            answer.release_conn()
        return "" if answer.status == 200 else f"it answered {answer.status}"
