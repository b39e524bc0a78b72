"""How much came, and what became of it: plain integers, by signal and reason.

Every item of a request that was decoded is counted once as received, and once as what became of it:

    received = stored + duplicate + refused

A request that could not be decoded, or was refused before, has no items that could be counted: it is one
refused request. Instruments of an SDK cost 8 µs a call; these cost less than one, and are read when asked.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from promethios.receiver.refusal import Kind, Refusal

#: What is counted for each of; ``other`` is what is no telemetry: questions, and unknown addresses.
SIGNALS: Final = ("spans", "metrics", "logs")
OTHER: Final = "other"


class Reason(StrEnum):
    """Why a request, or an item of it, was refused."""

    UNDECODABLE = "undecodable"
    INVALID_ITEM = "invalid_item"
    TOO_LARGE = "too_large"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    QUOTA = "quota"
    QUEUE_FULL = "queue_full"
    UNAVAILABLE = "unavailable"


#: The reason of a refusal by its HTTP status, which names it for both transports. What is not here, such as
#: an unknown address, is a client's mistake about the API and not refused telemetry.
_REASONS: Final = {
    400: Reason.UNDECODABLE,
    401: Reason.UNAUTHENTICATED,
    403: Reason.FORBIDDEN,
    413: Reason.TOO_LARGE,
    415: Reason.UNDECODABLE,
    429: Reason.QUOTA,
    431: Reason.TOO_LARGE,
    503: Reason.UNAVAILABLE,
}


def reason_of(refusal: Refusal) -> Reason | None:
    """Why a request was refused; None where it was no telemetry that was."""
    if refusal.kind is Kind.TOO_MANY and "WWW-Authenticate" in refusal.headers:
        return Reason.UNAUTHENTICATED  # wrong keys, too often: no tenant's quota
    reason = _REASONS.get(refusal.kind.http)
    return Reason.QUEUE_FULL if reason is Reason.UNAVAILABLE and refusal.crowded else reason


def signal_at(path: str) -> str:
    """The signal that a path takes (``/v1/traces``, ``/api/v1/logs``), else `OTHER`."""
    return _PATHS.get(path, OTHER)


_PATHS: Final = {
    "/v1/traces": "spans",
    "/v1/metrics": "metrics",
    "/v1/logs": "logs",
    "/api/v1/heartbeat": "metrics",
    "/api/v1/metrics": "metrics",
    "/api/v1/violations": "spans",
    "/api/v1/decisions": "spans",
    "/api/v1/logs": "logs",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """The counts at one moment; each since the receiver started.

    Args:
        received, stored, duplicate: Items by signal.
        received_bytes: Bytes of decoded requests by signal, unpacked.
        refused: Items by signal and reason.
        refused_requests: Whole requests by signal and reason.
    """

    received: dict[str, int]
    received_bytes: dict[str, int]
    stored: dict[str, int]
    duplicate: dict[str, int]
    refused: dict[tuple[str, str], int]
    refused_requests: dict[tuple[str, str], int]


@dataclass(slots=True)
class Counts:
    """Counts items and requests; thread-safe, and cheap enough for every request."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _received: Counter[str] = field(default_factory=Counter)
    _bytes: Counter[str] = field(default_factory=Counter)
    _stored: Counter[str] = field(default_factory=Counter)
    _duplicate: Counter[str] = field(default_factory=Counter)
    _refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _requests: Counter[tuple[str, str]] = field(default_factory=Counter)

    def received(self, signal: str, items: int, size: int) -> None:
        """Count a request that was decoded: its items, and its bytes unpacked."""
        with self._lock:
            self._received[signal] += items
            self._bytes[signal] += size

    def stored(self, signal: str, items: int) -> None:
        """Count items that are new in the database, after the commit."""
        with self._lock:
            self._stored[signal] += items

    def duplicate(self, signal: str, items: int) -> None:
        """Count items that were there already."""
        with self._lock:
            self._duplicate[signal] += items

    def refused(self, signal: str, reason: Reason, items: int) -> None:
        """Count items that were refused: alone (`INVALID_ITEM`), or with their whole request."""
        with self._lock:
            self._refused[signal, reason] += items

    def refused_request(self, signal: str, refusal: Refusal) -> None:
        """Count a request that is answered with no; its items where it was decoded before.

        Called where refusals are answered (HTTP's error handler and connections, gRPC's abort) and nowhere
        else, so nothing counts twice.
        """
        if (reason := reason_of(refusal)) is not None:
            with self._lock:
                self._requests[signal, reason] += 1
                self._refused[signal, reason] += refusal.items

    def look(self) -> Counted:
        """All counts as they are now, of one moment."""
        with self._lock:
            return Counted(
                dict(self._received),
                dict(self._bytes),
                dict(self._stored),
                dict(self._duplicate),
                dict(self._refused),
                dict(self._requests),
            )
