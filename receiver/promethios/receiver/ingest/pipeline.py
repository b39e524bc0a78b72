"""The way of a request behind its transport: decode, turn into rows, store, answer.

HTTP and gRPC both end here, so they cannot differ in what they store.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection

from promethios.receiver.access.gate import Principal
from promethios.receiver.access.keyring import Keyring, touch_keys
from promethios.receiver.access.quotas import Quotas
from promethios.receiver.ingest.batch import Batch, Origin
from promethios.receiver.ingest.items import count_logs, count_points, count_spans
from promethios.receiver.ingest.logs import add_logs
from promethios.receiver.ingest.metrics import add_metrics
from promethios.receiver.ingest.spans import add_spans
from promethios.receiver.ingest.statements import Outcome, store
from promethios.receiver.ingest.writer import Writer
from promethios.receiver.refusal import Refusal
from promethios.receiver.telemetry.counts import Counts, Reason

_log = logging.getLogger(__name__)

_REMEMBERED: Final = 4_096


class Signal(StrEnum):
    """What OTLP carries."""

    SPANS = "spans"
    METRICS = "metrics"
    LOGS = "logs"


#: How a request of each signal becomes rows.
ADD: Final[dict[Signal, Callable[[Batch, Origin, Any], None]]] = {
    Signal.SPANS: add_spans,
    Signal.METRICS: add_metrics,
    Signal.LOGS: add_logs,
}

#: How many items a request of each signal has: what a quota counts.
COUNT: Final[dict[Signal, Callable[[Any], int]]] = {
    Signal.SPANS: count_spans,
    Signal.METRICS: count_points,
    Signal.LOGS: count_logs,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a request.

    Args:
        rejected: How many items were refused.
        message: What the client's developer should know.
        left_out: How many items are not stored: those, and what a newer client has and we do not know.
    """

    rejected: int = 0
    message: str = ""
    left_out: int = 0


class Pipeline:
    """Stores requests; thread-safe.

    Args:
        writer: The writer's queue.
        keyring: Notes of used keys are written down with the next commit.
        quotas: What tenants have left of what they may send. What is sent again and is known costs nothing.
        counts: Counts what came and what became of it.
    """

    def __init__(self, writer: Writer, keyring: Keyring, quotas: Quotas, counts: Counts) -> None:
        self._writer = writer
        self._keyring = keyring
        self._quotas = quotas
        self._counts = counts
        self._recent = _Recent(_REMEMBERED)

    def ingest(
        self, principal: Principal, signal: Signal, message: Any, encoded: bytes, warning: str = ""
    ) -> Stored:
        """Store one request; return after the commit.

        Args:
            principal: Whose request it is.
            signal: What it carries.
            message: The decoded `Export…ServiceRequest`.
            encoded: The bytes that it was decoded from.
            warning: What the client's developer should know about how it was decoded.

        Raises:
            Refusal: It could not be stored now, or the tenant's quota is used up.
        """
        scope = f"{principal.tenant_id} {principal.agent_id or ''} {signal} "
        hashed = hashlib.sha256(scope.encode())
        hashed.update(encoded)
        digest = hashed.digest()
        items = COUNT[signal](message)
        self._counts.received(signal, items, len(encoded))
        if (before := self._recent.get(digest)) is not None:
            self._count(signal, items, before.left_out, 0)
            return before
        try:
            with self._quotas.spend(principal.tenant_id, principal.quota, len(encoded), items):
                with self._writer.coming():
                    batch = _batch_of(principal, signal, message, len(encoded))
                if warning:
                    batch.warn(warning)
                new = self._store(batch) if batch.rows else 0
        except Refusal as refusal:
            refusal.items = items
            raise
        self._count(signal, items, items - batch.items, new)
        stored = Stored(batch.rejected, batch.message, items - batch.items)
        self._recent.put(digest, stored)
        return stored

    def _count(self, signal: Signal, items: int, refused: int, new: int) -> None:
        self._counts.refused(signal, Reason.INVALID_ITEM, refused)
        self._counts.stored(signal, new)
        self._counts.duplicate(signal, items - refused - new)

    def _store(self, batch: Batch) -> int:
        """Store a batch, and say how many of its items are new."""
        used = self._keyring.take_uses()

        def work(connection: Connection) -> Outcome:
            touch_keys(connection, used)
            return store(connection, batch)

        new, conflicts = self._writer.do(work, batch.size)
        if conflicts:
            _log.warning("tenant %d: %d spans sent again with other content", batch.tenant_id, conflicts)
            batch.warn(f"{conflicts} spans were stored before with other content; the first is kept")
        return new


def _batch_of(principal: Principal, signal: Signal, message: Any, size: int) -> Batch:
    batch = Batch(principal.tenant_id, signal, size)
    ADD[signal](batch, Origin(principal.tenant_id, principal.agent_id, tenant=principal.tenant), message)
    return batch


class _Recent:
    """The answers to the latest requests, by their hash: the fast way for one that is sent again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, Stored] = OrderedDict()

    def get(self, digest: bytes) -> Stored | None:
        with self._lock:
            return self._answers.get(digest)

    def put(self, digest: bytes, stored: Stored) -> None:
        with self._lock:
            self._answers[digest] = stored
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
