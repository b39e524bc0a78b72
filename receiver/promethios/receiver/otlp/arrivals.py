"""Messages of gRPC that are on the way: each takes a thread until it is whole, and none for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

#: How often calls are looked at, seconds.
_LOOK_SECONDS: Final = 0.5


class Arrivals:
    """Ends calls whose message does not arrive in time; thread-safe. A thread of its own looks.

    gRPC's library has no limit for it, and does not say how much of a message has come.

    Args:
        seconds: How long a message may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._until: dict[Any, float] = {}
        self._ending = threading.Event()
        threading.Thread(target=self._run, name="promethios-grpc-arrivals", daemon=True).start()

    @contextmanager
    def awaited(self, context: Any) -> Iterator[None]:
        """The message of a call is waited for in this block; a call that takes too long is cancelled.

        Args:
            context: The call's `grpc.ServicerContext`.
        """
        with self._lock:
            self._until[context] = time.monotonic() + self._seconds
        try:
            yield
        finally:
            with self._lock:
                self._until.pop(context, None)

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()

    def _run(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            now = time.monotonic()
            with self._lock:
                overdue = [context for context, until in self._until.items() if until < now]
            for context in overdue:
                context.cancel()
