"""How many bytes of bodies may be in memory at once, over all requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from promethios.receiver.refusal import unavailable


class Budget:
    """Bytes that requests share; thread-safe.

    Args:
        most: The number of bytes. One request alone may always go on: its own limit holds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes that are taken now."""
        return self._taken

    @contextmanager
    def share(self) -> Iterator[Share]:
        """A request's share, given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            with self._lock:
                self._taken -= share.size

    def _take(self, share: Share, size: int) -> None:
        with self._lock:
            if self._taken > share.size and self._taken + size > self._most:
                raise unavailable("too many bytes of requests are in memory", crowded=True)
            self._taken += size
            share.size += size


class Share:
    """What one request has taken of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size = 0

    def take(self, size: int) -> None:
        """Take `size` bytes more.

        Raises:
            Refusal: Too many are taken already.
        """
        self._budget._take(self, size)
