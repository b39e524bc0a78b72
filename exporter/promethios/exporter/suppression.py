"""Keeps our own requests from being observed: they would make telemetry that makes requests."""

from __future__ import annotations

from typing import Final

from opentelemetry import context

#: The key that older instrumentations look for, and those that OpenTelemetry's API has made since.
_KEYS: Final = (
    "suppress_instrumentation",
    *(
        key
        for name in ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
        if isinstance(key := getattr(context, name, None), str)
    ),
)


def suppress() -> None:
    """Silence instrumentations in this thread, for good. For threads that do nothing but deliver."""
    suppressed = context.get_current()
    for key in _KEYS:
        suppressed = context.set_value(key, True, suppressed)
    context.attach(suppressed)


def suppressed() -> bool:
    """Whether what runs now is delivery, and not to be observed."""
    return any(context.get_value(key) for key in _KEYS)
