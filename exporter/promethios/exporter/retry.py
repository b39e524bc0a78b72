"""The one layer of retries: how long to wait before the same bytes are sent again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

#: A server that asks for more than this is answered with this: an hour without telemetry is an outage.
LONGEST_RETRY_AFTER: Final = 3600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter. Deadlines are the caller's, on a monotonic clock.

    Args:
        initial: Seconds before the second attempt, at most.
        factor: How much longer each further wait is.
        longest: Seconds that a wait never exceeds, unless the server asks for more.
        attempts: Failures in a row before a batch moves from memory to the spool.
        probe: Seconds between two attempts while everything is parked, each with a batch that is new.
        jitter: Gives numbers from 0 to 1; they spread agents that failed at the same moment.
    """

    initial: float = 0.25
    factor: float = 2.0
    longest: float = 30.0
    attempts: int = 3
    probe: float = 60.0
    jitter: Callable[[], float] = random.random

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Seconds to wait after so many failures in a row: between half of the back-off and all of it.

        `retry_after` is the least that the server asked for. Up to a tenth is added to it, or all whom it
        sent away would be back at the same moment.
        """
        exponent, jitter = min(failures - 1, 63), self.jitter()
        backoff = min(self.initial * self.factor**exponent, self.longest)
        return max(backoff * (0.5 + jitter / 2), (retry_after or 0.0) * (1 + jitter / 10))


def bounded(seconds: float | None) -> float | None:
    """What a server asks for, within reason: from 0 to `LONGEST_RETRY_AFTER`; None for nothing."""
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def parse_retry_after(
    value: str | None, sent: str | None = None, now: datetime | None = None
) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, from either of its forms.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 allows seconds and an HTTP-date.

    Args:
        value: The header, or None where there was none.
        sent: The header ``Date`` of the same answer: a moment is compared with the clock that named it.
        now: The wall clock's time, for answers without that header; the present by default.

    Returns:
        Seconds from 0 to `LONGEST_RETRY_AFTER`; None for no header and for one that says neither.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return bounded(float(text))
    moment = _moment(text)
    if moment is None:
        return None
    return bounded((moment - (_moment(sent) or now or datetime.now(UTC))).total_seconds())


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError, TypeError, IndexError):
        # The standard library's parser raises each of these for some garbage.
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
