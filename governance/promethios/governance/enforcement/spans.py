"""The end of governed spans, noticed in time; and the class of those that are operations from the start.

A span's end is the last moment at which it can be changed, and the first at which all is known of it. What is
done there comes before every processor's `on_end`, in whatever order they were added. It stands around the
public `Span.end`, once for the process: another class for each span would cost more than the rest.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Final

from opentelemetry.sdk.trace import Span

from promethios.governance.dialects import IDENTITY
from promethios.governance.enforcement.content import UNREADABLE, clean

#: What a span was said to be about: a span keeps a limited number of attributes, and the oldest go first.
_KEPT: Final = "_promethios_kept"
_ENDINGS: Final = "_promethios_endings"

_Methods = dict[str, Callable[..., None]]
_installed = threading.Lock()
_classes: dict[type[Span], type[Span]] = {}


def install() -> None:
    """Notice the end of every span that `watch_end` names, once for the process."""
    if not _installed.acquire(blocking=False):
        return
    original: Callable[..., None] = Span.end

    @functools.wraps(original)
    def end(span: Any, end_time: int | None = None) -> None:
        endings = span._promethios_endings
        if endings and span._end_time is None:
            end_time = time_ns() if end_time is None else end_time
            span._promethios_endings = ()
            for ending in endings:
                ending(span)
        original(span, end_time)

    setattr(Span, _ENDINGS, ())
    setattr(Span, _KEPT, None)
    setattr(Span, "end", end)  # noqa: B010 - a method, which mypy lets nobody assign


def watch_end(span: Any, endings: tuple[Callable[[Any], None], ...]) -> None:
    """Call `endings` with `span` before it ends. They must not raise."""
    span._promethios_endings = (*span._promethios_endings, *endings) if span._promethios_endings else endings


def kept_of(span: Any) -> dict[str, Any] | None:
    """What the span of an operation was said to be about; None for other spans."""
    kept: dict[str, Any] | None = span._promethios_kept
    return kept


def make_operation(span: Any, kept: dict[str, Any]) -> None:
    """Let the span of an operation remember what it is about, and no value make it raise.

    Args:
        span: The operation's.
        kept: What it is said to be about so far.
    """
    span._promethios_kept = kept
    original: type[Span] = type(span)
    if not issubclass(original, _Operation):
        span.__class__ = _classes.get(original) or _class_of(original)


def _class_of(original: type[Span]) -> type[Span]:
    methods = {**_setting(original), **_adding(original)}
    made = _classes[original] = type(original.__name__, (_Operation, original), methods)
    return made


class _Operation(Span):
    """What tells the class of an operation's span from others."""


def _setting(original: type[Span]) -> _Methods:
    set_attribute, set_attributes = original.set_attribute, original.set_attributes

    def set_one(self: Any, key: str, value: Any) -> None:
        try:
            if key in IDENTITY:
                self._promethios_kept[key] = value
            set_attribute(self, key, value)
        except Exception:
            set_attribute(self, str(clean(key, str)), UNREADABLE)

    def set_several(self: Any, attributes: Mapping[str, Any]) -> None:
        try:
            kept = self._promethios_kept
            for key in IDENTITY.intersection(attributes):
                kept[key] = attributes[key]
            set_attributes(self, attributes)
        except Exception:
            set_attributes(self, _readable(attributes))

    return {"set_attribute": set_one, "set_attributes": set_several}


def _adding(original: type[Span]) -> _Methods:
    add_event, add_link = original.add_event, original.add_link

    def add_one_event(self: Any, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        try:
            add_event(self, name, attributes, timestamp)
        except Exception:
            add_event(self, name, _readable(attributes), timestamp)

    def add_one_link(self: Any, context: Any, attributes: Any = None) -> None:
        try:
            add_link(self, context, attributes)
        except Exception:
            add_link(self, context, _readable(attributes))

    return {"add_event": add_one_event, "add_link": add_one_link}


def _readable(attributes: Any) -> Mapping[str, Any]:
    found = clean(attributes, str)
    return found if isinstance(found, Mapping) else {UNREADABLE: True}
