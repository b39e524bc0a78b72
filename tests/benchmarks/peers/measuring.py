"""CPU time of a call, the same way for everybody: each peer runs it in its own environment."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

TIMES = 5
WORDS = (
    "the customer asked when order 20261122-4711 leaves, ref 550e8400-e29b-41d4-a716-446655440000, v2.14.3; "
)
TEXT = (WORDS * 21)[:2048]
RULES = 50


def median(call: Callable[[], Any], rounds: int) -> float:
    """The best median of several runs, in microseconds of the thread's CPU time."""
    for _ in range(rounds // 10):
        call()
    return min(statistics.median(_times(call, rounds)) for _ in range(TIMES))


def _times(call: Callable[[], Any], rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        started = time.thread_time_ns()
        call()
        times.append((time.thread_time_ns() - started) / 1000)
    return times


def report(version: str, results: dict[str, float]) -> None:
    """Print what was measured, for `run.py`."""
    print(json.dumps({"version": version, "results": results}))
