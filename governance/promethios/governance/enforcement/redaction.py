"""Redaction of telemetry while it is written: a span's class, and a log record processor.

A span is immutable when it ends, so content has to be taken out when it is set. Instrumentations that
capture content write the request as they got it, before a guard redacts the call itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs import LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk.trace import Span
from opentelemetry.trace import Status, StatusCode

if TYPE_CHECKING:
    from promethios.governance.governor import Governor

_log = logging.getLogger(__name__)
_DEPTH = 32
UNREADABLE: Final = "[REDACTED:unreadable]"
_REDACT = "_promethios_redact"

Redact = Callable[[str], str]


def redact_span(span: Span, redact: Redact) -> None:
    """Give `span` a class that redacts what is written to it, and redact what it was started with."""
    setattr(span, _REDACT, redact)
    span.__class__ = _redacting_class(type(span))
    for key, value in dict(span.attributes or {}).items():
        if (redacted := _redact_value(value, redact)) is not value:
            span.set_attribute(key, redacted)


def _redact_value(value: Any, redact: Redact, depth: int = 0) -> Any:
    """`value` with every text in it redacted; the very same object where nothing had to be."""
    if isinstance(value, str):
        return redact(value)
    if depth >= _DEPTH:
        return value
    if isinstance(value, Mapping):
        items = {k: _redact_value(v, redact, depth + 1) for k, v in value.items()}
        return items if any(items[k] is not v for k, v in value.items()) else value
    if isinstance(value, list | tuple):
        parts = [_redact_value(v, redact, depth + 1) for v in value]
        return type(value)(parts) if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    if value is None or isinstance(value, int | float | bytes):
        return value
    return _redact_object(value, redact)


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
        super().set_attribute(key, _redact_value(value, getattr(self, _REDACT)))

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        super().set_attributes(_redact_value(attributes, getattr(self, _REDACT)))

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        super().add_event(name, _redact_value(attributes, getattr(self, _REDACT)), timestamp)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        redact: Redact = getattr(self, _REDACT)
        if isinstance(status, Status) and status.description:
            status = Status(status.status_code, redact(status.description))
        super().set_status(status, redact(description) if description else description)


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
