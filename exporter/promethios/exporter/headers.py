"""Which headers of a user's can go into a request: what cannot would fail each time it is sent."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Final

from opentelemetry.util.re import parse_env_headers

#: https://www.rfc-editor.org/rfc/rfc9110#section-5.1
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What the request says of itself; another word on it would make it unreadable.
_OURS: Final = frozenset({"connection", "content-length", "transfer-encoding"})

_PARSER: Final = logging.getLogger(parse_env_headers.__module__)
_logger = logging.getLogger("promethios.exporter")


def read(text: str) -> Mapping[str, str]:
    """The headers of a variable such as ``OTEL_EXPORTER_OTLP_HEADERS``; what is none is left out, and logged.

    OpenTelemetry's parser would log it whole, and it may well be a key.
    """
    unread = _Unread()
    _PARSER.addFilter(unread)
    try:
        found = parse_env_headers(text, liberal=True)
    finally:
        _PARSER.removeFilter(unread)
    if unread.count:
        _logger.warning(
            "headers: %d of the parts between commas are left out: they cannot be read as name=value",
            unread.count,
        )
    return found


def problem_with(headers: Iterable[tuple[str, str]]) -> str:
    """What is wrong with the first header that cannot be sent, without its value; empty where all can."""
    for name, value in headers:
        if not _NAME.fullmatch(name):
            return f"hold {name!r}, which is no name of a header"
        if name.lower() in _OURS:
            return f"hold {name!r}, which the request sets by itself"
        if not value.isascii() or not all(each.isprintable() or each == "\t" for each in value):
            return f"hold a value of {name!r} with a line break or a character that no header has"
    return ""


class _Unread(logging.Filter):
    """Counts what its thread would log, and lets nothing of that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.thread == self._thread
        self.count += ours
        return not ours
