"""Bins of durations: logarithmic, so that every quantile is wrong by the same part of itself at most."""

from __future__ import annotations

import math
from typing import Final

#: The greatest duration of a bin is less than this times its least: what a quantile can be wrong by.
GROWTH: Final = 1.04

_PER_BIN: Final = math.log(GROWTH)
_ZERO: Final = 1
#: Above 0 for every positive float: the smallest is 5e-324, whose logarithm is -744.
_OFFSET: Final = 20_000


def latency_bin(duration: float) -> int:
    """The bin that a duration (microseconds, from 0) falls into; a greater duration has no smaller one."""
    return _OFFSET + math.floor(math.log(duration) / _PER_BIN) if duration > 0 else _ZERO
