"""Images, sounds and documents within a request: bytes, or base64 in JSON, which are no texts.

A detector that scanned them would take long and find accidents, and a payload of megabytes would count as one
that could not be looked at. So policies see ``<image/png: 48211 bytes>`` in their place, and what is sent has
them as they were. A document that is text (``text/*``, JSON, XML, Markdown, CSV …) is seen as that text, and
encoded anew where something in it was redacted.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

# What is shorter holds no image, and is scanned as it stands.
_SHORTEST: Final = 64
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)
# How it is named what a part is: by Anthropic, Google, LangChain and MCP, OpenAI's sounds, Amazon.
_KINDS: Final = ("media_type", "mimeType", "mime_type", "format")
_FIELDS: Final = ("base64", "blob", "data", "bytes", "file_data", "imageBytes", "videoBytes")
_TEXTS: Final = re.compile(r"text/.*|.*[/+](json|xml|yaml)|txt|md|csv|html?|json|xml", re.IGNORECASE)
_DEPTH: Final = 64

# What was seen already, by identity: the object, which stays alive by it, and how it is shown.
_Seen = dict[int, tuple[Any, Any]]


class _Document(str):
    """The text of a document that is sent as base64."""

    __slots__ = ("head",)
    head: str


def shown(value: Any) -> Any:
    """Plain `value` as policies see it; the very same object where there are no media in it."""
    return _shown(value, "", 0, {})


def put_back(value: Any, seen: Any, redacted: Any) -> Any:
    """`value`, of which policies saw `seen`, after that was redacted to `redacted`: a copy if it differs."""
    if redacted is seen:
        return value
    if isinstance(seen, _Document):
        return seen.head + b64encode(str(redacted).encode()).decode()
    if isinstance(value, Mapping) and isinstance(redacted, Mapping):
        trios = zip(value.values(), seen.values(), redacted.items(), strict=True)
        return {name: put_back(item, old, new) for item, old, (name, new) in trios}
    if isinstance(value, list | tuple) and isinstance(redacted, list | tuple):
        return [put_back(*trio) for trio in zip(value, seen, redacted, strict=True)]
    return redacted


def _shown(value: Any, kind: str, depth: int, seen: _Seen) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{kind or 'binary'}: {len(value)} bytes>"
    if isinstance(value, str):
        return _data_url(value) if value.startswith("data:") else value
    if depth > _DEPTH or not isinstance(value, Mapping | list | tuple):
        return value
    if id(value) not in seen:
        seen[id(value)] = (value, value)  # this is what it finds that is within itself
        opened = _map(value, kind, depth, seen) if isinstance(value, Mapping) else _list(value, depth, seen)
        seen[id(value)] = (value, opened)
    return seen[id(value)][1]


def _list(value: list[Any] | tuple[Any, ...], depth: int, seen: _Seen) -> Any:
    parts = [_shown(item, "", depth + 1, seen) for item in value]
    return parts if any(a is not b for a, b in zip(parts, value, strict=True)) else value


def _map(value: Mapping[Any, Any], outer: str, depth: int, seen: _Seen) -> Any:
    """A map, whose kind may be said in it (``mimeType``) or around it (``format`` of Amazon's ``source``)."""
    kind = next((said for name in _KINDS if isinstance(said := value.get(name), str)), outer)
    parts = {
        name: _base64(item, kind) if name in _FIELDS and kind and isinstance(item, str) else None
        for name, item in value.items()
    }
    for name, item in value.items():
        if parts[name] is None:
            inner = kind if name == "source" or name in _FIELDS else ""
            parts[name] = _shown(item, inner, depth + 1, seen)
    return parts if any(parts[name] is not item for name, item in value.items()) else value


def _data_url(text: str) -> str:
    head, marker, data = text.partition(";base64,")
    return _base64(data, head[5:].partition(";")[0] or "binary", head + marker) or text if marker else text


def _base64(text: str, kind: str, head: str = "") -> str | None:
    """How base64 of that kind is shown; None where it is no base64."""
    if len(text) < _SHORTEST or not _BASE64.fullmatch(text):
        return None
    if _TEXTS.fullmatch(kind):
        return _decoded(text, head)
    return f"{head}<{kind}: {len(text.rstrip('=')) * 3 // 4} bytes>"


def _decoded(text: str, head: str) -> str | None:
    try:
        document = _Document(b64decode(text, altchars=b"-_" if "-" in text or "_" in text else None).decode())
    except ValueError:
        return None
    document.head = head
    return document
