"""The last line of redaction: exporters that take out what reached them behind the processor's back.

Spans of a provider without the processor, spans that are exported when they begin, attributes that were
written past the span's methods: all come here. An exporter never gets more than what policies let out.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util import BoundedList

from promethios.governance.enforcement.content import UNREADABLE, redacted
from promethios.governance.enforcement.redaction import SpanRedaction

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)


class RedactingSpanExporter(SpanExporter):
    """Redacts spans on their way into another exporter. It drops none, and changes a copy of a span only.

    Args:
        exporter: What exports them.
        governor: Whose policies say what to redact.
    """

    def __init__(self, exporter: SpanExporter, governor: Governor) -> None:
        self._exporter = exporter
        self._redaction = SpanRedaction(governor)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans`, redacted."""
        if not self._are_clean(spans):
            spans = [self._clean(span) for span in spans]
        return self._exporter.export(spans)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """As the exporter does."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """As the exporter does."""
        self._exporter.shutdown()

    def _are_clean(self, spans: Sequence[ReadableSpan]) -> bool:
        """Whether all are, looked at together: what the processor redacted before is, nearly always."""
        try:
            return self._redaction.are_clean((span, dict(span.attributes or {})) for span in spans)
        except Exception:
            return False  # each is looked at, and withheld where it cannot be read

    def _clean(self, span: ReadableSpan) -> ReadableSpan:
        try:
            attributes = dict(span.attributes or {})
            if self._redaction.is_clean(span, attributes):
                return span
            changed = _changeable(span, attributes)
            self._redaction.apply(changed, attributes)
            return changed
        except Exception:
            _log.exception("cannot redact a span; its attributes, events and links are withheld")
            return _withheld(span)


def _changeable(span: Any, attributes: dict[str, Any]) -> ReadableSpan:
    """A copy of `span`, whose own parts others may still hold."""
    changed: Any = copy.copy(span)
    changed._attributes = attributes.copy()
    changed._events = BoundedList.from_seq(None, span._events)
    changed._links = BoundedList.from_seq(None, span._links)
    made: ReadableSpan = changed
    return made


def _withheld(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=UNREADABLE,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={UNREADABLE: True},
        kind=span.kind,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


class RedactingLogExporter(LogRecordExporter):
    """Redacts log records on their way into another exporter. It drops none, and changes copies only.

    Args:
        exporter: What exports them.
        governor: Whose policies say what to redact.
    """

    def __init__(self, exporter: LogRecordExporter, governor: Governor) -> None:
        self._exporter = exporter
        self._redact = governor.redact_text

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export the records, redacted."""
        return self._exporter.export([self._clean(record) for record in batch])

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """As the exporter does."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """As the exporter does."""
        exporter: Any = self._exporter
        exporter.shutdown()

    def _clean(self, readable: ReadableLogRecord) -> ReadableLogRecord:
        record = readable.log_record
        try:
            body, attributes = redacted(record.body, self._redact), redacted(record.attributes, self._redact)
        except Exception:
            _log.exception("cannot redact a log record; its body and attributes are withheld")
            body, attributes = UNREADABLE, None
        if body is record.body and attributes is record.attributes:
            return readable
        changed = copy.copy(readable)
        inner = copy.copy(record)
        inner.body, inner.attributes = body, attributes
        object.__setattr__(changed, "log_record", inner)
        return changed
