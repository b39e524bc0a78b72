"""From a batch to the receiver: one thread that sends, retries, parks, and comes back to what is parked."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from dataclasses import replace
from typing import Final

from promethios.exporter.backlog import Backlog
from promethios.exporter.batch import Batch
from promethios.exporter.counts import Counts, DropReason, FlushResult, Totals
from promethios.exporter.outcomes import Delivered, Outcome, Parked, Permanent, Transient
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.sender import Sender
from promethios.exporter.settings import Settings
from promethios.exporter.suppression import suppress

#: Seconds between two looks for spool files that other processes left behind.
ADOPT_INTERVAL: Final = 30.0
#: Seconds between two warnings of the same kind.
WARN_INTERVAL: Final = 60.0

_logger = logging.getLogger("promethios.exporter")


class Delivery:
    """Delivers batches in the background. `submit` never waits for the network and never raises.

    Only the thread of this object sends, so that requests leave in the order in which they were recorded, and
    only this layer retries. A state is logged when it is entered, not for each batch.

    Args:
        settings: Where to, with what key, and how much may wait.
        retry: How long to wait between attempts.
    """

    _probe: Batch | None
    _failures: int
    _parked: bool
    _closed: bool

    def __init__(self, settings: Settings, retry: RetryPolicy | None = None) -> None:
        self.settings = settings
        self._retry = retry or RetryPolicy()
        self._begin()
        reset = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := reset()) and method())

    def submit(self, batch: Batch) -> None:
        """Hand over a batch. What exceeds the limits is dropped and counted."""
        with self._changed:
            if self._closed:
                self._counts.dropped[DropReason.SHUTDOWN] += batch.items
            elif self._parked and self._probe is None and time.monotonic() >= self._probe_at:
                self._probe = batch
            else:
                self._backlog.put(batch, to_disk=self._parked or self._failures >= self._retry.attempts)
            self._changed.notify_all()

    def drop(self, items: int, reason: DropReason) -> None:
        """Count items that were lost before they became a batch."""
        with self._changed:
            if items:
                self._counts.dropped[reason] += items

    def flush(self, deadline: float) -> FlushResult:
        """`wait`, and tell what became of what was recorded since the last flush."""
        self.wait(deadline)
        with self._changed:
            return self._counts.since_last_flush(self._waiting())

    def wait(self, deadline: float) -> bool:
        """Wait until everything is delivered, or parked, or the deadline (`time.monotonic`) has come.

        Returns:
            Whether nothing waits any more.
        """
        with self._changed:
            while not self._settled() and self._resume_at < deadline:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
            return not self._waiting()

    def close(self, deadline: float) -> FlushResult:
        """Deliver what can be delivered until the deadline, put the rest into the spool, and stop.

        Where there is a spool and the receiver does not answer, it does not wait for the deadline.
        """
        with self._changed:
            while not (self._closed or self._settled() or self._hopeless(deadline)):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
            if not self._closed:
                self._stop()
            return self._counts.since_last_flush(self._left)

    def use_key(self, api_key: str) -> None:
        """Go on with another key, and send what was parked under the old one.

        Raises:
            SettingsError: It cannot be a key.
        """
        settings = replace(self.settings, api_key=api_key)
        with self._changed:
            self.settings, self._sender = settings, Sender(settings)
            self._parked, self._failures, self._resume_at = False, 0, 0.0
            self._changed.notify_all()

    def totals(self) -> Totals:
        """What became of everything so far."""
        with self._changed:
            queued = self._backlog.queued + (self._probe.items if self._probe else 0)
            return Totals(queued, self._backlog.spooled, self._counts.delivered, dict(self._counts.dropped))

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._counts = Counts()
        self._backlog = Backlog(self.settings, self._counts)
        self._sender = Sender(self.settings)
        self._probe = None
        self._probe_at = self._resume_at = self._adopt_at = 0.0
        self._failures = self._left = 0
        self._silent_until: dict[str, float] = {}
        self._parked = self._closed = False
        threading.Thread(target=self._run, name="promethios-delivery", daemon=True).start()

    def _after_fork(self) -> None:
        """The child starts anew: files, sockets and what waits belong to its parent."""
        self._changed = threading.Condition()
        if not self._closed:
            self._backlog.abandon()
            self._begin()

    def _run(self) -> None:
        suppress()
        going_on = True
        while going_on:
            try:
                going_on = self._step()
            except Exception:
                # A bug or a failing disk costs telemetry a pause, and the application nothing.
                _logger.exception("delivery goes on in %s seconds", self._retry.longest)
                with self._changed:
                    self._resume_at = time.monotonic() + self._retry.longest
        self._sender.close()

    def _step(self) -> bool:
        with self._changed:
            batch = self._next()
            sender = self._sender
        if batch is None:
            return False
        outcome = sender.send(batch)
        with self._changed:
            if not self._closed:
                self._settle(batch, outcome, superseded=sender is not self._sender)
                self._changed.notify_all()
            return not self._closed

    def _next(self) -> Batch | None:
        """Wait for the batch to send now; None when there will be none."""
        while not self._closed:
            now = time.monotonic()
            if now >= self._adopt_at:
                self._adopt_at = now + ADOPT_INTERVAL
                self._backlog.adopt()
            if self._probe:
                return self._probe
            if not self._parked and now >= self._resume_at and (batch := self._backlog.peek()):
                return batch
            self._changed.notify_all()
            wake = self._resume_at if now < self._resume_at and self._backlog else self._adopt_at
            self._changed.wait(max(0.0, wake - now))
        return None

    def _settle(self, batch: Batch, outcome: Outcome, superseded: bool) -> None:
        probe, self._probe = self._probe, None
        match outcome:
            case Delivered() | Permanent():
                if not probe:
                    self._backlog.pop()
                self._done(batch, outcome)
            case _ if superseded:
                # The answer is about a key that is no longer ours.
                self._keep(probe)
            case Parked():
                self._park(probe, outcome)
            case Transient():
                self._postpone(probe, outcome)

    def _done(self, batch: Batch, outcome: Delivered | Permanent) -> None:
        if isinstance(outcome, Permanent):
            self._counts.dropped[DropReason.REFUSED] += batch.items
            self._warn("%s: dropped %d items of %s", outcome.reason, batch.items, batch.signal.path)
        else:
            rejected = min(outcome.rejected, batch.items)
            self._counts.delivered += batch.items - rejected
            if rejected:
                self._counts.dropped[DropReason.REJECTED] += rejected
                self._warn("the receiver rejected %d items: %s", rejected, outcome.message or "no reason")
        if self._parked or self._failures >= self._retry.attempts:
            _logger.warning("delivery to %s works again", self.settings.endpoint)
        self._parked, self._failures, self._resume_at = False, 0, 0.0

    def _warn(self, message: str, *arguments: object) -> None:
        """Log each kind of loss once in a while; the counters have them all."""
        now = time.monotonic()
        if now >= self._silent_until.get(message, now):
            self._silent_until[message] = now + WARN_INTERVAL
            _logger.warning(message, *arguments)

    def _park(self, probe: Batch | None, outcome: Parked) -> None:
        if not self._parked:
            _logger.error(
                "telemetry is parked, not delivered to %s: %s", self.settings.endpoint, outcome.reason
            )
        self._parked = True
        self._probe_at = time.monotonic() + self._retry.probe
        self._keep(probe)
        self._backlog.spill()

    def _postpone(self, probe: Batch | None, outcome: Transient) -> None:
        self._failures += 1
        self._resume_at = time.monotonic() + self._retry.delay(self._failures, outcome.retry_after)
        if probe:
            self._probe_at = self._resume_at
        self._keep(probe)
        if self._failures == self._retry.attempts:
            _logger.warning("no delivery to %s for now: %s", self.settings.endpoint, outcome.reason)
            self._backlog.spill()

    def _keep(self, probe: Batch | None) -> None:
        if probe:
            self._backlog.put(probe, to_disk=True)

    def _settled(self) -> bool:
        return self._closed or (not self._probe and (self._parked or not self._backlog))

    def _hopeless(self, deadline: float) -> bool:
        """Whether waiting brings nothing: a spool takes what is left, or the server asked for time."""
        failing = self._failures >= self._retry.attempts and self._backlog.has_disk
        return failing or self._resume_at >= deadline

    def _waiting(self) -> int:
        return self._backlog.queued + self._backlog.spooled + (self._probe.items if self._probe else 0)

    def _stop(self) -> None:
        self._closed = True
        self._keep(self._probe)
        self._probe = None
        self._backlog.spill()
        self._left = self._backlog.spooled
        self._backlog.close()
        self._changed.notify_all()
