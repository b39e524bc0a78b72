"""Redaction of values, whatever they are: nothing that is written to telemetry makes its writer fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from promethios.governance.detectors import Scanner
from promethios.governance.detectors.scanner import SEPARATOR

_DEPTH: Final = 32
#: A number from here on may be one that a detector looks for.
LARGE: Final = 10**12
# Names of attributes are no content.
_NAME: Final = re.compile(r"[a-z_.]*|.{0,11}", re.ASCII)
UNREADABLE: Final = "[REDACTED:unreadable]"

Redact = Callable[[str], str]


def clean(value: Any, redact: Redact) -> Any:
    """`value` redacted, the very same object where nothing had to be; what cannot be read is withheld."""
    try:
        return redacted(value, redact)
    except Exception:
        return UNREADABLE


def redacted(value: Any, redact: Redact, above: tuple[int, ...] = ()) -> Any:
    """`value` with every text in it redacted; the very same object where nothing had to be."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGE):
        return value
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
        return value if (new := redact(text)) is text else new
    if len(above) < _DEPTH and id(value) not in above:
        if isinstance(value, Mapping):
            return _redacted_map(value, redact, (*above, id(value)))
        if isinstance(value, list | tuple):
            parts = [redacted(item, redact, (*above, id(value))) for item in value]
            same = all(a is b for a, b in zip(parts, value, strict=True))
            return value if same else tuple(parts) if isinstance(value, tuple) else parts
    return _redacted_object(value, redact)


def redacted_key(key: Any, redact: Redact) -> Any:
    """The name of an attribute, redacted where it is longer than a name is."""
    return redact(key) if isinstance(key, str) and not _NAME.fullmatch(key) else key


def _redacted_map(value: Mapping[Any, Any], redact: Redact, above: tuple[int, ...]) -> Any:
    new, same = {}, True
    for key, item in value.items():
        new_key, new_item = redacted_key(key, redact), redacted(item, redact, above)
        same = same and new_key is key and new_item is item
        new[new_key] = new_item
    return value if same else new


def _redacted_object(value: Any, redact: Redact) -> Any:
    """The SDK exports the text of an object, so it is that text which must be clean, and must not fail."""
    try:
        text = str(value)
        new = redact(text)
    except Exception:
        return UNREADABLE
    return value if new is text else new


def gather(value: Any, texts: list[str], depth: int = 0) -> None:
    """Add every text in what an SDK keeps of a value: it is plain already."""
    kind = type(value)
    if kind is str:
        texts.append(value)
    elif kind is bool or kind is float or value is None:
        return
    elif kind is int:
        if not -LARGE < value < LARGE:
            texts.append(str(value))
    elif isinstance(value, bytes):
        texts.append(value.decode(errors="replace"))
    elif depth < _DEPTH and isinstance(value, Mapping):
        for key, item in value.items():
            texts.append(str(key))
            gather(item, texts, depth + 1)
    elif depth < _DEPTH and isinstance(value, list | tuple):
        for item in value:
            gather(item, texts, depth + 1)
    else:
        texts.append(str(value))


def is_clear(texts: Iterable[str], scanner: Scanner) -> bool:
    """Whether surely nothing is to be redacted in the texts: they are joined, and looked at once."""
    joined = SEPARATOR.join(texts)
    # An escape may hide in JSON what a pattern would see outside it.
    return scanner.joinable and "\\u" not in joined and scanner.is_clear(joined)
