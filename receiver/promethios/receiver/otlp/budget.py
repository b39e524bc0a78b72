"""How many bytes of bodies may be in memory at once, over all requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from promethios.receiver.refusal import unavailable

#: What each of a receiver's requests may take without asking, bytes.
FREE_BYTES: Final = 1024 * 1024


class Budget:
    """Bytes that requests share; thread-safe.

    Args:
        most: The number of bytes. One request alone may always go on: its own limit holds.
        free: What each request may take without asking, so that a large one keeps no small ones out. The
            number of threads bounds how many these are.
    """

    def __init__(self, most: int, *, free: int = 0) -> None:
        self._most = most
        self._free = free
        self._large = 0
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
                self._large -= max(0, share.size - self._free)

    def _take(self, share: Share, size: int) -> None:
        with self._lock:
            own = max(0, share.size - self._free)
            more = max(0, share.size + size - self._free) - own
            if more and self._large > own and self._large + more > self._most:
                raise unavailable("too many bytes of requests are in memory", crowded=True)
            self._large += more
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
