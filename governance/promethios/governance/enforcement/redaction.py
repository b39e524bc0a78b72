"""Redaction of telemetry before anybody exports it: spans as they end, log records as they are emitted.

Instrumentations that capture content write the request as they got it, before a guard redacts the call.
A span is looked at once, as a whole, before its end: its texts are joined and scanned together, and only
where something is found the single values are looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, Status

from promethios.governance import semconv
from promethios.governance.detectors import Scanner
from promethios.governance.enforcement.bounds import MAX_LOOKED, Bounded, cut_ends
from promethios.governance.enforcement.content import (
    LARGE,
    UNREADABLE,
    Redact,
    clean,
    gather,
    is_clear,
    redacted,
    redacted_key,
)
from promethios.governance.telemetry.spans import stamped_id

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)

# How many short texts that were looked at and are clean are remembered, and what is short. Names of
# attributes and most of their values are the same for span after span.
_MOST_KNOWN = 4096
_SHORT = 64


class SpanRedaction:
    """Takes out of spans what the policies in force redact.

    Args:
        governor: Whose policies say what.
    """

    def __init__(self, governor: Governor) -> None:
        self._governor = governor
        self._scanner: Scanner | None = None
        self._known: set[str] = set()

    def apply(self, span: Any, attributes: Mapping[str, Any]) -> None:
        """Redact `span`, which is about to end, in place; `attributes` are its own."""
        if self._governor.redactor is not None and cut_ends(span):
            attributes = span._attributes.copy()
        if not self.is_clean(span, attributes):
            _redact_span(span, attributes, Bounded(self._governor.redact_text, self._is_clear))

    def is_clean(self, span: Any, attributes: Mapping[str, Any]) -> bool:
        """Whether surely nothing is to be redacted in `span`."""
        return self.are_clean([(span, attributes)])

    def are_clean(self, spans: Iterable[tuple[Any, Mapping[str, Any]]]) -> bool:
        """Whether surely nothing is to be redacted in any of the spans, each with its own attributes."""
        scanner = self._governor.redactor
        if scanner is None:
            return True
        if scanner is not self._scanner:
            self._scanner, self._known = scanner, set()
        texts = [text for span, attributes in spans for text in _unknown(span, attributes, self._known)]
        if not texts:
            return True
        if sum(map(len, texts)) > MAX_LOOKED or not is_clear(texts, scanner):
            return False
        if len(self._known) < _MOST_KNOWN:
            self._known.update([text for text in texts if len(text) <= _SHORT])
        return True

    def _is_clear(self, text: str) -> bool:
        scanner = self._governor.redactor
        return scanner is None or is_clear((text,), scanner)

    def withhold(self, span: Any) -> None:
        """Take everything out of `span` that may be content, because it cannot be told whether it is."""
        for key in span._attributes.copy():
            del span._attributes[key]
        span._attributes[UNREADABLE] = True
        span._name = UNREADABLE
        span._events._dq.clear()
        span._links._dq.clear()
        span._status = Status(span._status.status_code)


def _unknown(span: Any, attributes: Mapping[str, Any], known: set[str]) -> list[str]:
    """Every text of `span` that is not known to be clean."""
    texts = [] if known.issuperset(attributes) else [*attributes]
    if span._name not in known:
        texts.append(span._name)
    own = attributes.get(semconv.DECISION_ID)  # random, and our own where it is the stamp's
    own = own if own is not None and own is stamped_id(span) else None
    for value in attributes.values():
        if type(value) is str:
            if value not in known and value is not own:
                texts.append(value)
        elif type(value) is not int or not -LARGE < value < LARGE:
            gather(value, texts)
    for event in span._events if len(span._events) else ():
        texts.append(event.name)
        gather(event.attributes, texts)
    for link in span._links if len(span._links) else ():
        gather(link.attributes, texts)
    if span._status.description:
        texts.append(span._status.description)
    return texts


def _redact_span(span: Any, attributes: Mapping[str, Any], redact: Redact) -> None:
    for key, value in attributes.items():
        new_key, new = redacted_key(key, redact), clean(value, redact)
        if new_key is not key:
            del span._attributes[key]
        if new_key is not key or new is not value:
            span._attributes[new_key] = new
    span._name = clean(span._name, redact)
    if span._status.description:
        span._status = Status(span._status.status_code, clean(span._status.description, redact))
    _replace(span._events, [_redacted_event(event, redact) for event in span._events])
    _replace(span._links, [_redacted_link(link, redact) for link in span._links])


def _redacted_event(event: Event, redact: Redact) -> Event:
    name, attributes = clean(event.name, redact), _redacted_attributes(event.attributes, redact)
    if name is event.name and attributes is event.attributes:
        return event
    return Event(name, attributes, event.timestamp)


def _redacted_link(link: Link, redact: Redact) -> Link:
    attributes = _redacted_attributes(link.attributes, redact)
    return link if attributes is link.attributes else Link(link.context, attributes)


def _redacted_attributes(attributes: Any, redact: Redact) -> Any:
    """The attributes of an event or a link, which say how many of them were dropped."""
    new = clean(attributes, redact)
    if new is attributes:
        return attributes
    kept = BoundedAttributes(attributes={UNREADABLE: True} if new is UNREADABLE else new)
    kept.dropped = getattr(attributes, "dropped", 0)
    return kept


def _replace(parts: Any, new: list[Any]) -> None:
    """Put other items into a list of the SDK, which can only be added to, and counts what it drops."""
    if any(a is not b for a, b in zip(parts, new, strict=True)):
        parts._dq.clear()
        parts._dq.extend(new)


class GovernanceLogProcessor(LogRecordProcessor):
    """Redacts the body and the attributes of log records. Add it before the processors that export.

    Args:
        governor: Whose policies say what to redact.
    """

    def __init__(self, governor: Governor) -> None:
        self._redact = governor.redact_text

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Redact `log_record` in place."""
        try:
            self._redact_record(log_record.log_record)
        except Exception:
            log_record.log_record.body = UNREADABLE
            log_record.log_record.attributes = {UNREADABLE: True}
            _log.exception("cannot redact a log record; its body and attributes are withheld")

    def _redact_record(self, record: Any) -> None:
        record.body = redacted(record.body, self._redact)
        for key, value in dict(record.attributes or {}).items():
            new_key, new = redacted_key(key, self._redact), redacted(value, self._redact)
            if new_key is not key:
                del record.attributes[key]
            if new_key is not key or new is not value:
                record.attributes[new_key] = new

    def shutdown(self) -> None:
        """Nothing is held back, so there is nothing to end."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held back: always True."""
        return True
