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

        `retry_after` is the least that the server asked for.
        """
        exponent = min(failures - 1, 63)
        backoff = min(self.initial * self.factor**exponent, self.longest)
        return max(backoff * (0.5 + self.jitter() / 2), retry_after or 0.0)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, from either of its forms.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 allows seconds and an HTTP-date.

    Args:
        value: The header, or None where there was none.
        now: The wall clock's time; the present by default.

    Returns:
        Seconds from 0 to `LONGEST_RETRY_AFTER`; None for no header and for one that says neither.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = (moment - (now or datetime.now(UTC))).total_seconds()
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER)
