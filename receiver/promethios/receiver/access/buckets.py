"""Token buckets, one for each name, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

#: How many names are remembered; the one that was used longest ago is forgotten for a new one.
MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast something may go.

    Args:
        size: What may come at once.
        per_second: What may come in the long run.
    """

    size: float
    per_second: float


@dataclass(slots=True)
class _Bucket:
    level: float
    seen: float


class Buckets:
    """A bucket for each name, full when the name is new; thread-safe.

    Args:
        most: How many names are remembered.
        clock: Seconds, never going back.
    """

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: Hashable, rate: Rate, amount: float) -> float:
        """Take `amount` where at least one is left, else nothing.

        A bucket may be overdrawn, and is paid off by waiting. So nothing is too large to pass ever, and the
        rate holds in the long run.

        Returns:
            0 where it was taken, else after how many seconds to try again.
        """
        with self._lock:
            bucket = self._find(name, rate)
            if bucket.level >= 1:
                bucket.level -= amount
                return 0.0
            return (1 - bucket.level) / rate.per_second

    def give_back(self, name: Hashable, rate: Rate, amount: float) -> None:
        """Give back what was taken and not used."""
        with self._lock:
            bucket = self._find(name, rate)
            bucket.level = min(rate.size, bucket.level + amount)

    def _find(self, name: Hashable, rate: Rate) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(rate.size, now))
        self._buckets.move_to_end(name)
        bucket.level = min(rate.size, bucket.level + (now - bucket.seen) * rate.per_second)
        bucket.seen = now
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket
