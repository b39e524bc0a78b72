"""How much of a long work to do at once: as much as fits between two commits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: What a step may take, seconds: requests wait meanwhile.
STEP_SECONDS: Final = 0.03
#: How much of a step the next one has at least.
_LESS: Final = 0.25


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
    def step(self, left: int | None = None) -> Iterator[int]:
        """Do a step of so many; how long it took says how many the next one has.

        One that fails is followed by a smaller one: on a full disk there may be room for that.

        Args:
            left: How many there are to do at most; a step that had fewer to do says nothing of larger ones.
        """
        number = self.number if left is None else min(self.number, left)
        started = time.monotonic()
        try:
            yield number
        except BaseException:
            self._set(self.number * _LESS)
            raise
        took = max(time.monotonic() - started, 1e-6)
        if number == self.number or took > STEP_SECONDS:
            self._set(number * min(2.0, max(_LESS, STEP_SECONDS / took)))

    def _set(self, wanted: float) -> None:
        self.number = min(self._most, max(self._least, int(wanted)))
