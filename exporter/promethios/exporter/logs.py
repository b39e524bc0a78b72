"""Takes records of Python's `logging` into OpenTelemetry.

The SDK's own handler is deprecated in favour of an instrumentation package; this one is small, and leaves out
what delivery itself logs.
"""

from __future__ import annotations

import logging
import time
import traceback
from typing import Any, Final

from opentelemetry import context
from opentelemetry._logs import LoggerProvider, LogRecord, SeverityNumber

from promethios.exporter.suppression import suppressed

#: https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL, "FATAL"),
    (logging.ERROR, SeverityNumber.ERROR, "ERROR"),
    (logging.WARNING, SeverityNumber.WARN, "WARN"),
    (logging.INFO, SeverityNumber.INFO, "INFO"),
    (logging.DEBUG, SeverityNumber.DEBUG, "DEBUG"),
    (logging.NOTSET, SeverityNumber.TRACE, "TRACE"),
)
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogHandler(logging.Handler):
    """Sends log records to a logger provider, with what was given as ``extra`` as attributes.

    Args:
        provider: Where to.
        level: The least level that is sent.
    """

    def __init__(self, provider: LoggerProvider, level: int | str = logging.INFO) -> None:
        super().__init__(level)
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record. Never raises."""
        if suppressed():
            return
        try:
            self._provider.get_logger(record.name).emit(self._translate(record))
        except Exception:
            self.handleError(record)

    def _translate(self, record: logging.LogRecord) -> LogRecord:
        number, text = next((n, t) for level, n, t in _SEVERITIES if record.levelno >= level)
        return LogRecord(
            timestamp=int(record.created * 1e9),
            observed_timestamp=time.time_ns(),
            context=context.get_current(),
            severity_number=number,
            severity_text=text,
            body=self.format(record) if self.formatter else record.getMessage(),
            attributes=_attributes(record),
        )


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    attributes = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    attributes["code.file.path"] = record.pathname
    attributes["code.line.number"] = record.lineno
    if record.exc_info and record.exc_info[0]:
        attributes["exception.type"] = record.exc_info[0].__name__
        attributes["exception.stacktrace"] = "".join(traceback.format_exception(*record.exc_info))
    return attributes
