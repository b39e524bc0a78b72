"""Collects what applications record, and hands it on in batches from a thread of its own.

The SDK's batch processors drop what does not fit without telling how much, and their flush and shutdown have
no deadline; these count, and keep to one.
"""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from promethios.exporter.counts import DropReason
from promethios.exporter.settings import MIB
from promethios.exporter.suppression import suppress
from promethios.exporter.threads import Home, start
from promethios.governance.telemetry.forks import renew_in_child

#: A batch leaves when it has so many items, or after `DELAY` seconds. What exceeds `LARGEST_QUEUE` items or
#: `LARGEST_BYTES` is dropped and counted: the application is never made to wait.
BATCH_ITEMS: Final = 512
DELAY: Final = 0.3
LARGEST_QUEUE: Final = 8192
LARGEST_BYTES: Final = 32 * MIB

#: What an item weighs whatever is in it, and how long a text is that is weighed besides, both in bytes.
_ITEM: Final = 1024
_LONG: Final = 256

_Item = TypeVar("_Item")


class Batcher(Generic[_Item]):
    """A bounded queue and the thread that empties it.

    Args:
        export: Takes a batch; called by one thread at a time. What it raises is swallowed.
        drop: Told how many items were lost, and why.
        weigh: About how many bytes of memory an item holds.
    """

    def __init__(
        self,
        export: Callable[[Sequence[_Item]], Any],
        drop: Callable[[int, DropReason], None],
        weigh: Callable[[_Item], int],
    ) -> None:
        self._export = export
        self._drop = drop
        self._weigh = weigh
        self._closed = False
        self._bytes = 0
        self.renew()
        renew_in_child(self)

    def add(self, item: _Item) -> None:
        """Take an item, or count it as lost. Never waits."""
        weight = self._bytes + self._weigh(item)
        if self._closed:
            self._drop(1, DropReason.SHUTDOWN)
        elif len(self._queue) >= LARGEST_QUEUE or weight > LARGEST_BYTES:
            self._drop(1, DropReason.QUEUE_FULL)
        else:
            # Threads may take each other's sum for theirs: that is set right whenever the queue is empty.
            self._bytes = weight
            self._queue.append(item)
            if len(self._queue) >= BATCH_ITEMS:
                self._wake()

    def flush(self, deadline: float) -> bool:
        """Export what is queued now. False if the deadline (`time.monotonic`) came first."""
        if not self._exporting.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            self._empty()
        finally:
            self._exporting.release()
        return True

    def close(self, deadline: float) -> None:
        """Export what is queued, and take no more."""
        self._closed = True
        self._wake()
        self.flush(deadline)
        self._drop(len(self._queue), DropReason.SHUTDOWN)

    def renew(self) -> None:
        """Start, or start anew in a forked child: what was queued is the parent's to send."""
        self._queue: deque[_Item] = deque()
        self._bytes = 0
        # No `Event`: a signal's handler that sets one in the middle of setting it waits for ever.
        self._asleep = threading.Lock()
        self._exporting = threading.Lock()
        if not self._closed:
            start(self._run, "promethios-batching")

    def _run(self, home: Home) -> None:
        suppress()
        while home and not self._closed:
            self._asleep.acquire(timeout=DELAY)
            with self._exporting:
                self._empty()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):
            # It is not woken twice.
            self._asleep.release()

    def _empty(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_ITEMS))]
            try:
                self._export(batch)
            except Exception:
                self._drop(len(batch), DropReason.NOT_ENCODED)
        self._bytes = 0


def weight_of_span(span: ReadableSpan) -> int:
    """About how many bytes a span holds, found without a copy of it, in about a microsecond."""
    weight = _ITEM + _weight(span._attributes)
    for event in span._events:
        weight += _ITEM + _weight(event.attributes)
    return weight


def weight_of_record(record: ReadableLogRecord) -> int:
    """About how many bytes a log record holds."""
    return _ITEM + _weight({"body": record.log_record.body}) + _weight(record.log_record.attributes)


def _weight(attributes: Any, depth: int = 3) -> int:
    """The long texts of attributes. Those of the SDK are read past its lock, at a tenth of the price: what
    they belong to has ended, and changes no more."""
    weight = 0
    for value in (getattr(attributes, "_dict", attributes) or {}).values():
        kind = type(value)
        if kind is str or kind is bytes:
            if len(value) > _LONG:
                weight += len(value)
        elif depth and (kind is tuple or kind is list):
            weight += _weight(dict(enumerate(value)), depth - 1)
        elif depth and kind is dict:
            weight += _weight(value, depth - 1)
    return weight


class SpanBatches(SpanProcessor):
    """Exports ended spans that are sampled. Arguments as for `Batcher`."""

    def __init__(
        self, export: Callable[[Sequence[ReadableSpan]], Any], drop: Callable[[int, DropReason], None]
    ) -> None:
        self._batcher = Batcher(export, drop, weight_of_span)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span."""
        if span.context and span.context.trace_flags.sampled:
            self._batcher.add(span)

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Hand over what is queued."""
        return self._batcher.flush(time.monotonic() + timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 1000) -> None:
        """Hand over what is queued, and take no more."""
        self._batcher.close(time.monotonic() + timeout_millis / 1000)


class LogBatches(LogRecordProcessor):
    """Exports log records. Arguments as for `Batcher`."""

    def __init__(
        self, export: Callable[[Sequence[ReadableLogRecord]], Any], drop: Callable[[int, DropReason], None]
    ) -> None:
        self._batcher = Batcher(export, drop, weight_of_record)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue the record, without the context that it came from: that could hold anything, for long."""
        record = copy.copy(log_record.log_record)
        record.context = Context()
        self._batcher.add(
            ReadableLogRecord(
                log_record=record,
                resource=log_record.resource or Resource.get_empty(),
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
        )

    def force_flush(self, timeout_millis: float = 30_000) -> bool:
        """Hand over what is queued."""
        return self._batcher.flush(time.monotonic() + timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 1000) -> None:
        """Hand over what is queued, and take no more."""
        self._batcher.close(time.monotonic() + timeout_millis / 1000)
