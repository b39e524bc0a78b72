"""Decisions are numbered without gaps for each process, so that a reader sees what is missing."""

from __future__ import annotations

import os
import random
import threading
import weakref

from opentelemetry.trace import TracerProvider

from promethios.governance import semconv


class Ledger:
    """Gives each decision its number and its id; starts anew in a forked child.

    The id is 64 random bits of the process and the number in 64 bits: unique, and in order.
    """

    def __init__(self) -> None:
        self._instance: str | None = None
        self._inherited: str | None = None
        self._start_anew()
        if hasattr(os, "register_at_fork"):
            alive = weakref.WeakMethod(self._after_fork)
            os.register_at_fork(after_in_child=lambda: (method := alive()) and method())

    def next(self) -> tuple[int, str]:
        """The next number, and the id made with it."""
        with self._lock:
            self._seq += 1
            return self._seq, f"{self._prefix:016x}{self._seq:016x}"

    def instance_id(self, provider: TracerProvider | None) -> str:
        """The ``service.instance.id`` that the numbers belong to: the resource's, unless a parent has it."""
        if self._instance is None:
            attributes = getattr(getattr(provider, "resource", None), "attributes", {})
            found = attributes.get(semconv.SERVICE_INSTANCE_ID)
            unusable = not isinstance(found, str) or found == self._inherited
            self._instance = f"{self._prefix:016x}" if unusable else str(found)
        return self._instance

    def _after_fork(self) -> None:
        self._inherited = self._instance
        self._start_anew()

    def _start_anew(self) -> None:
        self._lock = threading.Lock()
        self._seq = 0
        self._prefix = random.SystemRandom().getrandbits(64)
        self._instance = None
