"""How much of a span is looked at while the application waits, and what was cut before anybody looked.

A span's end is on the application's thread. Looking costs some 7 ms for a million characters, taking out
what hits some 2 ms for a thousand. What goes beyond the bounds is left out of telemetry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from promethios.governance.enforcement.channels import Channel
from promethios.governance.enforcement.content import Redact

#: As many characters of one span are looked at.
MAX_LOOKED: Final = 4 << 20
#: As many characters of texts that hold something are redacted in one span.
MAX_REDACTED: Final = 64 << 10
#: Stands where the rest of a text was left out.
CUT: Final = "[REDACTED:too long]"
# Beyond this length a text is looked at by itself before it is redacted.
_LONG: Final = 4096


class Bounded:
    """Redacts the texts of one span within the bounds.

    Args:
        redact: Redacts a text; the same object where nothing had to be.
        is_clear: Whether surely nothing has to be redacted in a text.
    """

    def __init__(self, redact: Redact, is_clear: Callable[[str], bool]) -> None:
        self._redact, self._is_clear = redact, is_clear
        self._to_look, self._to_redact = MAX_LOOKED, MAX_REDACTED

    def __call__(self, text: str) -> str:
        """`text` redacted, its end left out where the bounds are passed."""
        if len(text) > self._to_look:
            return self._beginning(text)
        self._to_look -= len(text)
        if len(text) > max(self._to_redact, _LONG):
            return text if self._is_clear(text) else self._beginning(text)
        redacted = self._redact(text)
        if redacted is not text:
            self._to_redact -= len(text)
        return redacted

    def _beginning(self, text: str) -> str:
        head = settled(text[: max(0, self._to_redact)])
        self._to_redact -= len(head)
        return self._redact(head) + CUT


def settled(text: str) -> str:
    """`text`, which was cut somewhere, without what at its end could be the beginning of a hit."""
    return text[: Channel("", pending=text).complete()]


def cut_ends(span: Any) -> bool:
    """Take half hits from the ends of values that the SDK has cut to its limit; whether there were such."""
    found = _cut_ends(span._attributes)
    if len(span._events) or len(span._links):  # going through either takes a lock and a copy
        for part in (*span._events, *span._links):
            _cut_ends(part.attributes)
    return found


def _cut_ends(attributes: Any) -> bool:
    longest = getattr(attributes, "max_value_len", None)
    if longest is None:
        return False
    with attributes._lock:
        known = attributes._dict
        changed = {key: new for key, old in known.items() if (new := _cut_end(old, longest)) is not old}
        known.update(changed)
    return bool(changed)


def _cut_end(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return settled(value) if len(value) == longest else value
    if isinstance(value, tuple | list):
        parts = tuple(_cut_end(each, longest) for each in value)
        return parts if _differ(parts, value) else value
    return value


def _differ(some: Iterable[Any], others: Iterable[Any]) -> bool:
    return any(one is not other for one, other in zip(some, others, strict=True))
