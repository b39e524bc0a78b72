"""How much of a long work to do at once: as much as fits between two commits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: What a step may take, seconds: requests wait meanwhile.
STEP_SECONDS: Final = 0.03


class Pace:
    """A number of rows or pages that fits into `STEP_SECONDS`, found by doing.

    Args:
        first: The number to begin with.
        least, most: Its bounds.
    """

    def __init__(self, first: int, least: int, most: int) -> None:
        self.number = first
        self._least, self._most = least, most

    @contextmanager
    def step(self) -> Iterator[int]:
        """Do a step of so many; how long it took says how many the next one has."""
        started = time.monotonic()
        yield self.number
        took = max(time.monotonic() - started, 1e-6)
        wanted = int(self.number * min(2.0, max(0.25, STEP_SECONDS / took)))
        self.number = min(self._most, max(self._least, wanted))
