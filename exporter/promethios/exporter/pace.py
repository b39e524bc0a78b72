"""When to send next: now, after a pause, or not before something is repaired."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from promethios.exporter.outcomes import Transient
from promethios.exporter.retry import RetryPolicy

#: Seconds that a decision waits for others, to go in one request with them. It is safe already.
LINGER: Final = 0.05


class Trouble(NamedTuple):
    """How delivery fares, for who asks about it.

    Args:
        state: ``delivering``, ``retrying`` or ``parked``.
        error: What failed last; empty where nothing did.
        at: When that was, Unix nanoseconds.
    """

    state: str = "delivering"
    error: str = ""
    at: int = 0


class Pace:
    """The state that answers leave a delivery in. Used under its owner's lock.

    Args:
        retry: How long to wait between attempts.
    """

    def __init__(self, retry: RetryPolicy) -> None:
        self._retry = retry
        self._failures = 0
        self._linger_until = self._ask_at = 0.0
        self.resume_at = 0.0
        self.parked = False
        self.trouble = Trouble()

    @property
    def failing(self) -> bool:
        """Whether the receiver has been away for some attempts."""
        return self._failures >= self._retry.attempts

    @property
    def due(self) -> float:
        """When what waits may be sent, by `time.monotonic`."""
        return self._ask_at if self.parked else max(self.resume_at, self._linger_until)

    def ask(self, now: float) -> bool:
        """Whether it is time to ask if what keeps everything parked has been repaired."""
        return self.parked and now >= self._ask_at

    def linger(self) -> bool:
        """Wait a moment for more of its kind; whether this is the first that waits."""
        now = time.monotonic()
        if first := now >= self._linger_until:
            self._linger_until = now + LINGER
        return first

    def hurry(self) -> None:
        """Somebody waits: do not linger."""
        self._linger_until = 0.0

    def works(self) -> bool:
        """An answer came that ends trouble; whether there was any to speak of."""
        told = self.parked or self.failing
        self.trouble = self.trouble._replace(state="delivering")
        self._failures, self.parked, self.resume_at = 0, False, 0.0
        return told

    def fail(self, reason: str, state: str = "delivering") -> None:
        """Remember what failed."""
        self.trouble = Trouble(state, reason, time.time_ns())

    def park(self, reason: str = "") -> bool:
        """Send nothing until something is repaired; whether that is new."""
        if reason:
            self.fail(reason, "parked")
        new, self.parked = not self.parked, True
        self._ask_at = time.monotonic() + self._retry.probe
        return new

    def postpone(self, outcome: Transient) -> bool:
        """Wait before the next attempt; whether it is the failure that makes an outage."""
        self._failures += 1
        self.fail(outcome.reason, "parked" if self.parked else "retrying")
        self.resume_at = time.monotonic() + self._retry.delay(self._failures, outcome.retry_after)
        self._ask_at = self.resume_at
        return self._failures == self._retry.attempts
