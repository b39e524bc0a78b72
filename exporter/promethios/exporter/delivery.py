"""From a batch to the receiver: threads that send, retry, park, and come back to what is parked."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Final

from promethios.exporter.backlog import Backlog
from promethios.exporter.batch import Batch
from promethios.exporter.counts import Counts, DropReason, FlushResult, Totals
from promethios.exporter.dispatch import Dispatch
from promethios.exporter.leases import Lease
from promethios.exporter.outcomes import Outcome, TooLarge, Transient
from promethios.exporter.pace import Pace, Trouble
from promethios.exporter.retry import RetryPolicy
from promethios.exporter.sender import Sender
from promethios.exporter.settings import Settings
from promethios.exporter.suppression import suppress
from promethios.exporter.syncing import Syncing
from promethios.exporter.threads import Home, start
from promethios.governance.telemetry.forks import renew_in_child

#: Seconds between two looks for spool files that other processes left behind.
ADOPT_INTERVAL: Final = 30.0
_FAULT: Final = Transient("it could not be sent, for a fault of ours")

_logger = logging.getLogger("promethios.exporter")


class Delivery:
    """Delivers batches in the background. `submit` never waits for the network and never raises.

    Only the threads of this object send (one, unless `max_in_flight` says more), so that requests leave in
    the order in which they were recorded, and only this layer retries.

    Args:
        settings: Where to, with what key, and how much may wait.
        retry: How long to wait between attempts.
    """

    _putting: bool

    def __init__(self, settings: Settings, retry: RetryPolicy | None = None) -> None:
        self.settings = settings
        self._retry = retry or RetryPolicy()
        self._closed = False
        self._begin()
        renew_in_child(self)

    def submit(self, batch: Batch) -> bool:
        """Hand over a batch. What exceeds the limits is dropped and counted.

        Returns:
            Whether it is in the spool by now, and synced where the settings ask for that.
        """
        with self._changed:
            if self._closed:
                self._counts.drop(batch.items, DropReason.SHUTDOWN)
                return False
            if self._putting:
                # We are a signal's handler, in the middle of this very method, which goes on with it.
                self._late.append(batch)
                return False
            self._putting = True
            try:
                kept = [self._put(batch)]
                while self._late:
                    kept.append(self._put(self._late.popleft()))
            finally:
                self._putting = False
        synced = [handle is None or self._syncing.sync(handle) for _, handle in kept]
        return kept[0][0] and synced[0]

    def tell(self, news: Batch) -> None:
        """Hand over what is true only now, and takes the place of what was told before and is not sent yet.

        It goes before all that waits, counts as nothing that was recorded, and is kept only at the end, where
        there is a spool: however long the receiver is away, one waits.
        """
        with self._changed:
            if not self._closed:
                self._dispatch.tell(news)
                self._notify()

    @property
    def trouble(self) -> Trouble:
        """What went wrong last, and whether it still does."""
        with self._changed:
            return self._pace.trouble

    def drop(self, items: int, reason: DropReason) -> None:
        """Count items that were lost before they became a batch."""
        self._counts.drop(items, reason)

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
            self._hurry()
            while not self._settled() and self._pace.resume_at < deadline:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
            return not self._waiting()

    def close(self, deadline: float) -> FlushResult:
        """Deliver what can be delivered until the deadline, leave the rest in the spool, and stop.

        Where there is a spool and the receiver does not answer, it does not wait for the deadline.
        """
        with self._changed:
            self._hurry()
            while not (self._closed or (self._settled() and self._dispatch.told) or self._hopeless(deadline)):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    break
            if not self._closed:
                self._closed = True
                self._left = self._dispatch.close()
                self._notify()
            return self._counts.since_last_flush(self._left)

    def use_key(self, api_key: str) -> None:
        """Go on with another key, and send what was parked under the old one.

        Raises:
            SettingsError: It cannot be a key.
        """
        settings = replace(self.settings, api_key=api_key)
        with self._changed:
            self.settings, self._sender = settings, Sender(settings)
            self._pace.works()
            self._notify()

    def totals(self) -> Totals:
        """What became of everything so far."""
        with self._changed:
            spooled = self._left if self._closed else self._backlog.spooled
            queued = self._waiting() - spooled
            return Totals(queued, spooled, self._counts.delivered, self._counts.dropped)

    def renew(self) -> None:
        """Start anew in a forked child: files, sockets and what waits belong to its parent."""
        self._renew_lock()
        if not self._closed:
            self._begin()

    def _renew_lock(self) -> None:
        """One lock: threads that send wait below it for something to do, others for what becomes of it.

        Those that send wake the others only: woken by each other they would never sleep.
        """
        lock = threading.RLock()
        self._to_do, self._changed = threading.Condition(lock), threading.Condition(lock)

    def _notify(self) -> None:
        self._to_do.notify_all()
        self._changed.notify_all()

    def _put(self, batch: Batch) -> tuple[bool, int | None]:
        """Whether it is in the spool, and what has to be synced for it."""
        segment = self._backlog.put(batch)
        handle = self._syncing.handle(segment, batch.lane)
        if batch.packed or self._pace.linger():
            self._notify()
        return segment is not None, handle

    def _begin(self) -> None:
        self._renew_lock()
        self._counts = Counts()
        self._backlog = Backlog(self.settings, self._counts)
        self._syncing = Syncing(self.settings.spool_fsync)
        self._pace = Pace(self._retry)
        self._dispatch = Dispatch(self.settings.endpoint, self._backlog, self._pace, self._counts)
        self._sender = Sender(self.settings)
        self._late: deque[Batch] = deque()
        self._putting = False
        self._adopt_at = 0.0
        self._adopted = False
        self._left = 0
        for number in range(self.settings.max_in_flight):
            start(self._run, f"promethios-delivery-{number}")

    def _run(self, home: Home) -> None:
        suppress()
        while home and not self._closed:
            try:
                self._adopt()
                self._send_next(home)
            except Exception:
                # A bug or a failing disk costs telemetry a pause, and the application nothing.
                _logger.exception("delivery goes on after a pause")
                with self._changed:
                    if home:
                        self._pace.postpone(_FAULT)
        if home:
            self._sender.close()

    def _adopt(self) -> None:
        """Take over what processes that are gone have left. Looking for it needs no lock."""
        with self._changed:
            disk, now = self._backlog.disk, time.monotonic()
            if not disk or self._closed or now < self._adopt_at:
                return
            self._adopt_at = now + ADOPT_INTERVAL
            own, room = disk.paths, disk.room
        found = disk.find(own, room)
        with self._changed:
            disk.adopt(found)
            self._adopted = bool(found)
            self._backlog.expire()
            if self._closed:
                disk.close()
            self._notify()

    def _send_next(self, home: Home) -> None:
        with self._changed:
            lease, sender = self._next(home), self._sender
        if lease is None:
            return
        outcome: Outcome = _FAULT
        try:
            outcome = _send(lease, sender)
        finally:
            with self._changed:
                if home and not self._closed:
                    self._dispatch.settle(lease, outcome, superseded=sender is not self._sender)
                    self._notify()

    def _next(self, home: Home) -> Lease | None:
        """Wait for what is to be sent now; None when it is time to look around, or to end."""
        while home and not self._closed:
            now = time.monotonic()
            if self._backlog.disk and now >= self._adopt_at:
                return None
            if lease := self._dispatch.take(now):
                return lease
            self._changed.notify_all()
            if self._adopted and not self._waiting():
                # What was left behind is delivered: there may be more than could be taken over at once.
                self._adopted, self._adopt_at = False, now
                return None
            # Where nothing waits there is nothing to be early for: a batch that comes wakes this thread.
            look = self._adopt_at if self._backlog.disk else now + ADOPT_INTERVAL
            wake = self._pace.due if now < self._pace.due else look
            self._to_do.wait(max(0.0, min(wake, now + ADOPT_INTERVAL) - now))
        return None

    def _hurry(self) -> None:
        self._pace.hurry()
        self._notify()

    def _settled(self) -> bool:
        return self._closed or self._pace.parked or not self._waiting()

    def _hopeless(self, deadline: float) -> bool:
        """Whether waiting brings nothing: a spool has what is left, or the server asked for time."""
        failing = self._pace.failing and self._backlog.disk is not None
        return failing or self._pace.resume_at >= deadline

    def _waiting(self) -> int:
        return self._left if self._closed else self._dispatch.waiting


def _send(lease: Lease, sender: Sender) -> Outcome:
    """Make an attempt, with less and less where the receiver finds it too large. It needs no lock."""
    while isinstance(outcome := sender.send(lease.batch()), TooLarge) and lease.halve():
        pass
    return outcome
