"""Decisions are numbered without gaps for each process, so that a reader sees what is missing."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import count
from typing import Any

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

    def next(self) -> tuple[int, str]:
        """The next number, and the id made with it."""
        seq = next(self._numbers)  # one step for any thread, and for what interrupts one: it needs no lock
        return seq, f"{self._prefix:016x}{seq:016x}"

    def instance_id(self, provider: TracerProvider | None) -> str:
        """The ``service.instance.id`` that the numbers belong to: the resource's, unless a parent has it."""
        if self._instance is None:
            found = _instance_of(provider)
            self._instance = found if found and found != self._inherited else f"{self._prefix:016x}"
        return self._instance

    def renew(self, provider: TracerProvider | None) -> None:
        """Start anew in a forked child. What `provider` says there is its parent's instance."""
        self._inherited = self._instance or _instance_of(provider)
        self._start_anew()

    def _start_anew(self) -> None:
        self._numbers = count(1)
        self._prefix = random.SystemRandom().getrandbits(64)
        self._instance = None


def resource_of(provider: Any) -> Any:
    """The resource of `provider`; None where it has none or it cannot be read."""
    try:
        return getattr(provider, "resource", None)
    except Exception:
        return None


def resource_attributes(provider: Any) -> Mapping[str, Any]:
    """What the resource of `provider` says; nothing where it has none or it cannot be read."""
    try:
        return dict(getattr(resource_of(provider), "attributes", {}))
    except Exception:
        return {}


def _instance_of(provider: TracerProvider | None) -> str | None:
    found = resource_attributes(provider).get(semconv.SERVICE_INSTANCE_ID)
    return found if isinstance(found, str) else None
