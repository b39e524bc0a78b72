"""A place that webhooks are sent to: a real HTTP server that keeps what it got and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PATIENCE = 30.0


@dataclass(frozen=True)
class Delivered:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class HookServer:
    """Listens on a free port of the loopback interface.

    Args:
        status: What it answers.
        headers: What it says besides.

    Attributes:
        status, headers: The same; they may be changed meanwhile.
        before: Is called before a request is answered, and after it is noted.
    """

    def __init__(self, status: int = 204, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers = status, headers or {}
        self.before: Callable[[], None] | None = None
        self._got: list[Delivered] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> HookServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def got(self) -> list[Delivered]:
        """What came so far."""
        with self._changed:
            return list(self._got)

    def wait(self, number: int) -> list[Delivered]:
        """Wait until so many requests have come, and give all of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._got) >= number, _PATIENCE), self._got
            return list(self._got)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                delivered = Delivered(self.path, dict(self.headers), body)
                with outer._changed:
                    # Who waits for it may tell at once what the next one is to get.
                    status = outer.status
                    outer._got.append(delivered)
                    outer._changed.notify_all()
                if outer.before is not None:
                    outer.before()
                self.send_response(status)
                for name, value in {"Content-Length": "0", **outer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        return Handler
