"""Redaction of telemetry while it is written: a span's class, and a log record processor.

A span is immutable when it ends, so content has to be taken out when it is set. Instrumentations that
capture content write the request as they got it, before a guard redacts the call itself.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Span
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)
_DEPTH: Final = 32
# A number with fewer digits is none that a detector looks for; nor are names of attributes content.
_SHORTEST: Final = 10**12
_NAME: Final = re.compile(r"[a-z_.]*|.{0,11}", re.ASCII)
UNREADABLE: Final = "[REDACTED:unreadable]"
_REDACT = "_promethios_redact"

Redact = Callable[[str], str]


def redact_span(span: Span, redact: Redact) -> None:
    """Give `span` a class that redacts what is written to it, and redact what it was started with."""
    setattr(span, _REDACT, _both(getattr(span, _REDACT, None), redact))
    span.__class__ = _redacting_class(type(span))
    for key, value in dict(span.attributes or {}).items():
        if (redacted := _clean(value, redact)) is not value:
            span.set_attribute(key, redacted)
    if (name := _clean(span.name, redact)) is not span.name:
        span.update_name(name)
    _redact_links(span, redact)


def _both(first: Redact | None, second: Redact) -> Redact:
    """What redacts as both do: more than one governor may govern a provider."""
    return second if first is None or first == second else lambda text: second(first(text))


def _redact_links(span: Any, redact: Redact) -> None:
    """Links that a span is started with can only be replaced as a whole."""
    cleaned = [_clean(link.attributes, redact) for link in span.links]
    if any(new is not link.attributes for new, link in zip(cleaned, span.links, strict=True)):
        links = [Link(link.context, new) for new, link in zip(cleaned, span.links, strict=True)]
        span._links = span._new_links(links)


def _clean(value: Any, redact: Redact) -> Any:
    """`value` redacted, whatever it is: nothing that is written to a span makes the writer fail."""
    try:
        return _redact_value(value, redact)
    except Exception:
        return UNREADABLE


def _clean_map(attributes: Any, redact: Redact) -> Any:
    cleaned = _clean(attributes, redact)
    return {UNREADABLE: True} if cleaned is UNREADABLE else cleaned


def _redact_value(value: Any, redact: Redact, above: tuple[int, ...] = ()) -> Any:
    """`value` with every text in it redacted; the very same object where nothing had to be."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < _SHORTEST):
        return value
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        return value if (redacted := redact(text)) is text else redacted
    if len(above) < _DEPTH and id(value) not in above:
        if isinstance(value, Mapping):
            return _redact_map(value, redact, (*above, id(value)))
        if isinstance(value, list | tuple):
            parts = [_redact_value(item, redact, (*above, id(value))) for item in value]
            same = all(a is b for a, b in zip(parts, value, strict=True))
            return value if same else tuple(parts) if isinstance(value, tuple) else parts
    return _redact_object(value, redact)


def _redact_map(value: Mapping[Any, Any], redact: Redact, above: tuple[int, ...]) -> Any:
    redacted, same = {}, True
    for key, item in value.items():
        new_key, new = _redact_key(key, redact), _redact_value(item, redact, above)
        same = same and new_key is key and new is item
        redacted[new_key] = new
    return value if same else redacted


def _redact_key(key: Any, redact: Redact) -> Any:
    return redact(key) if isinstance(key, str) and not _NAME.fullmatch(key) else key


def _redact_object(value: Any, redact: Redact) -> Any:
    """The SDK exports the text of an object, so it is that text which must be clean, and must not fail."""
    try:
        text = str(value)
        redacted = redact(text)
    except Exception:
        return UNREADABLE
    return value if redacted is text else redacted


class _Redacting(Span):
    """The methods of a span that take content."""

    def set_attribute(self, key: str, value: Any) -> None:
        redact: Redact = getattr(self, _REDACT)
        super().set_attribute(_redact_key(key, redact), _clean(value, redact))

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        super().set_attributes(_clean_map(attributes, getattr(self, _REDACT)))

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        redact: Redact = getattr(self, _REDACT)
        super().add_event(_clean(name, redact), _clean_map(attributes, redact), timestamp)

    def add_link(self, context: SpanContext, attributes: Any = None) -> None:
        super().add_link(context, _clean_map(attributes, getattr(self, _REDACT)))

    def update_name(self, name: str) -> None:
        super().update_name(_clean(name, getattr(self, _REDACT)))

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        redact: Redact = getattr(self, _REDACT)
        if isinstance(status, Status) and status.description:
            status = Status(status.status_code, redact(status.description))
        super().set_status(status, _clean(description, redact))


@lru_cache(maxsize=64)
def _redacting_class(original: type[Span]) -> type[Span]:
    if issubclass(original, _Redacting):
        return original
    return type(original.__name__, (_Redacting, original), {})


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
            _log.exception("cannot redact a log record; its body is withheld")

    def _redact_record(self, record: Any) -> None:
        record.body = _redact_value(record.body, self._redact)
        for key, value in dict(record.attributes or {}).items():
            if (redacted := _redact_value(value, self._redact)) is not value:
                record.attributes[key] = redacted

    def shutdown(self) -> None:
        """Nothing is held back, so there is nothing to end."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held back: always True."""
        return True
