"""What is sent next, and what an answer means for it: the state of a delivery, without its threads."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import replace
from typing import Final

from promethios.exporter.backlog import Backlog
from promethios.exporter.batch import Batch, Signal
from promethios.exporter.counts import Counts, DropReason
from promethios.exporter.leases import Lease, Nowhere
from promethios.exporter.outcomes import Delivered, Outcome, Parked, Permanent, Transient
from promethios.exporter.pace import Pace

#: Seconds between two warnings of the same kind.
WARN_INTERVAL: Final = 60.0
#: Nothing at all, which every OTLP server takes: it asks whether the key and the address are right by now.
_QUESTION: Final = Batch.pack(Signal.TRACES, 0, b"")

_logger = logging.getLogger("promethios.exporter")


class Dispatch:
    """Leases what is to be sent, and deals with each answer. Used under its owner's lock.

    A state is logged when it is entered, not for each batch.

    Args:
        endpoint: Where to, for the log.
        backlog: What waits.
        pace: When to send; it is told of every answer.
        counts: What became of everything.
    """

    _news: Batch | None
    _telling: Batch | None

    def __init__(self, endpoint: str, backlog: Backlog, pace: Pace, counts: Counts) -> None:
        self._endpoint = endpoint
        self._backlog = backlog
        self._pace = pace
        self._counts = counts
        self._under_way: set[Lease] = set()
        self._again: deque[Lease] = deque()
        self._news = self._telling = None
        self._silent_until: dict[str, float] = {}

    @property
    def waiting(self) -> int:
        """How many items are not dealt with, those under way included."""
        adrift = sum(lease.items for lease in self._under_way if lease.source.gone)
        return self._backlog.queued + self._backlog.spooled + adrift

    @property
    def told(self) -> bool:
        """Whether there is no news, or nobody who would hear it."""
        return self._pace.parked or not (self._news or self._telling)

    def tell(self, news: Batch) -> None:
        """Send this before all that waits, in place of what was told before and is not sent yet."""
        self._news = replace(news, items=0)

    def take(self, now: float) -> Lease | None:
        """Lease what is to be sent at `now`, by `time.monotonic`; None where nothing is."""
        if self._pace.ask(now):
            self._pace.park()
            return self._ask(self._news or _QUESTION)
        if self._pace.parked or now < self._pace.due:
            return None
        if self._news and not self._telling:
            return self._ask(self._news)
        while lease := self._again.popleft() if self._again else self._backlog.take():
            self._under_way.add(lease)
            if not self._backlog.expired(lease):
                return lease
            lease.lost[DropReason.EXPIRED] = lease.items - lease.delivered - lease.lost.total()
            self._forget(lease)
        return None

    def settle(self, lease: Lease, outcome: Outcome, superseded: bool) -> None:
        """Deal with an answer.

        Args:
            lease: What it is about.
            outcome: What became of the request.
            superseded: Whether the request had a key that is no longer ours.
        """
        if told := lease.parts[0] is self._telling:
            self._telling = None
        if told and not isinstance(outcome, Delivered | Permanent):
            self._news = self._news or lease.parts[0]
        match outcome:
            case Delivered() | Permanent():
                self._done(lease, outcome)
            case _ if superseded:
                self._keep(lease)
            case Parked():
                self._park(lease, outcome)
            case Transient():
                self._postpone(lease, outcome)

    def close(self) -> int:
        """Let go of everything, news in the spool too; returns how many items are left there.

        What is lost here no metric can tell any more, so the log does.
        """
        if self._backlog.disk and (news := self._news or self._telling):
            self._backlog.put(news)
        before = self._lost_at_the_end
        left = self._backlog.close(self._under_way)
        if lost := self._lost_at_the_end - before:
            advice = (
                "the spool could not take them" if self._backlog.disk else "a `spool_dir` would keep them"
            )
            _logger.warning("%d items that %s has not taken are lost: %s", lost, self._endpoint, advice)
        return left

    @property
    def _lost_at_the_end(self) -> int:
        return self._counts.dropped.get(DropReason.SHUTDOWN, 0)

    def _ask(self, batch: Batch) -> Lease:
        """Send what nobody keeps: news, or a question."""
        if batch is self._news:
            self._news, self._telling = None, batch
        return Lease(Nowhere(), [batch], 0, 0, 0)

    def _done(self, lease: Lease, outcome: Delivered | Permanent) -> None:
        if isinstance(outcome, Permanent):
            self._refuse(lease, outcome)
        else:
            self._deliver(lease, outcome)
        if self._pace.works():
            _logger.warning("delivery to %s works again", self._endpoint)
        if lease.answered():
            self._again.appendleft(lease)
        else:
            self._forget(lease)

    def _refuse(self, lease: Lease, outcome: Permanent) -> None:
        self._pace.fail(outcome.reason)
        refused = lease.batch()
        lease.lost[DropReason.REFUSED] += refused.items
        if refused.items:
            self._warn("%s: dropped %d items of %s", outcome.reason, refused.items, refused.signal.path)

    def _deliver(self, lease: Lease, outcome: Delivered) -> None:
        items = lease.batch().items
        rejected = min(outcome.rejected, items)
        lease.delivered += items - rejected
        lease.lost[DropReason.REJECTED] += rejected
        if rejected:
            self._warn("the receiver rejected %d items: %s", rejected, outcome.message or "no reason")

    def _warn(self, message: str, *arguments: object) -> None:
        """Log each kind of loss once in a while; the counters have them all."""
        now = time.monotonic()
        if now >= self._silent_until.get(message, now):
            self._silent_until[message] = now + WARN_INTERVAL
            _logger.warning(message, *arguments)

    def _park(self, lease: Lease, outcome: Parked) -> None:
        if self._pace.park(outcome.reason):
            _logger.error("telemetry is parked, not delivered to %s: %s", self._endpoint, outcome.reason)
        self._keep(lease)

    def _postpone(self, lease: Lease, outcome: Transient) -> None:
        if self._pace.postpone(outcome):
            _logger.warning("no delivery to %s for now: %s", self._endpoint, outcome.reason)
        self._keep(lease)

    def _keep(self, lease: Lease) -> None:
        """Send it again before anything else; a question need not be, news that were kept must be."""
        if not isinstance(lease.source, Nowhere):
            self._again.append(lease)

    def _forget(self, lease: Lease) -> None:
        self._counts.deliver(lease.delivered)
        for reason, items in lease.lost.items():
            self._counts.drop(items, reason)
        self._under_way.discard(lease)
        self._backlog.settle(lease)
